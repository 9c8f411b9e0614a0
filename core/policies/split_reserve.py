"""Split reserve: reclaim may not eat the share of the reserve that is kept for atomic allocations.

Source:  N. Piggin to P. Zijlstra, linux-mm, 23 Aug 2007, <20070823033826.GE18788@wotan.suse.de>; a proposal in words.
Kernel:  mm/page_alloc.c:zone_watermark_ok(), ALLOC_NO_WATERMARKS, v2.6.23, with a floor.
2.6.23 has one count of free pages and two floors in it: GFP_ATOMIC stops at 0.375 min and PF_MEMALLOC at 0, so the lowest 0.375 min are for reclaim alone
and nothing is for interrupts alone. One count cannot hold a share for each; it can turn the two floors round. PF_MEMALLOC stops at
atomic_reserve_percent of min and GFP_ATOMIC (without __GFP_NOMEMALLOC) goes as much deeper: at 37 percent the lowest 0.37 min are for interrupts alone,
at 18 neither has anything alone, at 0 it is inline.
Differs: no code was posted.
Expect:  interrupts no longer fail because reclaim writes; reclaim fails earlier, so devices that need much memory for a write suffer.
"""

from __future__ import annotations

from core.policy import Policy, Tunable

POLICY = Policy(
    name="split_reserve",
    title="reserve split between reclaim and interrupts",
    source="N. Piggin, 23 Aug 2007 (quoted in <1187861208.6114.342@twins>)",
    era="2.6.23",
    own=(Tunable("atomic_reserve_percent", 0, 100, 37, "% of min", "PF_MEMALLOC stops at this share of min, GFP_ATOMIC may go as much deeper"),),
)
