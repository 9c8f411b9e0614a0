"""The page allocator: its fast path, and what the slow paths of both eras share (allocator_2623.py, allocator_612.py).

Kernel: mm/page_alloc.c, v2.6.23 and v6.12; mm/vmscan.c:throttle_direct_reclaim(), v6.12.
Differs: order 0 only; no per-CPU lists, no compaction.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp, stall
from core.decisions import RECLAIM as RECLAIM_NOW
from core.frames import try_alloc
from core.jit import inlined, jit
from core.sched import (
    ALLOC,
    CONTINUE,
    WAIT_PFMEMALLOC,
    WAIT_WORK,
    pop,
    push,
    rouse,
    sleep,
)
from core.state import DEPTH
from core.units import INFINITY, SECOND
from core.watermark import ERA_2_6_23, MARK_LOW, MARK_MIN, watermark_ok

HOPELESS: Final = 16  # MAX_RECLAIM_RETRIES of kswapd_failures
FRAMES_LEFT: Final = 6  # what one more level of reclaim needs on the stack


START: Final = 0
REBALANCE: Final = 1
RECLAIM: Final = 2
RECLAIMED: Final = 3
RESTART: Final = 4


@jit
def wake_kswapd(m: Any, now: int) -> None:
    """wakeup_kswapd()."""
    vm = m.vm[0]
    if vm.era != ERA_2_6_23 and vm.kswapd_failures >= HOPELESS:
        return
    if m.actors[vm.kswapd].wait == WAIT_WORK:
        rouse(m, vm.kswapd, now)
        vm.kswapd_wake += 1


@inlined
def alloc(m: Any, a: int, flags: int) -> int:
    """Fast path: one page above the low watermark, kept in hand; its zone, or -1: then push ALLOC (``alloc_slow``)."""
    z = try_alloc(m, MARK_LOW, flags)
    if z >= 0:
        m.vm[0].nr_in_hand += 1
    return int(z)


@inlined
def alloc_slow(m: Any, a: int, flags: int) -> int:
    """Enter the slow path; it returns zone + 1 with the page in hand, or 0."""
    f = push(m, a, ALLOC)
    f.gfp = flags
    return CONTINUE


@jit
def obtained(m: Any, a: int, z: int) -> int:
    """Leave the slow path with a page of zone ``z``, or without (-1)."""
    actor = m.actors[a]
    vm = m.vm[0]
    f = m.frames[a * DEPTH + actor.depth]
    if f.until >= 0:
        stall.record(m, actor.local_ns - f.until)
    if z < 0:
        if not f.gfp & gfp.WAIT:
            vm.atomic_fail += 1
        return pop(m, a, 0)
    vm.nr_in_hand += 1
    return pop(m, a, z + 1)


@inlined
def start(f: Any) -> None:
    """The first step of the slow path."""
    f.until = -1
    f.loops = 0
    f.phase = RESTART


@jit
def direct_reclaim(m: Any, a: int, f: Any, proc: int) -> int:
    """The task reclaims for itself, with PF_MEMALLOC set."""
    actor = m.actors[a]
    if actor.depth >= DEPTH - FRAMES_LEFT:
        m.vm[0].recursion_limit += 1
        return obtained(m, a, -1)
    m.vm[0].allocstall += 1
    if f.until < 0:
        f.until = actor.local_ns
    f.phase = RECLAIMED
    actor.memalloc += 1
    d = push(m, a, proc)
    d.gfp = f.gfp
    return CONTINUE


@jit
def before_direct(m: Any, pol: Any, a: int, f: Any, proc: int) -> int:
    """A task that would reclaim may have to wait first, as the policy says; kernel threads never do."""
    vm = m.vm[0]
    actor = m.actors[a]
    if a >= vm.n_tasks:
        return direct_reclaim(m, a, f, proc)
    free, half_min = reserve_left(m)
    answer = pol.before_direct(f.gfp, free, half_min, 1 if vm.kswapd_failures >= HOPELESS else 0, m.tunables)
    if answer == RECLAIM_NOW:
        return direct_reclaim(m, a, f, proc)
    if f.until < 0:
        f.until = actor.local_ns
    vm.pgscan_direct_throttle += 1
    f.phase = RECLAIM
    limit = INFINITY if f.gfp & gfp.FS else actor.local_ns + SECOND
    return sleep(m, a, WAIT_PFMEMALLOC, 0, limit)


@jit
def reserve_left(m: Any) -> tuple[int, int]:
    """Free pages, and half of the sum of the min watermarks."""
    free = 0
    whole = 0
    for z in range(len(m.zones)):
        free += m.zones[z].nr_free
        whole += m.zones[z].wmark_min
    return free, whole // 2


@jit
def allow_direct_reclaim(m: Any) -> bool:
    """More than half of the reserve is free, or kswapd has given up."""
    free, half_min = reserve_left(m)
    return bool(free > half_min or m.vm[0].kswapd_failures >= HOPELESS)


@jit
def reclaimable_pages(m: Any) -> int:
    """zone_reclaimable_pages() of all zones: the file lists, and the anonymous ones if swap is left. 6.12's lists."""
    pages = m.queues[2].nr + m.queues[3].nr
    if m.vm[0].swap_free > 0:
        pages += m.queues[0].nr + m.queues[1].nr
    return int(pages)


@jit
def zone_unreclaimable(m: Any) -> bool:
    """zone_reclaimable() of 2.6.35 to 4.6 turned round: the LRU was scanned six times and nothing was freed."""
    scanned = 0
    for z in range(len(m.zones)):
        scanned += m.zones[z].pages_scanned
    return bool(scanned >= 6 * reclaimable_pages(m))


@jit
def reclaim_could_help(m: Any, flags: int) -> bool:
    """should_reclaim_retry(): would some zone pass min if all that is reclaimable were freed? Dirty and writeback pages count."""
    vm = m.vm[0]
    reclaimable = reclaimable_pages(m)
    for z in range(len(m.zones)):
        zone = m.zones[z]
        available = zone.nr_free + min(reclaimable, zone.nr_lru)
        if available > zone.wmark_min + zone.lowmem_reserve + zone.reserve:
            return True
    return bool(watermark_ok(m.zones[len(m.zones) - 1], MARK_MIN, flags, vm.era))
