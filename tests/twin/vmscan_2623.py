"""Reclaim of 2.6.23: mm/vmscan.c:shrink_page_list(), shrink_active_list(), shrink_zone(), try_to_free_pages(); the laundry of RFC 0/7."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import gfp
from core.decisions import ACTIVATE, AFTER_PRIORITY, AT_DIRECT_EXIT, FREE, KEEP, PRIORITY_DONE, SET_ASIDE, TO_LAUNDRY, WRITE
from core.units import MS
from tests.twin.actor import GIVE_WAY, Actor, Sleep, Steps, Wait
from tests.twin.allocator import wake_kswapd
from tests.twin.laundry import in_laundries, to_laundry
from tests.twin.lru import lru_pages
from tests.twin.node import zonelist
from tests.twin.page import Page, evict, unmap
from tests.twin.page_io import pageout
from tests.twin.reclaim import BATCH, DEF_PRIORITY, ScanControl, count_scanned, count_stolen, isolated, put_back
from tests.twin.slab_burst import after_shrink_slab

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel
    from tests.twin.zone import Zone


def page_referenced(page: Page) -> bool:
    """Was it used since the last look?"""
    used = page.referenced or (page.mapped and page.young)
    page.referenced = page.young = False
    return used


def fate(k: Kernel, actor: Actor, sc: ScanControl, page: Page, laundering: bool) -> int:
    """What becomes of a page at the tail."""
    actor.clock += k.machine.scan_ns
    if page.locked:
        return KEEP
    was_mapped, in_swap_cache = page.mapped, page.slot is not None
    sc.nr_scanned += 1
    if was_mapped and not sc.may_unmap:
        return KEEP
    if was_mapped or in_swap_cache:
        sc.nr_scanned += 1
    if page.writeback:
        return k.decisions.writeback_page(actor.is_kswapd, page.reclaim, False)
    if page.gone:
        return FREE
    referenced = page_referenced(page)
    if referenced and (was_mapped or in_swap_cache or (page.mappable and not page.anon)):
        return ACTIVATE
    asks = not laundering and not referenced and (page.dirty or (page.anon and not in_swap_cache))
    verdict = k.decisions.dirty_page(actor.is_kswapd, page.anon, page.reclaim, False, sc.priority) if asks else WRITE
    if verdict == TO_LAUNDRY and (not page.anon or in_swap_cache or k.swap.free > 0):
        return TO_LAUNDRY
    if page.anon and not in_swap_cache and not k.swap.add(page):
        return ACTIVATE
    if was_mapped:
        actor.clock += k.machine.unmap_ns
        unmap(k, page)
    if not page.dirty:
        return KEEP if sc.for_floor and not page.anon else FREE
    may_enter_fs = sc.flags & gfp.FS or (page.anon and sc.flags & gfp.IO)
    if referenced or not may_enter_fs or not sc.may_writepage:
        return KEEP
    own_queue = actor.in_write and not page.anon  # current->backing_dev_info
    if k.device_of(page).congested and not actor.frees_for_others and not own_queue:
        return KEEP
    return verdict


def shrink_page_list(k: Kernel, actor: Actor, sc: ScanControl, pages: list[Page], laundering: bool = False) -> Steps:
    """Go through isolated pages; how many were freed."""
    kept, freed = [], 0
    for looked, page in enumerate(pages, 1):
        verdict = fate(k, actor, sc, page, laundering)
        if verdict == FREE:
            zone = page.zone
            assert zone is not None
            evict(k, page)
            freed += 1
            if actor.frees_for_others:
                k.handoff.freed(zone, actor.clock)
        elif verdict == SET_ASIDE:
            set_aside(k, sc, page)
        elif verdict == TO_LAUNDRY:
            to_laundry(k, page)
            if not actor.frees_for_others:
                wake_kswapd(k, actor.clock)
        else:
            if verdict == WRITE:
                k.count["pages laundered"] += laundering
                yield from actor.call(pageout(k, actor, page, True))
            elif verdict == ACTIVATE:
                page.active = True
                k.count["pgactivate"] += 1
            kept.append(page)
        if laundering and looked % k.batch == 0:
            yield GIVE_WAY
    put_back(k, kept)
    count_stolen(k, actor, freed)
    if actor.is_kswapd and k.launderd:
        k.launderd.clean_freed += freed
    if actor.frees_for_others and freed:
        k.wake(Wait.KSWAPD, actor.clock)
        k.clean_floor.mended(actor.clock)
    return freed


def shrink_active_list(k: Kernel, actor: Actor, zone: Zone, sc: ScanControl, pages: int) -> None:
    """Deactivate from the old end; mapped pages only under pressure and if not used."""
    distress = 100 >> min(zone.prev_priority, sc.priority)
    mapped_ratio = 100 * len(k.mapped) // k.machine.ram_pages
    reclaim_mapped = mapped_ratio // 2 + distress + k.values["swappiness"] >= 100 or zone.scanned >= 3 * lru_size(k, zone)
    for page in isolated(zone.active.take_oldest(pages)):
        actor.clock += k.machine.scan_ns
        if page.mapped and (not reclaim_mapped or not sc.may_unmap or (page.anon and k.swap.slots == 0) or page_referenced(page)):
            zone.active.add(page)
        else:
            page.active = False
            k.count["pgdeactivate"] += 1
            zone.inactive.add(page)


def shrink_zone(k: Kernel, actor: Actor, zone: Zone, sc: ScanControl) -> Steps:
    """Batches from both lists in turn, as many as the priority says; pages freed."""
    freed = 0
    real = k.scale.real
    zone.scan_active += (len(zone.active) * real >> sc.priority) + 1
    zone.scan_inactive += (len(zone.inactive) * real >> sc.priority) + 1
    active, inactive = 0, 0
    if zone.scan_active >= BATCH:
        active, zone.scan_active = divmod(zone.scan_active, real)
    if zone.scan_inactive >= BATCH:
        inactive, zone.scan_inactive = divmod(zone.scan_inactive, real)
    while active or inactive:
        batch = min(active, k.batch)
        active -= batch
        if batch:
            shrink_active_list(k, actor, zone, sc, batch)
        batch = min(inactive, k.batch)
        inactive -= batch
        pages = isolated(zone.inactive.take_oldest(batch))
        if pages:
            count_scanned(k, actor, len(pages))
            freed += yield from actor.call(shrink_page_list(k, actor, sc, pages))
            yield GIVE_WAY
    if not sc.recursion:
        yield from throttle_vm_writeout(k, actor, sc)
    return freed


def lru_size(k: Kernel, zone: Zone) -> int:
    """What the tests for a hopeless zone compare with; private laundries count if the policy says so."""
    laundry = sum(page.zone is zone for page in k.laundry) if k.values.get("laundry_counts_as_lru", 0) else 0
    return zone.nr_lru + laundry


def throttle_vm_writeout(k: Kernel, actor: Actor, sc: ScanControl) -> Steps:
    """Wait while too much is under writeback; who may not enter file systems waits once."""
    if not (sc.flags & gfp.FS and sc.flags & gfp.IO):
        yield Sleep(Wait.CONGESTION, actor.clock + 100 * MS)
        return
    while k.dirty_throttle.writeout_throttled():
        yield Sleep(Wait.CONGESTION, actor.clock + 100 * MS)


# --- the laundry ---------------------------------------------------------------------------------------------------------------------------


def set_aside(k: Kernel, sc: ScanControl, page: Page) -> None:
    """Onto the reclaimer's own list."""
    sc.laundry.append(page)
    k.laundry.add(page)
    k.in_laundry += 1
    k.count["laundry_isolated"] += 1
    k.count["laundry_max"] = max(k.count["laundry_max"], k.in_laundry)


def take_laundry(k: Kernel, sc: ScanControl) -> list[Page]:
    laundry, sc.laundry = sc.laundry, []
    k.in_laundry -= len(laundry)
    return laundry


def pages_to_launder(k: Kernel, actor: Actor, sc: ScanControl, when: int) -> int:
    """What the policy wants written now of the reclaimer's own laundry and those of the zones."""
    return k.decisions.launder(actor.is_kswapd, when, len(sc.laundry) + in_laundries(k), sc.priority)


def launder(k: Kernel, actor: Actor, sc: ScanControl, pages: int) -> Steps:
    """The ordinary page routine over the reclaimer's own laundry, or so many pages of the zones' lists; PF_MEMALLOC as the policy says."""
    memalloc = actor.memalloc
    if not k.decisions.launder_memalloc(actor.is_kswapd):
        actor.memalloc = 0
    if sc.laundry:
        yield from actor.call(shrink_page_list(k, actor, sc, take_laundry(k, sc), laundering=True))
    else:
        yield from actor.call(launder_zones(k, actor, sc, actor.node.zones, pages))
    actor.memalloc = memalloc


def launder_zones(k: Kernel, actor: Actor, sc: ScanControl, zones: list[Zone], most: int) -> Steps:
    """Batches of the oldest pages on the laundry list of each zone; pages looked at."""
    looked = 0
    for zone in zones:
        while pages := isolated(zone.laundry.take_oldest(min(k.batch, most - looked))):
            looked += len(pages)
            k.count["pgscan_kswapd"] += len(pages)
            yield from actor.call(shrink_page_list(k, actor, sc, pages, laundering=True))
            yield GIVE_WAY
    return looked


# --- direct reclaim ------------------------------------------------------------------------------------------------------------------------


def try_to_free_pages(k: Kernel, actor: Actor, flags: int, recursion: int) -> Steps:
    """1 if a batch was freed or there was more to do, 0 if every zone is hopeless; a recursion returns the pages freed."""
    sc = ScanControl(flags, recursion=recursion)
    freed = scanned = result = 0
    pages = lru_pages(k)
    for priority in range(DEF_PRIORITY, -1, -1):
        sc.priority = priority
        sc.nr_scanned = 0
        hopeless = True
        for zone in zonelist(k.nodes, actor.node):
            zone.prev_priority = min(zone.prev_priority, priority)
            if not zone.hopeless or priority == DEF_PRIORITY:
                hopeless = False
                freed += yield from actor.call(shrink_zone(k, actor, zone, sc))
        if not recursion:
            freed += k.slab.shrink_2623(sc.nr_scanned, pages)[1]
            yield from after_shrink_slab(k, actor)
        scanned += sc.nr_scanned
        if freed >= k.batch:
            result = 1
            break
        if recursion:
            yield GIVE_WAY
        else:
            yield from priority_done(k, actor, sc, scanned)
        result = 0 if hopeless else 1
    else:
        sc.priority = -1
    for zone in k.zones:
        zone.prev_priority = max(sc.priority, 0)
    if sc.laundry and (laundry := pages_to_launder(k, actor, sc, AT_DIRECT_EXIT)):
        yield from launder(k, actor, sc, laundry)
    else:
        put_back(k, take_laundry(k, sc))
    return freed if recursion else result


def priority_done(k: Kernel, actor: Actor, sc: ScanControl, scanned: int) -> Steps:
    """Not enough yet: wake pdflush, launder, nap."""
    if 2 * scanned > 3 * k.batch and k.decisions.wake_pdflush(False, sc.priority):
        k.dirty_throttle.wake_flusher(scanned, actor.clock)
    if pages := pages_to_launder(k, actor, sc, AFTER_PRIORITY):
        yield from launder(k, actor, sc, pages)
    if sc.nr_scanned and sc.priority < DEF_PRIORITY - 2 and k.decisions.throttle(False, PRIORITY_DONE, sc.priority):
        yield Sleep(Wait.CONGESTION, actor.clock + 100 * MS)
    else:
        yield GIVE_WAY
