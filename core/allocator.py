"""The page allocator: its fast path, and what the slow paths of both eras share (allocator_2623.py, allocator_612.py).

Kernel: mm/page_alloc.c, v2.6.23, v6.1 and v6.12; mm/vmscan.c:throttle_direct_reclaim(), v6.1.
Differs: order 0 only; no per-CPU lists, no compaction.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp, stall
from core.actor import DEPTH
from core.decisions import BEFORE_RESERVE, RESERVE_EMPTY, WAIT_FOR_RESERVE
from core.decisions import RECLAIM as RECLAIM_NOW
from core.frames import try_alloc
from core.handoff import wait_for_kswapd, wake_class
from core.jit import inlined, jit
from core.recursion import enter, note_depth
from core.sched import (
    ALLOC,
    CONTINUE,
    WAIT_PFMEMALLOC,
    WAIT_WORK,
    pop,
    push,
    sleep,
    wake_up,
)
from core.units import INFINITY, SECOND
from core.watermark import ERA_2_6_23, MARK_HIGH, MARK_LOW, MARK_MIN, MARK_NONE, MARK_OOM, floor, watermark_ok

HOPELESS: Final = 16  # MAX_RECLAIM_RETRIES of kswapd_failures
FRAMES_LEFT: Final = 14  # what one more level of reclaim needs on the stack, a recursion within it included


START: Final = 0
REBALANCE: Final = 1
RECLAIMED: Final = 3
RESTART: Final = 4
RECURSED: Final = 5
WAITED: Final = 6
RESERVE_WAITED: Final = 7

SWITCH_NS: Final = 5_000  # estimate: who wakes only to find that it has to wait on


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
    if m.actors[node.kswapd].wait != WAIT_WORK or (vm.era != ERA_2_6_23 and node.kswapd_failures >= HOPELESS):
        return
    if vm.clean_floor == 0 and not short_of_memory(m, node):
        return
    wake_up(m, node.kswapd, now)
    vm.kswapd_wake += 1


@jit
def rouse_kswapd(m: Any, n: int, now: int) -> None:
    """allow_direct_reclaim() said no: kswapd must be awake, whatever it thinks of the watermarks."""
    kswapd = m.nodes[n].kswapd
    if m.actors[kswapd].wait == WAIT_WORK:
        wake_up(m, kswapd, now)
        m.vm[0].kswapd_wake += 1


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
    if a >= vm.n_tasks or actor.memdie:
        return direct_reclaim(m, a, f, proc)
    free, half_min = reserve_left(m, actor.node)
    answer = pol.before_direct(f.gfp, free, half_min, 1 if given_up(m, actor.node) else 0, m.tunables)
    if answer == RECLAIM_NOW:
        return direct_reclaim(m, a, f, proc)
    if f.until < 0:
        f.until = actor.local_ns
    vm.pgscan_direct_throttle += 1
    if answer != WAIT_FOR_RESERVE:
        f.phase = WAITED
        return wait_for_kswapd(m, a, f, answer)
    f.phase = RESERVE_WAITED
    f.older = INFINITY if f.gfp & gfp.FS and vm.era != ERA_2_6_23 else actor.local_ns + SECOND
    return wait_for_reserve(m, a, f)


@jit
def wait_for_reserve(m: Any, a: int, f: Any) -> int:
    """wait_event() of throttle_direct_reclaim(), at most until ``f.older``; kswapd has to be awake meanwhile."""
    actor = m.actors[a]
    rouse_kswapd(m, actor.node, actor.local_ns)
    return sleep(m, a, WAIT_PFMEMALLOC, actor.node, f.older)


@jit
def reserve_waited(m: Any, a: int, f: Any, proc: int) -> int:
    """Woken: reclaim if the reserve allows it or the time is up, else wait on; a task that was killed meanwhile looks for a page first."""
    actor = m.actors[a]
    if actor.memdie:
        f.loops = 0
        f.phase = REBALANCE
        return CONTINUE
    if actor.local_ns >= f.older or allow_direct_reclaim(m, actor.node):
        return direct_reclaim(m, a, f, proc)
    actor.local_ns += SWITCH_NS
    return wait_for_reserve(m, a, f)


@jit
def reserve_left(m: Any, n: int) -> tuple[int, int]:
    """Free pages of node ``n``, and half of its min watermarks; zones with nothing reclaimable do not count. If all are such nobody waits: 1, 0."""
    free = 0
    whole = 0
    node = m.nodes[n]
    for z in range(node.zone_first, node.zone_last + 1):
        if zone_reclaimable_pages(m, z) > 0:
            free += m.zones[z].nr_free
            whole += m.zones[z].wmark_min + m.zones[z].wmark_boost
    if whole == 0:
        return 1, 0
    return free, whole // 2


@jit
def given_up(m: Any, n: int) -> bool:
    """kswapd of node ``n`` has: all zones all_unreclaimable (2.6.23), or 16 passes without a page (6.x)."""
    if m.vm[0].era != ERA_2_6_23:
        return bool(m.nodes[n].kswapd_failures >= HOPELESS)
    for z in range(m.nodes[n].zone_first, m.nodes[n].zone_last + 1):
        if not m.zones[z].all_unreclaimable:
            return False
    return True


@jit
def allow_direct_reclaim(m: Any, n: int) -> bool:
    """More than half of the reserve of node ``n`` is free, or its kswapd has given up."""
    free, half_min = reserve_left(m, n)
    return bool(free > half_min or given_up(m, n))


@jit
def reclaimable_pages(m: Any, n: int) -> int:
    """zone_reclaimable_pages() of all zones of node ``n``."""
    pages = 0
    for z in range(m.nodes[n].zone_first, m.nodes[n].zone_last + 1):
        pages += zone_reclaimable_pages(m, z)
    return int(pages)


@inlined
def zone_reclaimable_pages(m: Any, z: int) -> int:
    """The file pages on the lists, and the anonymous ones if swap is left."""
    return int(m.zones[z].nr_lru if m.vm[0].swap_free > 0 else m.zones[z].nr_file_lru)


@jit
def zone_unreclaimable(m: Any) -> bool:
    """all_unreclaimable() to v3.10: kswapd found every zone scanned six times with nothing freed, or gave its node up and will not look again."""
    for z in range(len(m.zones)):
        zone = m.zones[z]
        if not zone.all_unreclaimable and m.nodes[zone.node].kswapd_failures < HOPELESS:
            return False
    return True


@jit
def reclaim_could_help(m: Any, flags: int, victim: int) -> bool:
    """should_reclaim_retry(): would some zone be above the mark of the allocation's class if all that is reclaimable were freed? Dirty pages count."""
    mark = MARK_OOM if victim and not flags & gfp.NOMEMALLOC else MARK_MIN
    for z in range(len(m.zones)):
        if m.zones[z].nr_free + zone_reclaimable_pages(m, z) > floor(m.zones[z], mark, flags, m.vm[0].era):
            return True
    return False
