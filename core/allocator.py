"""The page allocator: its fast path, and what the slow paths of both eras share (allocator_2623.py, allocator_612.py).

Kernel: mm/page_alloc.c, v2.6.23 and v6.12; mm/vmscan.c:throttle_direct_reclaim(), v6.12.
Differs: order 0 only; no per-CPU lists, no compaction.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp, stall
from core.decisions import BEFORE_RESERVE, RESERVE_EMPTY, WAIT_FOR_RESERVE
from core.decisions import RECLAIM as RECLAIM_NOW
from core.frames import try_alloc
from core.handoff import wait_for_kswapd, wake_class
from core.jit import inlined, jit
from core.lru import type_pages
from core.recursion import enter, note_depth
from core.sched import (
    ALLOC,
    CONTINUE,
    WAIT_NONE,
    WAIT_PFMEMALLOC,
    WAIT_WORK,
    pop,
    push,
    sleep,
)
from core.state import DEPTH
from core.units import INFINITY, SECOND
from core.watermark import ERA_2_6_23, MARK_HIGH, MARK_LOW, MARK_MIN, MARK_NONE, floor, watermark_ok

HOPELESS: Final = 16  # MAX_RECLAIM_RETRIES of kswapd_failures
FRAMES_LEFT: Final = 14  # what one more level of reclaim needs on the stack, a recursion within it included


START: Final = 0
REBALANCE: Final = 1
RECLAIM: Final = 2
RECLAIMED: Final = 3
RESTART: Final = 4
RECURSED: Final = 5
WAITED: Final = 6


@jit
def wake_kswapd(m: Any, now: int) -> None:
    """wake_all_kswapds()."""
    if m.vm[0].nr_more_kswapds:
        wake_class(m, gfp.KERNEL, now)
    for n in range(len(m.nodes)):
        wake_node(m, n, now)


@jit
def wake_node(m: Any, n: int, now: int) -> None:
    """wakeup_kswapd(): unless its node has enough memory (and no clean floor is set) or is hopeless."""
    vm = m.vm[0]
    node = m.nodes[n]
    kswapd = m.actors[node.kswapd]
    if kswapd.wait != WAIT_WORK or (vm.era != ERA_2_6_23 and node.kswapd_failures >= HOPELESS):
        return
    if vm.clean_floor == 0 and not short_of_memory(m, node):
        return
    kswapd.wait = WAIT_NONE
    kswapd.ready_ns = max(now, kswapd.local_ns)
    vm.waiting[WAIT_WORK] -= 1
    vm.kswapd_wake += 1


@jit
def short_of_memory(m: Any, node: Any) -> bool:
    """A zone below low, lowmem_reserve apart (2.6.23); no zone at high or one boosted (6.12: pgdat_balanced(), pgdat_watermark_boosted())."""
    era = m.vm[0].era
    at_high = False
    for z in range(node.zone_first, node.zone_last + 1):
        zone = m.zones[z]
        if era == ERA_2_6_23:
            if zone.nr_free <= zone.wmark_low + zone.reserve:
                return True
        elif zone.wmark_boost > 0:
            return True
        elif watermark_ok(zone, MARK_HIGH, 0, era):
            at_high = True
    return era != ERA_2_6_23 and not at_high


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
        if actor.memalloc > 0:
            vm.memalloc_fail += 1
        return pop(m, a, 0)
    vm.nr_in_hand += 1
    return pop(m, a, z + 1)


@inlined
def start(f: Any) -> None:
    """The first step of the slow path."""
    f.until = -1
    f.loops = 0
    f.result = 0
    f.phase = RESTART


@jit
def take_reserve(m: Any, actor: Any, flags: int) -> int:
    """ALLOC_NO_WATERMARKS; what PF_MEMALLOC takes below min is counted. The zone, or -1."""
    vm = m.vm[0]
    z = try_alloc(m, MARK_NONE, flags)
    if z >= 0 and actor.memalloc > 0 and m.zones[z].nr_free < floor(m.zones[z], MARK_MIN, gfp.KERNEL, vm.era):
        vm.reserve_used += 1
    return int(z)


@jit
def clean_first(m: Any, pol: Any, a: int, f: Any, proc: int) -> bool:
    """Reclaim clean pages before the reserve is touched? Once for each allocation."""
    if f.result:
        return False
    f.result = 1
    f.count = BEFORE_RESERVE
    f.phase = RECURSED
    return enter(m, pol, a, f, BEFORE_RESERVE, proc)


@jit
def clean_last(m: Any, pol: Any, a: int, f: Any, proc: int) -> bool:
    """Reclaim clean pages now that even the reserve is empty?"""
    f.count = RESERVE_EMPTY
    f.phase = RECURSED
    return enter(m, pol, a, f, RESERVE_EMPTY, proc)


@jit
def recursed(m: Any, f: Any) -> bool:
    """After a recursion: begin again if it freed something; False: the allocation fails."""
    m.vm[0].recursion_reclaimed += f.ret
    f.phase = RESTART if f.ret > 0 else REBALANCE
    return bool(f.ret > 0 or f.count == BEFORE_RESERVE)


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
    note_depth(m, a)
    return CONTINUE


@jit
def before_direct(m: Any, pol: Any, a: int, f: Any, proc: int) -> int:
    """A task that would reclaim may have to wait first, as the policy says; kernel threads never do."""
    vm = m.vm[0]
    actor = m.actors[a]
    if a >= vm.n_tasks:
        return direct_reclaim(m, a, f, proc)
    free, half_min = reserve_left(m, actor.node)
    hopeless = 1 if m.nodes[actor.node].kswapd_failures >= HOPELESS else 0
    answer = pol.before_direct(f.gfp, free, half_min, hopeless, m.tunables)
    if answer == RECLAIM_NOW:
        return direct_reclaim(m, a, f, proc)
    if f.until < 0:
        f.until = actor.local_ns
    vm.pgscan_direct_throttle += 1
    if answer != WAIT_FOR_RESERVE:
        f.phase = WAITED
        return wait_for_kswapd(m, a, f, answer)
    f.phase = RECLAIM
    limit = INFINITY if f.gfp & gfp.FS and vm.era != ERA_2_6_23 else actor.local_ns + SECOND
    return sleep(m, a, WAIT_PFMEMALLOC, actor.node, limit)


@jit
def reserve_left(m: Any, n: int) -> tuple[int, int]:
    """Free pages of node ``n``, and half of the sum of its min watermarks."""
    free = 0
    whole = 0
    node = m.nodes[n]
    for z in range(node.zone_first, node.zone_last + 1):
        free += m.zones[z].nr_free
        whole += m.zones[z].wmark_min + m.zones[z].wmark_boost
    return free, whole // 2


@jit
def allow_direct_reclaim(m: Any, n: int) -> bool:
    """More than half of the reserve of node ``n`` is free, or its kswapd has given up."""
    free, half_min = reserve_left(m, n)
    return bool(free > half_min or m.nodes[n].kswapd_failures >= HOPELESS)


@jit
def reclaimable_pages(m: Any, n: int) -> int:
    """zone_reclaimable_pages() of the zones of node ``n``: the file lists, and the anonymous ones if swap is left. 6.12's lists."""
    pages = type_pages(m, n, 1)
    if m.vm[0].swap_free > 0:
        pages += type_pages(m, n, 0)
    return int(pages)


@jit
def zone_unreclaimable(m: Any) -> bool:
    """all_unreclaimable() to v3.10: kswapd found every zone scanned six times with nothing freed, or gave its node up and will not look again."""
    for z in range(len(m.zones)):
        zone = m.zones[z]
        if not zone.all_unreclaimable and m.nodes[zone.node].kswapd_failures < HOPELESS:
            return False
    return True


@jit
def reclaim_could_help(m: Any, flags: int) -> bool:
    """should_reclaim_retry(): would some zone pass min if all that is reclaimable were freed? Dirty and writeback pages count."""
    vm = m.vm[0]
    for z in range(len(m.zones)):
        zone = m.zones[z]
        available = zone.nr_free + min(reclaimable_pages(m, zone.node), zone.nr_lru)
        if available > zone.wmark_min + zone.wmark_boost + zone.lowmem_reserve + zone.reserve:
            return True
    return bool(watermark_ok(m.zones[len(m.zones) - 1], MARK_MIN, flags, vm.era))
