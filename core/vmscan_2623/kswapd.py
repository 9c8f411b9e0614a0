"""kswapd: balance_pgdat(), v2.6.23."""

from __future__ import annotations

from typing import Any, Final

from core import gfp
from core.allocator import allow_direct_reclaim
from core.decisions import AFTER_PRIORITY, AT_HIGH, PRIORITY_DONE
from core.jit import jit
from core.reclaim import (
    DEF_PRIORITY,
    SWAP_CLUSTER_MAX,
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
from core.vmscan_2623.zone import enter_shrink_zone
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


@jit
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
        for z in range(len(m.zones)):
            m.zones[z].temp_priority = DEF_PRIORITY
        f.priority = DEF_PRIORITY
        f.total_scanned = 0
        f.nr_reclaimed = 0
        f.may_writepage = 1
        f.may_swap = 1
        f.gfp = gfp.KERNEL
        f.phase = NEXT_PRIORITY
    if f.phase == SHRUNK:
        zone_shrunk(m, f, actor.local_ns)
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
        if f.nr_reclaimed >= SWAP_CLUSTER_MAX or f.priority < 0:
            f.phase = OUT
    if f.phase == NEXT_PRIORITY:
        start_priority(m, f)
    if f.phase == ZONES:
        return kswapd_zones(m, pol, a, f)
    return kswapd_out(m, pol, a, f)


@jit
def start_priority(m: Any, f: Any) -> None:
    """Find the highest zone below high; none: done."""
    f.all_zones_ok = 1
    f.lru_pages = 0
    f.phase = OUT
    for z in range(len(m.zones) - 1, -1, -1):
        zone = m.zones[z]
        if zone.all_unreclaimable and f.priority != DEF_PRIORITY:
            continue
        if not watermark_ok(zone, MARK_HIGH, 0, 0):
            f.end_zone = z
            for below in range(z + 1):
                f.lru_pages += m.zones[below].nr_lru
            f.zone = 0
            f.phase = ZONES
            return


@jit
def kswapd_zones(m: Any, pol: Any, a: int, f: Any) -> int:
    """Shrink every zone from the lowest to the end zone."""
    while f.zone <= f.end_zone:
        zone = m.zones[f.zone]
        if not zone.all_unreclaimable or f.priority == DEF_PRIORITY:
            if not watermark_ok(zone, MARK_HIGH, 0, 0):
                f.all_zones_ok = 0
            zone.temp_priority = f.priority
            f.nr_scanned = 0
            zone.prev_priority = min(zone.prev_priority, f.priority)
            f.phase = SHRUNK
            return enter_shrink_zone(m, a, m.actors[a].depth, f.zone)
        f.zone += 1
    if f.all_zones_ok:
        f.phase = OUT
        return CONTINUE
    if wants_to_launder(m, pol, a, f, AFTER_PRIORITY):
        f.phase = LAUNDERED_PRIORITY
        return enter_launder(m, pol, a, f)
    return kswapd_nap(m, pol, a, f)


@jit
def zone_shrunk(m: Any, f: Any, now: int) -> None:
    """After shrink_zone() of one zone: slab, and whether the zone is hopeless."""
    vm = m.vm[0]
    zone = m.zones[f.zone]
    f.nr_reclaimed += f.ret
    before = vm.nr_slab
    objects = shrink_slab(m, f.nr_scanned, f.lru_pages, f.priority)
    f.nr_reclaimed += before - vm.nr_slab
    f.total_scanned += f.nr_scanned
    if not zone.all_unreclaimable and objects == 0 and zone.pages_scanned >= zone.nr_lru * 6:
        zone.all_unreclaimable = 1
    if allow_direct_reclaim(m):
        wake(m, WAIT_PFMEMALLOC, -1, now)
    f.zone += 1
    f.phase = ZONES


@jit
def kswapd_nap(m: Any, pol: Any, a: int, f: Any) -> int:
    """congestion_wait(WRITE, HZ/10) from priority 9 on."""
    f.phase = NAPPED
    if f.total_scanned > 0 and f.priority < DEF_PRIORITY - 2 and pol.throttle(1, PRIORITY_DONE, f.priority, m.tunables):
        return sleep(m, a, WAIT_CONGESTION, 0, m.actors[a].local_ns + 100 * MS)
    return give_way(m, a)


@jit
def kswapd_out(m: Any, pol: Any, a: int, f: Any) -> int:
    """All zones at high: launder and sleep; all hopeless: sleep; else begin again at the default priority."""
    for z in range(len(m.zones)):
        m.zones[z].prev_priority = m.zones[z].temp_priority  # at which it came to high
    if not f.all_zones_ok:
        f.phase = LOOP_AGAIN
        return give_way(m, a)
    for z in range(len(m.zones)):
        if not watermark_ok(m.zones[z], MARK_HIGH, 0, 0):
            f.phase = START  # it gave up: what it set aside stays aside
            return CONTINUE
    if wants_to_launder(m, pol, a, f, AT_HIGH):
        f.phase = LAUNDERED
        return enter_launder(m, pol, a, f)
    return_laundry(m, f)
    f.phase = START
    return CONTINUE
