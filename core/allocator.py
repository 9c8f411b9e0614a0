"""The page allocator's slow path: watermarks, kswapd, direct reclaim, retry, OOM.

Kernel: mm/page_alloc.c:__alloc_pages(), v2.6.23; __alloc_pages_slowpath(), should_reclaim_retry(), v6.12; mm/vmscan.c:throttle_direct_reclaim(), v6.12.
Differs: order 0 only; one node; no per-CPU lists, no compaction.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp, stall
from core.frames import try_alloc
from core.jit import inlined, jit
from core.oom import out_of_memory
from core.sched import (
    ALLOC,
    CONTINUE,
    DIRECT_612,
    DIRECT_2623,
    WAIT_CONGESTION,
    WAIT_NONE,
    WAIT_PFMEMALLOC,
    WAIT_TIMER,
    WAIT_WORK,
    give_way,
    pop,
    push,
    sleep,
)
from core.state import DEPTH
from core.units import INFINITY, JIFFY, MS, SECOND
from core.watermark import ERA_2_6_23, MARK_HIGH, MARK_LOW, MARK_MIN, MARK_NONE, watermark_ok

MAX_RECLAIM_RETRIES: Final = 16  # mm/internal.h, v6.12
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
    kswapd = m.actors[vm.kswapd]
    if kswapd.wait == WAIT_WORK:
        kswapd.wait = WAIT_NONE
        kswapd.ready_ns = now
        vm.waiting[WAIT_WORK] -= 1
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


@jit
def step(m: Any, a: int, f: Any) -> int:
    """One step of the slow path."""
    if f.phase == START:
        f.until = -1
        f.loops = 0
        f.phase = RESTART
    if f.phase == RESTART:
        f.phase = REBALANCE
        wake_kswapd(m, m.actors[a].local_ns)
        if m.vm[0].era == ERA_2_6_23:
            z = try_alloc(m, MARK_MIN, f.gfp)
            if z >= 0:
                return obtained(m, a, z)
    if m.vm[0].era == ERA_2_6_23:
        if f.phase == REBALANCE:
            return rebalance_2623(m, a, f)
        return reclaimed_2623(m, a, f)
    if f.phase == REBALANCE:
        return rebalance_612(m, a, f)
    if f.phase == RECLAIM:
        return direct_reclaim(m, a, f, DIRECT_612)
    return reclaimed_612(m, a, f)


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
def rebalance_2623(m: Any, a: int, f: Any) -> int:
    """From the label of that name on, to the call of try_to_free_pages()."""
    actor = m.actors[a]
    if actor.memalloc > 0 or actor.memdie:
        z = -1
        if not f.gfp & gfp.NOMEMALLOC:
            z = try_alloc(m, MARK_NONE, f.gfp)
        return obtained(m, a, z)
    if not f.gfp & gfp.WAIT:
        return obtained(m, a, -1)
    return direct_reclaim(m, a, f, DIRECT_2623)


@jit
def reclaimed_2623(m: Any, a: int, f: Any) -> int:
    """After try_to_free_pages(): take a page, or call the OOM killer, or nap and try again."""
    actor = m.actors[a]
    actor.memalloc -= 1
    if f.ret:
        z = try_alloc(m, MARK_MIN, f.gfp)
        if z >= 0:
            return obtained(m, a, z)
    elif f.gfp & gfp.FS and not f.gfp & gfp.NORETRY:
        z = try_alloc(m, MARK_HIGH, f.gfp)
        if z >= 0:
            return obtained(m, a, z)
        out_of_memory(m, actor.local_ns)
        f.phase = RESTART
        if actor.memdie:
            return give_way(m, a)
        return sleep(m, a, WAIT_TIMER, 0, actor.local_ns + JIFFY)
    if f.gfp & gfp.NORETRY:
        return obtained(m, a, -1)
    f.phase = REBALANCE
    return sleep(m, a, WAIT_CONGESTION, 0, actor.local_ns + 20 * MS)


@jit
def allow_direct_reclaim(m: Any) -> bool:
    """More than half of the sum of the min watermarks is free, or kswapd has given up."""
    free = 0
    half = 0
    for z in range(len(m.zones)):
        free += m.zones[z].nr_free
        half += m.zones[z].wmark_min
    return bool(free > half // 2 or m.vm[0].kswapd_failures >= HOPELESS)


@jit
def rebalance_612(m: Any, a: int, f: Any) -> int:
    """__alloc_pages_slowpath() from ``retry`` to direct reclaim."""
    vm = m.vm[0]
    actor = m.actors[a]
    wake_kswapd(m, actor.local_ns)
    z = try_alloc(m, MARK_MIN, f.gfp)
    if z < 0 and actor.memdie:
        z = try_alloc(m, MARK_MIN, f.gfp | gfp.HIGH)  # ALLOC_OOM: half of min
    if z < 0 and actor.memalloc > 0 and not f.gfp & gfp.NOMEMALLOC:
        z = try_alloc(m, MARK_NONE, f.gfp)
    if z >= 0:
        return obtained(m, a, z)
    if not f.gfp & gfp.WAIT or actor.memalloc > 0 or actor.memdie:
        return obtained(m, a, -1)
    if a < vm.n_tasks and not allow_direct_reclaim(m):
        vm.pgscan_direct_throttle += 1
        f.phase = RECLAIM
        if f.until < 0:
            f.until = actor.local_ns
        limit = INFINITY if f.gfp & gfp.FS else actor.local_ns + SECOND
        return sleep(m, a, WAIT_PFMEMALLOC, 0, limit)
    return direct_reclaim(m, a, f, DIRECT_612)


@jit
def reclaimed_612(m: Any, a: int, f: Any) -> int:
    """After direct reclaim: take a page, retry, or call the OOM killer."""
    actor = m.actors[a]
    actor.memalloc -= 1
    z = try_alloc(m, MARK_MIN, f.gfp)
    if z >= 0:
        return obtained(m, a, z)
    f.phase = REBALANCE
    if f.gfp & gfp.NORETRY:
        return obtained(m, a, -1)
    f.loops = 0 if f.ret else f.loops + 1
    if f.loops <= MAX_RECLAIM_RETRIES and reclaim_could_help(m, f.gfp):
        return give_way(m, a)
    z = try_alloc(m, MARK_HIGH, f.gfp)
    if z >= 0:
        return obtained(m, a, z)
    if f.gfp & gfp.FS:
        out_of_memory(m, actor.local_ns)
        f.loops = 0
        if actor.memdie:
            return give_way(m, a)
    return sleep(m, a, WAIT_TIMER, 0, actor.local_ns + JIFFY)


@jit
def reclaim_could_help(m: Any, flags: int) -> bool:
    """should_reclaim_retry(): would some zone pass min if all that is reclaimable were freed? Dirty and writeback pages count."""
    vm = m.vm[0]
    reclaimable = m.queues[2].nr + m.queues[3].nr
    if vm.swap_free > 0:
        reclaimable += m.queues[0].nr + m.queues[1].nr
    for z in range(len(m.zones)):
        zone = m.zones[z]
        available = zone.nr_free + min(reclaimable, zone.nr_lru)
        if available > zone.wmark_min + zone.lowmem_reserve + zone.reserve:
            return True
    return bool(watermark_ok(m.zones[len(m.zones) - 1], MARK_MIN, flags, vm.era))
