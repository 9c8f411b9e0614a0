"""Linux 3.2: direct reclaim writes no file page, kswapd only in trouble; the rest waits on the inactive list, marked.

Kernel:  mm/vmscan.c:shrink_page_list(), shrink_inactive_list(), do_try_to_free_pages(), balance_pgdat(), all_unreclaimable(), v3.2
         (M. Gorman, "Reduce filesystem writeback from page reclaim" v3, 10 Aug 2011).
Differs: runs on the mechanics of 6.12: anonymous and file lists are weighed by cost, not by rotated/scanned; refaults come back active by distance
         (3.2 knows no refaults, that is 3.15); kswapd stops when one zone is at high, not all; allocations that cannot wait get no quarter of min;
         a page under writeback is marked PG_reclaim when met (3.6); direct reclaim swaps out to a congested device;
         the six scans are counted over all zones of a node together.
Expect:  dirty pages at the tail make everybody scan past them; kswapd writes file pages one by one only from priority 9 on.
"""

from __future__ import annotations

from core.decisions import ALL_DIRTY, BY_CONGESTION, DROP, KEEP, MARK, NO, PRIORITY_DONE, RECLAIM, WHY_BATCH, WHY_ISOLATED, WRITE
from core.jit import decision
from core.policy import Policy
from core.reclaim import DEF_PRIORITY


@decision
def dirty_page(is_kswapd, anon, marked, node_dirty, priority, own):  # type: ignore[no-untyped-def]
    """Only kswapd may enter a file system, and only below priority 10."""
    if anon or (is_kswapd and priority < DEF_PRIORITY - 2):
        return WRITE
    return MARK


@decision
def writeback_page(is_kswapd, marked, node_writeback, own):  # type: ignore[no-untyped-def]
    """It stays where it is."""
    return KEEP


@decision
def before_direct(gfp, free, half_min, hopeless, own):  # type: ignore[no-untyped-def]
    """Nobody is held back."""
    return RECLAIM


@decision
def throttle(is_kswapd, why, priority, own):  # type: ignore[no-untyped-def]
    """congestion_wait() of kswapd and for isolated pages, wait_iff_congested() of direct reclaim below priority 10 and after a batch full of writeback."""
    return BY_CONGESTION if why in (PRIORITY_DONE, WHY_BATCH, WHY_ISOLATED) else NO


@decision
def wake_pdflush(is_kswapd, priority, own):  # type: ignore[no-untyped-def]
    """wakeup_flusher_threads(total_scanned) after each priority of direct reclaim, never for a batch."""
    return 0 if priority == ALL_DIRTY else 1


@decision
def out_of_memory(loops, reclaimed, hopeless, could_help, own):  # type: ignore[no-untyped-def]
    """Nothing freed and every zone scanned six times."""
    return 1 if hopeless and not reclaimed else 0


@decision
def receive(own):  # type: ignore[no-untyped-def]
    """The packet is lost; pfmemalloc pages came with 3.6."""
    return DROP


POLICY = Policy(
    name="linux_3_2",
    title="kswapd writes files in trouble only (3.2)",
    source="mm/vmscan.c:shrink_page_list(), v3.2",
    era="6.12",
    version=302,
    decides={
        "dirty_page": dirty_page,
        "writeback_page": writeback_page,
        "before_direct": before_direct,
        "throttle": throttle,
        "wake_pdflush": wake_pdflush,
        "out_of_memory": out_of_memory,
        "receive": receive,
    },
)
