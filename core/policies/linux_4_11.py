"""Linux 4.11: dirty pages are moved out of the scanner's way and the flusher is kicked; kswapd writes only what it sees a second time.

Kernel:  mm/vmscan.c:shrink_page_list(), shrink_inactive_list(), shrink_node(), v4.11; mm/page_alloc.c:should_reclaim_retry(), v4.7
         (J. Weiner, "mm: vmscan: fix kswapd writeback regression" and four more, 2 Feb 2017, <20170202191957.22872-1-hannes@cmpxchg.org>).
Differs: anonymous and file lists are weighed by cost (5.8), not by rotated/scanned; no quarter of min for allocations that cannot wait;
         direct reclaim swaps out to a congested device; wait_iff_congested() looks at the queues only.
Expect:  clean cache goes first, however hot; washing is the flusher's, in large pieces.
"""

from __future__ import annotations

from core.decisions import ACTIVATE, BY_CONGESTION, NO, PRIORITY_DONE, WHY_BATCH, WRITE
from core.jit import decision
from core.policy import Policy


@decision
def dirty_page(is_kswapd, anon, marked, node_dirty, priority, own):  # type: ignore[no-untyped-def]
    """A file page is written by kswapd when it was marked before and all that kswapd meets is dirty and not queued; else it is activated."""
    if anon or (is_kswapd and marked and node_dirty):
        return WRITE
    return ACTIVATE


@decision
def throttle(is_kswapd, why, priority, own):  # type: ignore[no-untyped-def]
    """congestion_wait() of kswapd when writeback cycles through the list; wait_iff_congested() of direct reclaim; congestion_wait() before a retry."""
    return NO if why in (PRIORITY_DONE, WHY_BATCH) else BY_CONGESTION


POLICY = Policy(
    name="linux_4_11",
    title="dirty pages activated, flusher kicked (4.11)",
    source="mm/vmscan.c:shrink_page_list(), v4.11",
    era="6.12",
    version=411,
    decides={"dirty_page": dirty_page, "throttle": throttle},
)
