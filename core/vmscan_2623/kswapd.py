"""kswapd: balance_pgdat(), v2.6.23."""

from __future__ import annotations

from typing import Any, Final

from core import slabtest
from core.allocator import allow_direct_reclaim
from core.decisions import AFTER_PRIORITY, AT_HIGH, BY_WRITEOUT, KSWAPD_LOOP, KSWAPD_PROGRESS, PRIORITY_DONE
from core.dirty import floor_broken, writeout_throttled
from core.jit import inlined, jit, outlined
from core.laundry import in_laundry
from core.laundry_thread import request_laundry
from core.reclaim import (
    DEF_PRIORITY,
    shrink_slab,
)
from core.sched import (
    CONTINUE,
    WAIT_CONGESTION,
    WAIT_PFMEMALLOC,
    WAIT_WORK,
    give_way,
    sleep,
    wake,
)
from core.units import INFINITY, MS
from core.vmscan_2623.laundry import enter_launder, return_laundry, wants_to_launder
from core.vmscan_2623.zone import enter_shrink_zone, lru_size
from core.watermark import MARK_HIGH, watermark_ok

START: Final = 0
NEXT_PRIORITY: Final = 1
ZONES: Final = 2
SHRUNK: Final = 3
NAPPED: Final = 4
OUT: Final = 5
LAUNDERED: Final = 6
LOOP_AGAIN: Final = 7
LAUNDERED_PRIORITY: Final = 8
ASLEEP: Final = 9
THROTTLED: Final = 10


@outlined
def step(m: Any, pol: Any, a: int, f: Any) -> int:
    """kswapd: sleep until an allocation finds a zone below low, then balance all zones to high."""
    vm = m.vm[0]
    actor = m.actors[a]
    if f.phase == START:
        f.phase = ASLEEP
        return sleep(m, a, WAIT_WORK, 0, INFINITY)
    if f.phase == ASLEEP:
        f.phase = LOOP_AGAIN
    if f.phase == LOOP_AGAIN:
        vm.pageoutrun += 1
        node = m.nodes[actor.node]
        for z in range(node.zone_first, node.zone_last + 1):
            f.goal[z - node.zone_first] = DEF_PRIORITY  # temp_priority[], each kswapd's own
        f.priority = DEF_PRIORITY
        f.total_scanned = 0
        f.nr_reclaimed = 0
        f.may_writepage = 1
        f.may_swap = 1
        f.phase = NEXT_PRIORITY
    if f.phase == SHRUNK:
        zone_shrunk(m, a, f)
        if vm.slab_burst > 0:
            return slabtest.enter(m, a)
    if f.phase == THROTTLED:
        return priority_done(m, pol, a, f)
    if f.phase == LAUNDERED_PRIORITY:
        actor.memalloc = f.held
        return kswapd_nap(m, pol, a, f)
    if f.phase == LAUNDERED:
        actor.memalloc = f.held
        f.phase = START
        return CONTINUE
    if f.phase == NAPPED:
        f.priority -= 1
        f.phase = NEXT_PRIORITY
        if f.nr_reclaimed >= vm.batch or f.priority < 0:
            f.phase = OUT
    if f.phase == NEXT_PRIORITY:
        start_priority(m, a, f)
    if f.phase == ZONES:
        return kswapd_zones(m, pol, a, f)
    return kswapd_out(m, pol, a, f)


@inlined
def too_low(m: Any, f: Any, zone: Any) -> bool:
    """Is there work in the zone: below high, or the clean floor is broken?"""
    return bool(f.for_floor or not watermark_ok(zone, MARK_HIGH, 0, 0))


@jit
def start_priority(m: Any, a: int, f: Any) -> None:
    """Find the highest zone below high; none: done, unless the clean floor is broken."""
    node = m.nodes[m.actors[a].node]
    f.all_zones_ok = 1
    f.for_floor = 1 if m.vm[0].clean_floor > 0 and floor_broken(m) else 0
    f.lru_pages = 0
    for z in range(node.zone_first, node.zone_last + 1):
        if not watermark_ok(m.zones[z], MARK_HIGH, 0, 0):
            f.for_floor = 0
    f.phase = OUT
    for z in range(node.zone_last, node.zone_first - 1, -1):
        zone = m.zones[z]
        if zone.all_unreclaimable and f.priority != DEF_PRIORITY:
            continue
        if too_low(m, f, zone):
            f.end_zone = z
            for below in range(node.zone_first, z + 1):
                f.lru_pages += m.zones[below].nr_lru
            f.zone = node.zone_first
            f.phase = ZONES
            return


@jit
def kswapd_zones(m: Any, pol: Any, a: int, f: Any) -> int:
    """Shrink every zone from the lowest to the end zone."""
    while f.zone <= f.end_zone:
        zone = m.zones[f.zone]
        if not zone.all_unreclaimable or f.priority == DEF_PRIORITY:
            if too_low(m, f, zone):
                f.all_zones_ok = 0
            f.goal[f.zone - m.nodes[m.actors[a].node].zone_first] = f.priority
            f.nr_scanned = 0
            zone.prev_priority = min(zone.prev_priority, f.priority)
            f.phase = SHRUNK
            return enter_shrink_zone(m, a, m.actors[a].depth, f.zone)
        f.zone += 1
    if m.vm[0].launderd >= 0 and f.priority == 0 and not f.all_zones_ok:
        request_laundry(m, True, m.actors[a].local_ns)  # the whole inactive list was scanned, and that was not enough
    if f.all_zones_ok:
        f.phase = OUT
        return CONTINUE
    return priority_done(m, pol, a, f)


@jit
def priority_done(m: Any, pol: Any, a: int, f: Any) -> int:
    """Between two priorities: throttle_vm_writeout(GFP_KERNEL) and the laundry if the policy says so, then a nap."""
    if writeout_throttled(m) and pol.throttle(1, KSWAPD_LOOP, f.priority, m.tunables) == BY_WRITEOUT:
        f.phase = THROTTLED
        return sleep(m, a, WAIT_CONGESTION, 0, m.actors[a].local_ns + 100 * MS)
    if wants_to_launder(m, pol, a, f, AFTER_PRIORITY):
        f.phase = LAUNDERED_PRIORITY
        return enter_launder(m, pol, a, f)
    return kswapd_nap(m, pol, a, f)


@jit
def zone_shrunk(m: Any, a: int, f: Any) -> None:
    """After shrink_zone() of one zone: slab, and whether the zone is hopeless."""
    vm = m.vm[0]
    n = m.actors[a].node
    zone = m.zones[f.zone]
    f.nr_reclaimed += f.ret
    before = vm.nr_slab
    objects = shrink_slab(m, f.nr_scanned, f.lru_pages, f.priority)
    f.nr_reclaimed += before - vm.nr_slab
    f.total_scanned += f.nr_scanned
    if f.for_floor:
        zone.pages_scanned = 0  # clean pages were left alone: this says nothing about the zone
    elif objects == 0 and zone.pages_scanned >= lru_size(m, f.zone) * 6 and (vm.launderd < 0 or zone.nr_lru == 0):  # FreeBSD knows no hopeless zones
        zone.all_unreclaimable = 1
    if allow_direct_reclaim(m, n):
        wake(m, WAIT_PFMEMALLOC, n, m.actors[a].local_ns)
    f.zone += 1
    f.phase = ZONES


@jit
def kswapd_nap(m: Any, pol: Any, a: int, f: Any) -> int:
    """congestion_wait(WRITE, HZ/10) from priority 9 on, if there was something to scan, or others write the laundry."""
    f.phase = NAPPED
    why = KSWAPD_PROGRESS if f.nr_reclaimed >= m.vm[0].batch else PRIORITY_DONE
    if (f.total_scanned > 0 or in_laundry(m) > 0 or m.vm[0].launderd >= 0) and f.priority < DEF_PRIORITY - 2 and pol.throttle(1, why, f.priority, m.tunables):
        return sleep(m, a, WAIT_CONGESTION, 0, m.actors[a].local_ns + 100 * MS)
    return give_way(m, a)


@jit
def kswapd_out(m: Any, pol: Any, a: int, f: Any) -> int:
    """All zones at high: launder and sleep; all hopeless: sleep; else begin again at the default priority."""
    node = m.nodes[m.actors[a].node]
    for z in range(node.zone_first, node.zone_last + 1):
        m.zones[z].prev_priority = f.goal[z - node.zone_first]  # at which it came to high
    if not f.all_zones_ok and f.for_floor and f.nr_reclaimed == 0:
        f.phase = START  # who waits for the floor asks again
        return CONTINUE
    if not f.all_zones_ok:
        if f.total_scanned == 0:
            m.actors[a].local_ns += MS  # nothing to scan, so no nap: it spins, here by the millisecond
        f.phase = LOOP_AGAIN
        return give_way(m, a)
    for z in range(node.zone_first, node.zone_last + 1):
        if not watermark_ok(m.zones[z], MARK_HIGH, 0, 0):
            f.phase = START  # it gave up: what it set aside stays aside
            return CONTINUE
    if m.vm[0].launderd >= 0:
        request_laundry(m, False, m.actors[a].local_ns)
    if wants_to_launder(m, pol, a, f, AT_HIGH):
        f.phase = LAUNDERED
        return enter_launder(m, pol, a, f)
    return_laundry(m, f)
    f.phase = START
    return CONTINUE
