"""The author's way forward: a laundry list in each zone, only kswapd writes, everybody else waits for it, and PF_MEMALLOC may reclaim once more.

Source:  C. Lameter, linux-mm, 21 Aug 2007, 15:32 PDT, <Pine.LNX.4.64.0708211521260.5728>, four points; never posted as patches.
Kernel:  on mm/vmscan.c, v2.6.23.
(1) An allocation with PF_MEMALLOC that finds the reserve empty reclaims clean pages once more. (2) Dirty pages go to the zone's laundry list, an LRU list
like the others; a recursive reclaim that meets dirty pages so asks kswapd to write them. (3) Only kswapd writes; who would reclaim waits for it. (4) Later:
reclaim in atomic context.
Differs: the mail names no batch: kswapd writes ``launder_batch`` pages after each priority that leaves a zone below high, and once when all are at high.
         Who waits sees kswapd's progress after each batch of 32 pages, looks every 100 ms anyway, and calls the OOM killer when kswapd holds all zones for
         unreclaimable or has freed nothing for 10 s (longer than it takes to call a silent device a deadlock).
Expect:  survives anonymous loads, for the laundry counts as LRU and its writers have the reserve; slower than direct reclaim where many CPUs allocate, since
         one thread scans and writes; a device that blocks kswapd blocks everybody.
"""

from __future__ import annotations

from core.decisions import BY_CONGESTION, KSWAPD_PROGRESS, MAPPED, NO, RESERVE_EMPTY, TO_LAUNDRY, UNMAPPED, WAIT_FOR_KSWAPD
from core.jit import decision
from core.policy import Policy, Tunable

BATCH = 0
TAKES_MAPPED = 1
ATOMIC_SCAN = 2
WAITS = 100  # of 100 ms


@decision
def dirty_page(is_kswapd, anon, marked, node_dirty, priority, own):  # type: ignore[no-untyped-def]
    """Put it on the zone's laundry list."""
    return TO_LAUNDRY


@decision
def launder(is_kswapd, when, nr_laundry, priority, own):  # type: ignore[no-untyped-def]
    """kswapd writes a batch; nobody else writes."""
    return is_kswapd * own[BATCH]


@decision
def recurse(when, gfp, own):  # type: ignore[no-untyped-def]
    """Reclaim once more when the reserve is empty."""
    if when != RESERVE_EMPTY:
        return NO
    if own[TAKES_MAPPED]:
        return MAPPED
    return UNMAPPED


@decision
def atomic_scan(gfp, own):  # type: ignore[no-untyped-def]
    """Step four."""
    return own[ATOMIC_SCAN]


@decision
def before_direct(gfp, free, half_min, hopeless, own):  # type: ignore[no-untyped-def]
    """Other threads wait for kswapd."""
    return WAIT_FOR_KSWAPD


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
    name="way_forward",
    title="zone laundry, only kswapd writes",
    source="C. Lameter, linux-mm, 21 Aug 2007, <Pine.LNX.4.64.0708211521260.5728>",
    era="2.6.23",
    decides={
        "dirty_page": dirty_page,
        "launder": launder,
        "recurse": recurse,
        "atomic_scan": atomic_scan,
        "before_direct": before_direct,
        "throttle": throttle,
        "out_of_memory": out_of_memory,
    },
    own=(
        Tunable("launder_batch", 32, 1 << 20, 1024, "pages", "kswapd writes so many of the laundry at a time (estimate: MAX_WRITEBACK_PAGES)", log=True),
        Tunable("recur_takes_mapped", 0, 1, 0, "", "1: recursive reclaim takes mapped clean pages too"),
        Tunable("atomic_scan_max", 0, 4096, 0, "pages", "pages an atomic allocation may scan for clean ones (step four; 0: off)"),
    ),
)
