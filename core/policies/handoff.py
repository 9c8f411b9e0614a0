"""Hand-off: a bounded number of kswapds reclaims, everybody else queues and is handed the pages as they are freed.

Source:  P. Zijlstra, linux-mm, 23 Aug 2007, answering N. Piggin <20070823033826.GE18788>; never posted as patches.
Kernel:  on mm/page_alloc.c and mm/vmscan.c, v2.6.23.
About three kswapds a CPU, one for each of GFP_KERNEL, GFP_NOFS and GFP_NOIO; would-be direct reclaimers queue; a freed page goes to the first in the queue and
only what is left over to the free list. Reclaim cannot be "unbounded concurrent", and nobody's page is taken by a newcomer.
Differs: any kswapd serves any waiter, but one of a class is woken only when an allocation of that class queues; each page handed over counts as freed for the
         six-times rule; a kswapd that has freed 32 pages does not nap. Who queues looks every 100 ms whether kswapd has given up, and calls the OOM killer
         then, or after 10 s without a page.
Expect:  fewer pages of the reserve in use under many allocators, fair stalls; with a single allocator no better than direct reclaim.
"""

from __future__ import annotations

from core.decisions import BY_CONGESTION, KSWAPD_PROGRESS, NO, QUEUE
from core.jit import decision
from core.policy import Policy, Tunable

WAITS = 100  # of 100 ms


@decision
def before_direct(gfp, free, half_min, hopeless, own):  # type: ignore[no-untyped-def]
    """Queue for a page of kswapd."""
    return QUEUE


@decision
def throttle(is_kswapd, why, priority, own):  # type: ignore[no-untyped-def]
    """congestion_wait(), but not of a kswapd that gets on while others wait for it."""
    return NO if why == KSWAPD_PROGRESS else BY_CONGESTION


@decision
def out_of_memory(loops, reclaimed, hopeless, could_help, own):  # type: ignore[no-untyped-def]
    """When kswapd has given up, or freed nothing for too long."""
    if reclaimed:
        return 0
    return 1 if hopeless or loops > WAITS else 0


POLICY = Policy(
    name="handoff",
    title="kswapds hand pages to a queue",
    source="P. Zijlstra, linux-mm, 23 Aug 2007",
    era="2.6.23",
    decides={"before_direct": before_direct, "throttle": throttle, "out_of_memory": out_of_memory},
    own=(Tunable("kswapds_per_cpu", 1, 8, 3, "", "kswapds for each CPU; the first may do all, the second no file systems, the third no I/O"),),
)
