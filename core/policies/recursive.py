"""Recursive reclaim: when the reserve is empty, reclaim clean pages from within the allocation.

Source:  C. Lameter, "[RFC 0/3] Recursive reclaim (on __PF_MEMALLOC)", linux-mm, 14 Aug 2007, <20070814142103.204771292@sgi.com>; a "V1" followed on 23 Aug
         ("[PATCH] Reclaim if PF_MEMALLOC and no memory available"); never merged.
Kernel:  against mm/page_alloc.c:__alloc_pages() and mm/vmscan.c, v2.6.23-rc.
Two more proposals are this policy with other settings. A. Arcangeli, 23 Aug 2007 (P5): one more pass with may_writepage=0, mapped pages included, before or
after the pool: takes_mapped_clean 1, clean_first 0 or 1. R. van Riel, 21 Aug 2007 (P6): level 2 takes clean pages only, after the reserve:
takes_mapped_clean 1.
Differs: see core/recursion.py. V1 shrinks slab in the recursion, this does not, as posted on 14 Aug. As posted the test for the naps is inverted, so the
         inner reclaim naps too; inverted_throttle has the other half of that defect alone, direct reclaim that neither naps nor wakes pdflush.
         With takes_mapped_clean anonymous pages are unmapped and given swap slots as well, for the kernel knows no setting in between.
Expect:  equals inline as long as the reserve lasts; then lives on clean pages where inline's writes fail, and ends where there are none.
"""

from __future__ import annotations

from core.decisions import BEFORE_RESERVE, BY_CONGESTION, MAPPED, NO, UNMAPPED
from core.jit import decision
from core.policy import Policy, Tunable

TAKES_MAPPED_CLEAN = 0
CLEAN_FIRST = 1
INVERTED_THROTTLE = 2


@decision
def recurse(when, gfp, own):  # type: ignore[no-untyped-def]
    """When the reserve is empty, or before it is touched."""
    if when == BEFORE_RESERVE and not own[CLEAN_FIRST]:
        return NO
    if own[TAKES_MAPPED_CLEAN]:
        return MAPPED
    return UNMAPPED


@decision
def throttle(is_kswapd, why, priority, own):  # type: ignore[no-untyped-def]
    """congestion_wait(), unless direct reclaim runs into the inverted test."""
    if own[INVERTED_THROTTLE] and not is_kswapd:
        return NO
    return BY_CONGESTION


@decision
def wake_pdflush(is_kswapd, priority, own):  # type: ignore[no-untyped-def]
    """wakeup_pdflush(), behind the same test."""
    return 1 - own[INVERTED_THROTTLE]


POLICY = Policy(
    name="recursive",
    title="recursive reclaim (RFC 0/3)",
    source='C. Lameter, "[RFC 0/3] Recursive reclaim (on __PF_MEMALLOC)", 14 Aug 2007',
    era="2.6.23",
    decides={"recurse": recurse, "throttle": throttle, "wake_pdflush": wake_pdflush},
    own=(
        Tunable("takes_mapped_clean", 0, 1, 0, "", "0: unmapped page cache only, as posted; 1: mapped clean pages too, as claimed"),
        Tunable("clean_first", 0, 1, 0, "", "0: the reserve, then clean pages; 1: clean pages, then the reserve (A. Arcangeli, 23 Aug 2007)"),
        Tunable("inverted_throttle", 0, 1, 0, "", "1: as posted, direct reclaim neither naps nor wakes pdflush"),
    ),
)
