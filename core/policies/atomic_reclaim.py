"""Reclaim in atomic allocations: who may not wait takes clean page cache itself.

Source:  C. Lameter, "[RFC 0/9] Reclaim during GFP_ATOMIC allocs", linux-mm, 14 Aug 2007, <20070814153021.446917377@sgi.com>; never merged.
Kernel:  against mm/page_alloc.c and mm/vmscan.c, v2.6.23-rc; 2.6.23 otherwise.
The inactive lists are scanned for clean unmapped file pages with interrupts off; locked, dirty, mapped and anonymous pages and those under writeback are
passed over. A call stops when its allocation would succeed, after 32 pages freed, or after atomic_scan_max pages.
Differs: the active lists are left alone; no limit was posted, atomic_scan_max stands for the objection that interrupts hang for O(N) (A. Arcangeli).
         That the LRU locks must be taken with interrupts off everywhere else costs nothing here.
Expect:  atomic bursts larger than the reserve pass as long as there is clean page cache, at the price of interrupt latency; nothing changes for reclaim itself.
"""

from __future__ import annotations

from core.jit import decision
from core.policy import Policy, Tunable

SCAN_MAX = 0


@decision
def atomic_scan(gfp, own):  # type: ignore[no-untyped-def]
    """As many pages as the limit says."""
    return own[SCAN_MAX]


POLICY = Policy(
    name="atomic_reclaim",
    title="reclaim in atomic allocations (RFC 0/9)",
    source='C. Lameter, "[RFC 0/9] Reclaim during GFP_ATOMIC allocs", 14 Aug 2007',
    era="2.6.23",
    decides={"atomic_scan": atomic_scan},
    own=(Tunable("atomic_scan_max", 32, 1 << 20, 1 << 14, "pages", "scanned by one atomic allocation with interrupts off (the default is an estimate)", True),),
)
