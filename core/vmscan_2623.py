"""Reclaim of 2.6.23: one LRU pair a zone, the finder writes (or sets aside), congestion_wait() naps.

Kernel: mm/vmscan.c:shrink_page_list(), shrink_inactive_list(), shrink_active_list(), shrink_zone(), try_to_free_pages(), balance_pgdat(), v2.6.23.
Differs: no lumpy reclaim (order 0 only), no laptop mode, no buffer heads; kswapd tests each zone with its full lowmem reserve.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp, lru
from core.device import write_congested
from core.dirty import lru_pages, wake_flusher, writeout_throttled
from core.frames import unmap
from core.jit import inlined, jit
from core.pageout import pageout
from core.reclaim import (
    ACTIVATE,
    AFTER_PRIORITY,
    AT_DIRECT_EXIT,
    AT_HIGH,
    DEF_PRIORITY,
    FREE,
    KEEP,
    SET_ASIDE,
    SWAP_CLUSTER_MAX,
    WRITE,
    add_to_swap,
    evict,
    isolate,
    keep,
    put_back,
    referenced,
    set_aside,
    shrink_slab,
    take_laundry,
)
from core.sched import (
    CONTINUE,
    SHRINK_LIST_2623,
    SHRINK_ZONE_2623,
    WAIT_CONGESTION,
    WAIT_WORK,
    give_way,
    pop,
    push,
    sleep,
)
from core.state import ACTIVE_LIST, DEPTH, FILE, GONE, INACTIVE, LISTS, READING, SLOT, SWAP
from core.streams import ACTIVE, ANON, DIRTY, MAPPED, PRESENT, RECLAIM, WRITEBACK
from core.units import INFINITY, MS
from core.watermark import MARK_HIGH, watermark_ok

START: Final = 0
NEXT_PRIORITY: Final = 1
ZONES: Final = 2
SHRUNK: Final = 3
SLAB: Final = 4
NAPPED: Final = 5
OUT: Final = 6
LAUNDERED: Final = 7
THROTTLED: Final = 8
WROTE: Final = 9
LOOP_AGAIN: Final = 10
LAUNDERED_PRIORITY: Final = 11
ASLEEP: Final = 12


# --- one batch: shrink_page_list() ---------------------------------------------------------------------------------------------------------


@inlined
def fate(m: Any, pol: Any, a: int, sc: Any, laundering: int, p: int) -> int:
    """What becomes of page ``p`` at the tail: FREE, KEEP, ACTIVATE, WRITE or SET_ASIDE."""
    vm = m.vm[0]
    pg = m.page[p]
    actor = m.actors[a]
    actor.local_ns += vm.scan_ns
    mapped = pg.attr & MAPPED and m.flags[p] & PRESENT
    if pg.attr & READING:
        return KEEP
    sc.nr_scanned += 1
    if mapped or pg.attr & SLOT:
        sc.nr_scanned += 1  # pressure on slab in proportion
    if m.flags[p] & WRITEBACK:
        return KEEP
    if pg.attr & GONE:
        return FREE
    refs = referenced(m, p)
    if refs and (mapped or pg.attr & SLOT):
        return ACTIVATE
    if pg.attr & ANON and not pg.attr & SLOT and not add_to_swap(m, p):
        return ACTIVATE
    if mapped:
        actor.local_ns += vm.unmap_ns
        unmap(m, p)
    if not m.flags[p] & DIRTY:
        return FREE
    if refs:
        return KEEP
    if not sc.gfp & gfp.FS and not (pg.attr & ANON and sc.gfp & gfp.IO):
        return KEEP  # may_enter_fs
    if not sc.may_writepage:
        return KEEP
    is_kswapd = 1 if a == vm.kswapd else 0
    dev = SWAP if pg.attr & ANON else FILE
    if not is_kswapd and write_congested(m, dev):  # kswapd has PF_SWAPWRITE
        return KEEP
    if laundering:
        return WRITE
    anon = 1 if pg.attr & ANON else 0
    marked = 1 if m.flags[p] & RECLAIM else 0
    return int(pol.dirty_page(is_kswapd, anon, marked, 0, sc.priority, m.tunables))


@jit
def step_shrink_list(m: Any, pol: Any, a: int, f: Any) -> int:
    """Go through the isolated pages of the frame; returns pages freed."""
    sc = m.frames[a * DEPTH + f.sc]
    if f.phase == WROTE:
        f.phase = START
        keep(m, f, f.page)
    while f.iso_head >= 0:
        p = f.iso_head
        f.iso_head = int(m.page[p].link)
        what = fate(m, pol, a, sc, f.laundering, p)
        f.count += 1
        if what == FREE:
            evict(m, p)
            f.nr_reclaimed += 1
        elif what == WRITE:
            f.page = p
            f.phase = WROTE
            return pageout(m, a, p, 1)
        elif what == SET_ASIDE:
            set_aside(m, sc, p)
        else:
            if what == ACTIVATE:
                m.flags[p] |= ACTIVE
                m.vm[0].pgactivate += 1
            keep(m, f, p)
        if f.laundering and f.count % SWAP_CLUSTER_MAX == 0:
            return give_way(m, a)
    put_back(m, f.keep_head)
    if a == m.vm[0].kswapd:
        m.vm[0].pgsteal_kswapd += f.nr_reclaimed
    else:
        m.vm[0].pgsteal_direct += f.nr_reclaimed
    return pop(m, a, f.nr_reclaimed)


# --- one zone: shrink_zone() ---------------------------------------------------------------------------------------------------------------


@jit
def reclaim_mapped(m: Any, z: int, priority: int) -> bool:
    """Do mapped pages go inactive? swap_tendency of shrink_active_list(), or the zone is near OOM."""
    vm = m.vm[0]
    zone = m.zones[z]
    if zone.pages_scanned >= zone.nr_lru * 3:
        return True
    distress = 100 >> min(zone.prev_priority, priority)
    mapped_ratio = (vm.nr_file_mapped + vm.nr_anon_mapped) * 100 // vm.nr_total
    return bool(mapped_ratio // 2 + distress + vm.swappiness >= 100)


@jit
def shrink_active(m: Any, a: int, z: int, pages: int, priority: int) -> None:
    """Move pages from the old end of the active list to the inactive one; mapped ones only under pressure and if not referenced."""
    vm = m.vm[0]
    mapped_too = reclaim_mapped(m, z, priority)
    for _ in range(pages):
        p = lru.pop_tail(m, z * LISTS + ACTIVE_LIST)
        if p < 0:
            break
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


@jit
def step_shrink_zone(m: Any, a: int, f: Any) -> int:
    """shrink_zone(): alternate batches of 32 from both lists; returns pages freed."""
    vm = m.vm[0]
    sc = m.frames[a * DEPTH + f.sc]
    zone = m.zones[f.zone]
    if f.phase == START:
        zone.scan_active += (m.queues[f.zone * LISTS + ACTIVE_LIST].nr >> sc.priority) + 1
        zone.scan_inactive += (m.queues[f.zone * LISTS + INACTIVE].nr >> sc.priority) + 1
        f.scan[0] = 0
        f.scan[1] = 0
        if zone.scan_active >= SWAP_CLUSTER_MAX:
            f.scan[1] = zone.scan_active
            zone.scan_active = 0
        if zone.scan_inactive >= SWAP_CLUSTER_MAX:
            f.scan[0] = zone.scan_inactive
            zone.scan_inactive = 0
        f.phase = ZONES
    if f.phase == SHRUNK:
        f.nr_reclaimed += f.ret
        f.phase = ZONES
        return give_way(m, a)
    while f.phase == ZONES and (f.scan[0] > 0 or f.scan[1] > 0):
        if f.scan[1] > 0:
            pages = min(f.scan[1], SWAP_CLUSTER_MAX)
            f.scan[1] -= pages
            shrink_active(m, a, f.zone, pages, sc.priority)
        if f.scan[0] > 0:
            pages = min(f.scan[0], SWAP_CLUSTER_MAX)
            f.scan[0] -= pages
            depth = m.actors[a].depth
            s = push(m, a, SHRINK_LIST_2623)
            s.sc = f.sc
            taken = isolate(m, s, f.zone * LISTS + INACTIVE, pages)
            if taken == 0:
                m.actors[a].depth = depth
            else:
                zone.pages_scanned += taken
                if a == vm.kswapd:
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
    if f.phase == THROTTLED and f.loops < 0:
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


# --- the laundry of RFC 0/7 ----------------------------------------------------------------------------------------------------------------


@jit
def enter_launder(m: Any, pol: Any, a: int, f: Any) -> int:
    """Run the ordinary page routine over the frame's laundry; PF_MEMALLOC as the policy says."""
    actor = m.actors[a]
    f.held = actor.memalloc
    if not pol.launder_memalloc(1 if a == m.vm[0].kswapd else 0, m.tunables):
        actor.memalloc = 0
    s = push(m, a, SHRINK_LIST_2623)
    s.sc = actor.depth - 1
    s.laundering = 1
    take_laundry(m, s, f)
    return CONTINUE


@jit
def wants_to_launder(m: Any, pol: Any, a: int, f: Any, when: int) -> bool:
    """Ask the policy; an empty laundry is never written."""
    if f.nr_laundry == 0:
        return False
    return bool(pol.launder(1 if a == m.vm[0].kswapd else 0, when, f.nr_laundry, f.priority, m.tunables))


# --- direct reclaim: try_to_free_pages() ---------------------------------------------------------------------------------------------------


@jit
def step_direct(m: Any, pol: Any, a: int, f: Any) -> int:
    """try_to_free_pages(): 1 if 32 pages were freed or there was more to do, 0 if every zone is hopeless."""
    actor = m.actors[a]
    if f.phase == START:
        f.priority = DEF_PRIORITY
        f.may_writepage = 1
        f.may_swap = 1
        f.phase = NEXT_PRIORITY
    if f.phase == SHRUNK:
        f.nr_reclaimed += f.ret
        f.zone -= 1
        f.phase = ZONES
    if f.phase == LAUNDERED_PRIORITY:
        actor.memalloc = f.held
        f.phase = NAPPED
        return nap(m, a, f)
    if f.phase == LAUNDERED:
        actor.memalloc = f.held
        return pop(m, a, f.result)
    if f.phase == NAPPED:
        f.priority -= 1
        f.result = 0 if f.all_unreclaimable else 1
        f.phase = NEXT_PRIORITY if f.priority >= 0 else OUT
    if f.phase == NEXT_PRIORITY:
        f.nr_scanned = 0
        f.all_unreclaimable = 1
        f.lru_pages = lru_pages(m)
        f.zone = len(m.zones) - 1
        f.phase = ZONES
    if f.phase == ZONES:
        return direct_zones(m, pol, a, f)
    return direct_out(m, pol, a, f)


@jit
def direct_zones(m: Any, pol: Any, a: int, f: Any) -> int:
    """shrink_zones(), shrink_slab() and the tests after them, at one priority."""
    vm = m.vm[0]
    while f.zone >= 0:
        zone = m.zones[f.zone]
        zone.prev_priority = min(zone.prev_priority, f.priority)
        if not zone.all_unreclaimable or f.priority == DEF_PRIORITY:
            f.all_unreclaimable = 0
            f.phase = SHRUNK
            return enter_shrink_zone(m, a, m.actors[a].depth, f.zone)
        f.zone -= 1
    before = vm.nr_slab
    shrink_slab(m, f.nr_scanned, f.lru_pages, f.priority)
    f.nr_reclaimed += before - vm.nr_slab
    f.total_scanned += f.nr_scanned
    if f.nr_reclaimed >= SWAP_CLUSTER_MAX:
        f.result = 1
        return direct_out(m, pol, a, f)
    if f.total_scanned > SWAP_CLUSTER_MAX + SWAP_CLUSTER_MAX // 2:
        wake_flusher(m, f.total_scanned, m.actors[a].local_ns)
    if wants_to_launder(m, pol, a, f, AFTER_PRIORITY):
        f.phase = LAUNDERED_PRIORITY
        return enter_launder(m, pol, a, f)
    f.phase = NAPPED
    return nap(m, a, f)


@jit
def nap(m: Any, a: int, f: Any) -> int:
    """congestion_wait(WRITE, HZ/10) once the priority has fallen far enough."""
    if f.nr_scanned > 0 and f.priority < DEF_PRIORITY - 2:
        return sleep(m, a, WAIT_CONGESTION, 0, m.actors[a].local_ns + 100 * MS)
    return give_way(m, a)


@jit
def direct_out(m: Any, pol: Any, a: int, f: Any) -> int:
    """The exit of try_to_free_pages(): note the priority, launder."""
    for z in range(len(m.zones)):
        m.zones[z].prev_priority = max(f.priority, 0)
    if f.nr_laundry > 0:
        if wants_to_launder(m, pol, a, f, AT_DIRECT_EXIT):
            f.phase = LAUNDERED
            return enter_launder(m, pol, a, f)
        return_laundry(m, f)
    return pop(m, a, f.result)


@jit
def return_laundry(m: Any, f: Any) -> None:
    """Put an unwritten laundry back on the LRU."""
    head = f.laundry_head
    f.keep_head = -1
    m.vm[0].nr_laundry -= f.nr_laundry
    f.laundry_head = -1
    f.laundry_tail = -1
    f.nr_laundry = 0
    put_back(m, head)


# --- kswapd: balance_pgdat() ---------------------------------------------------------------------------------------------------------------


@jit
def step_kswapd(m: Any, pol: Any, a: int, f: Any) -> int:
    """kswapd: sleep until an allocation finds a zone below low, then balance all zones to high."""
    vm = m.vm[0]
    actor = m.actors[a]
    if f.phase == START:
        f.phase = ASLEEP
        return sleep(m, a, WAIT_WORK, 0, INFINITY)
    if f.phase == ASLEEP:
        vm.pageoutrun += 1
        f.phase = LOOP_AGAIN
    if f.phase == LOOP_AGAIN:
        f.priority = DEF_PRIORITY
        f.total_scanned = 0
        f.nr_reclaimed = 0
        f.may_writepage = 1
        f.may_swap = 1
        f.gfp = gfp.KERNEL
        f.phase = NEXT_PRIORITY
    if f.phase == SHRUNK:
        zone_shrunk(m, f)
    if f.phase == LAUNDERED_PRIORITY:
        actor.memalloc = f.held
        return kswapd_nap(m, a, f)
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
    f.lru_pages = lru_pages(m)
    f.phase = OUT
    for z in range(len(m.zones) - 1, -1, -1):
        zone = m.zones[z]
        if zone.all_unreclaimable and f.priority != DEF_PRIORITY:
            continue
        if not watermark_ok(zone, MARK_HIGH, 0, 0):
            f.end_zone = z
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
    return kswapd_nap(m, a, f)


@jit
def zone_shrunk(m: Any, f: Any) -> None:
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
    f.zone += 1
    f.phase = ZONES


@jit
def kswapd_nap(m: Any, a: int, f: Any) -> int:
    """congestion_wait(WRITE, HZ/10) from priority 9 on."""
    f.phase = NAPPED
    if f.total_scanned > 0 and f.priority < DEF_PRIORITY - 2:
        return sleep(m, a, WAIT_CONGESTION, 0, m.actors[a].local_ns + 100 * MS)
    return give_way(m, a)


@jit
def kswapd_out(m: Any, pol: Any, a: int, f: Any) -> int:
    """All zones at high: launder and sleep; all hopeless: sleep; else begin again at the default priority."""
    for z in range(len(m.zones)):
        m.zones[z].prev_priority = max(f.priority, 0)
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
