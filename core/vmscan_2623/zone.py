"""One zone: alternate batches from both lists, then wait if too much is under writeback.

Kernel: mm/vmscan.c:shrink_zone(), shrink_active_list(); mm/page-writeback.c:throttle_vm_writeout(), v2.6.23.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp, lru
from core.actor import DEPTH
from core.dirty import writeout_throttled
from core.jit import inlined, jit, outlined
from core.mmzone import ACTIVE_LIST, INACTIVE, LISTS
from core.page import ACTIVE, PRESENT
from core.reclaim import (
    SWAP_CLUSTER_MAX,
    isolate,
    referenced,
)
from core.region import ANON, MAPPED
from core.sched import (
    CONTINUE,
    SHRINK_LIST_2623,
    SHRINK_ZONE_2623,
    WAIT_CONGESTION,
    give_way,
    pop,
    push,
    sleep,
)
from core.units import MS

START: Final = 0
ZONES: Final = 1
SHRUNK: Final = 2
THROTTLED: Final = 3


@inlined
def lru_size(m: Any, z: int) -> int:
    """Pages that the tests for a hopeless zone compare with what was scanned: NR_ACTIVE + NR_INACTIVE; the laundries only if the policy counts them."""
    zone = m.zones[z]
    if m.vm[0].laundry_counts_as_lru:
        return int(zone.nr_lru + zone.nr_laundry)
    return int(zone.nr_lru)


@jit
def reclaim_mapped(m: Any, z: int, priority: int) -> bool:
    """Do mapped pages go inactive? swap_tendency of shrink_active_list(), or the zone is near OOM."""
    vm = m.vm[0]
    zone = m.zones[z]
    if zone.pages_scanned >= lru_size(m, z) * 3:
        return True
    distress = 100 >> min(zone.prev_priority, priority)
    mapped_ratio = (vm.nr_file_mapped + vm.nr_anon_mapped) * 100 // vm.nr_total
    return bool(mapped_ratio // 2 + distress + vm.swappiness >= 100)


@jit
def shrink_active(m: Any, a: int, z: int, pages: int, sc: Any) -> None:
    """Move pages from the old end of the active list to the inactive one; mapped ones only under pressure and if not referenced."""
    vm = m.vm[0]
    mapped_too = sc.may_swap and reclaim_mapped(m, z, sc.priority)
    for _ in range(min(pages, m.queues[z * LISTS + ACTIVE_LIST].nr)):  # each page once, though it may go back to the same list
        p = lru.pop_tail(m, z * LISTS + ACTIVE_LIST)
        m.actors[a].local_ns += vm.scan_ns
        m.zones[z].pages_scanned += 1
        pg = m.page[p]
        stays = False
        if pg.attr & MAPPED and m.flags[p] & PRESENT:
            stays = not mapped_too or (vm.swap_slots == 0 and pg.attr & ANON != 0) or referenced(m, p) > 0
        if stays:
            lru.add_head(m, p, z * LISTS + ACTIVE_LIST)
        else:
            m.flags[p] &= 255 ^ ACTIVE
            vm.pgdeactivate += 1
            lru.add_head(m, p, z * LISTS + INACTIVE)


@outlined
def step(m: Any, a: int, f: Any) -> int:
    """shrink_zone(): alternate batches of 32 from both lists; returns pages freed."""
    vm = m.vm[0]
    sc = m.frames[a * DEPTH + f.sc]
    zone = m.zones[f.zone]
    if f.phase == START:
        zone.scan_active += (m.queues[f.zone * LISTS + ACTIVE_LIST].nr * vm.page_scale >> sc.priority) + 1
        zone.scan_inactive += (m.queues[f.zone * LISTS + INACTIVE].nr * vm.page_scale >> sc.priority) + 1
        f.scan[0] = 0
        f.scan[1] = 0
        if zone.scan_active >= SWAP_CLUSTER_MAX:
            f.scan[1] = zone.scan_active // vm.page_scale
            zone.scan_active %= vm.page_scale
        if zone.scan_inactive >= SWAP_CLUSTER_MAX:
            f.scan[0] = zone.scan_inactive // vm.page_scale
            zone.scan_inactive %= vm.page_scale
        f.phase = ZONES
    if f.phase == SHRUNK:
        f.nr_reclaimed += f.ret
        f.phase = ZONES
        return give_way(m, a)
    while f.phase == ZONES and (f.scan[0] > 0 or f.scan[1] > 0):
        if f.scan[1] > 0:
            pages = min(f.scan[1], vm.batch)
            f.scan[1] -= pages
            shrink_active(m, a, f.zone, pages, sc)
        if f.scan[0] > 0:
            pages = min(f.scan[0], vm.batch)
            f.scan[0] -= pages
            depth = m.actors[a].depth
            s = push(m, a, SHRINK_LIST_2623)
            s.sc = f.sc
            taken = isolate(m, s, f.zone * LISTS + INACTIVE, pages)
            if taken == 0:
                m.actors[a].depth = depth
            else:
                if m.actors[a].is_kswapd:
                    vm.pgscan_kswapd += taken
                else:
                    vm.pgscan_direct += taken
                f.phase = SHRUNK
                return CONTINUE
    return throttle_writeout(m, a, f, sc)


@jit
def throttle_writeout(m: Any, a: int, f: Any, sc: Any) -> int:
    """throttle_vm_writeout() at the end of shrink_zone(): one nap for callers that may not enter file systems, else until writeback falls."""
    now = m.actors[a].local_ns
    if sc.recursion or (f.phase == THROTTLED and f.loops < 0):
        return pop(m, a, f.nr_reclaimed)
    whole = gfp.FS | gfp.IO
    if sc.gfp & whole != whole:
        f.loops = -1
    elif not writeout_throttled(m):
        return pop(m, a, f.nr_reclaimed)
    f.phase = THROTTLED
    return sleep(m, a, WAIT_CONGESTION, 0, now + 100 * MS)


@jit
def enter_shrink_zone(m: Any, a: int, sc_depth: int, z: int) -> int:
    """Push shrink_zone() for zone ``z`` with the scan_control of frame ``sc_depth``."""
    s = push(m, a, SHRINK_ZONE_2623)
    s.sc = sc_depth
    s.zone = z
    return CONTINUE
