"""Reclaim of 6.12: mm/vmscan.c:shrink_folio_list(), get_scan_count(), shrink_lruvec(), shrink_node(), reclaim_throttle(); mm/workingset.c."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

from core import gfp
from core.decisions import (
    ACTIVATE,
    BY_CONGESTION,
    BY_EVENT,
    FREE,
    KEEP,
    MARK,
    NO,
    SET_ASIDE,
    WHY_CONGESTED,
    WHY_NOPROGRESS,
    WHY_WRITEBACK,
    WRITE,
)
from core.units import JIFFY, MS
from tests.twin.actor import GIVE_WAY, Actor, Sleep, Steps, Wait
from tests.twin.allocator import HOPELESS, reclaimable_pages
from tests.twin.lru import lru_pages
from tests.twin.page import Page, evict, unmap
from tests.twin.page_io import pageout
from tests.twin.reclaim import BATCH, DEF_PRIORITY, Met, ScanControl, count_scanned, count_stolen, isolated, put_back
from tests.twin.vmscan_2623 import set_aside

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel

ANON, FILE = False, True
INACTIVE, ACTIVE = False, True
ORDER = ((ANON, INACTIVE), (ANON, ACTIVE), (FILE, INACTIVE), (FILE, ACTIVE))
PAGES_PER_GIB = 1 << 18


# --- a batch -------------------------------------------------------------------------------------------------------------------------------


class Batch(Met):
    """What one call of shrink_folio_list() met and did."""

    written = 0


def check_dirty_writeback(batch: Batch, page: Page) -> None:
    """Anonymous folios do not count."""
    if page.anon:
        return
    if page.dirty or page.writeback:
        batch.dirty += 1
    if page.dirty and not page.writeback:
        batch.unqueued_dirty += 1
    if page.writeback and page.reclaim:
        batch.congested += 1


def fate(k: Kernel, actor: Actor, sc: ScanControl, batch: Batch, page: Page) -> int:
    """What becomes of a folio at the tail."""
    actor.clock += k.machine.scan_ns
    if page.locked:
        return KEEP
    sc.nr_scanned += 1
    check_dirty_writeback(batch, page)
    marked = page.reclaim
    if page.writeback:
        if actor.is_kswapd and marked and k.node.writeback:
            batch.immediate += 1
        else:
            page.reclaim = True
            batch.writeback += 1
        return k.decisions.writeback_page(actor.is_kswapd, marked, k.node.writeback)
    if page.gone:
        return FREE
    young = page.mapped and page.young
    referenced, page.referenced = page.referenced, young
    if young:
        page.young = False
        return ACTIVATE if referenced or page.executable else KEEP
    if page.anon and page.slot is None:
        if not sc.flags & gfp.IO:
            return KEEP
        if not k.swap.add(page):
            return ACTIVATE
    if page.mapped:
        actor.clock += k.machine.unmap_ns
        unmap(k, page)
    if not page.dirty:
        return FREE
    if page.anon and not sc.flags & gfp.IO:
        return KEEP
    verdict = k.decisions.dirty_page(actor.is_kswapd, page.anon, marked and not page.anon, k.node.dirty and not page.anon, sc.priority)
    if verdict == WRITE and referenced and not page.anon:
        return KEEP  # FOLIOREF_RECLAIM_CLEAN
    if verdict == MARK or (verdict == ACTIVATE and not page.anon):
        page.reclaim = True
        k.count["nr_vmscan_immediate_reclaim"] += 1
    return verdict


def shrink_folio_list(k: Kernel, actor: Actor, sc: ScanControl, file: bool, pages: list[Page]) -> Steps:
    """Go through isolated folios and settle the batch; how many were freed."""
    batch = Batch(taken=len(pages), file_taken=len(pages) if file else 0)
    kept, freed = [], 0
    for page in pages:
        verdict = fate(k, actor, sc, batch, page)
        if verdict == FREE:
            evict(k, page)
            freed += 1
            continue
        if verdict == SET_ASIDE:
            set_aside(k, sc, page)
            continue
        if verdict == WRITE:
            if (yield from actor.call(pageout(k, actor, page, True))):
                batch.written += 1
            else:
                verdict = ACTIVATE
        if verdict == ACTIVATE and not page.active:
            page.active = True
            k.count["pgactivate"] += 1
            k.nonresident_age += 1
        kept.append(page)
    put_back(k, kept)
    lru_note_cost(k, file, batch.written * BATCH + batch.taken - freed)
    count_stolen(k, actor, freed)
    if batch.unqueued_dirty == batch.taken:
        k.dirty_throttle.wake_flusher(len(k.dirty), actor.clock)
    for name in vars(sc.met):
        setattr(sc.met, name, getattr(sc.met, name) + getattr(batch, name))
    return freed


def lru_note_cost(k: Kernel, file: bool, pages: int) -> None:
    """Reclaiming this type cost so much; old costs fade."""
    cost = k.node.cost
    cost[file] += pages
    if cost[ANON] + cost[FILE] > lru_pages(k) // 4:
        cost[ANON] //= 2
        cost[FILE] //= 2


# --- how much of which list ----------------------------------------------------------------------------------------------------------------


def inactive_is_low(k: Kernel, file: bool) -> bool:
    """The active list is too long beside the inactive one."""
    inactive, active = k.node.nr(file, INACTIVE), k.node.nr(file, ACTIVE)
    gb = (inactive + active) // PAGES_PER_GIB
    return inactive * (isqrt(10 * gb) if gb else 1) < active


def prepare_scan_control(k: Kernel, sc: ScanControl) -> None:
    """What may be deactivated, and whether one type is enough."""
    node = k.node
    for file in (ANON, FILE):
        refaulted = node.activated[file] != node.activated_seen[file]
        sc.may_deactivate[file] = sc.force_deactivate or refaulted or inactive_is_low(k, file)
    sc.cache_trim_mode = node.nr(FILE, INACTIVE) >> sc.priority > 0 and not sc.may_deactivate[FILE]
    high = sum(zone.marks.high for zone in k.zones)
    few = node.nr(FILE, INACTIVE) + node.nr(FILE, ACTIVE) + k.free_pages <= high
    sc.file_is_tiny = few and not sc.may_deactivate[ANON] and node.nr(ANON, INACTIVE) >> sc.priority > 0


def get_scan_count(k: Kernel, sc: ScanControl) -> dict[tuple[bool, bool], int]:
    """Folios of each list to scan."""
    swappiness = k.values["swappiness"]
    share = {ANON: 1, FILE: 1}
    of = 1
    if k.swap.free == 0:
        share[ANON] = 0
    elif sc.priority == 0 and swappiness:
        pass
    elif sc.file_is_tiny:
        share[FILE] = 0
    elif sc.cache_trim_mode:
        share[ANON] = 0
    else:
        total = sum(k.node.cost.values())
        anon_cost, file_cost = total + k.node.cost[ANON], total + k.node.cost[FILE]
        share[ANON] = swappiness * (anon_cost + file_cost + 1) // (anon_cost + 1)
        share[FILE] = (200 - swappiness) * (anon_cost + file_cost + 1) // (file_cost + 1)
        of = max(share[ANON] + share[FILE], 1)
    return {which: (k.node.nr(*which) >> sc.priority) * share[which[0]] // of for which in ORDER}


def shrink_active_list(k: Kernel, actor: Actor, file: bool, folios: int) -> None:
    """Everything goes inactive but program text in use."""
    rotated = 0
    for page in isolated(k.node.lists[file, ACTIVE].take_oldest(folios)):
        actor.clock += k.machine.scan_ns
        used, page.young = page.mapped and page.young, False if page.mapped else page.young
        if used and page.executable:
            rotated += 1
        else:
            page.active = False
            k.count["pgdeactivate"] += 1
        k.node.lists[file, page.active].add(page)
    if rotated:
        lru_note_cost(k, file, rotated)


# --- the node ------------------------------------------------------------------------------------------------------------------------------


def shrink_lruvec(k: Kernel, actor: Actor, sc: ScanControl) -> Steps:
    """Rounds over the four lists; once enough is freed, the smaller type is dropped and the other one cut down in proportion."""
    goal = get_scan_count(k, sc)
    left = dict(goal)
    full_scan = not actor.is_kswapd and sc.priority == DEF_PRIORITY
    freed = 0
    while left[ANON, INACTIVE] or left[FILE, ACTIVE] or left[FILE, INACTIVE]:
        for which in ORDER:
            file, active = which
            folios = min(left[which], BATCH)
            left[which] -= folios
            if not folios:
                continue
            if active:
                if sc.may_deactivate[file]:
                    shrink_active_list(k, actor, file, folios)
                else:
                    sc.skipped_deactivate = True
                continue
            pages = isolated(k.node.lists[which].take_oldest(folios))
            if pages:
                count_scanned(k, actor, len(pages))
                freed += yield from actor.call(shrink_folio_list(k, actor, sc, file, pages))
                yield GIVE_WAY
        if freed < sc.nr_to_reclaim or full_scan:
            continue
        of_file = left[FILE, INACTIVE] + left[FILE, ACTIVE]
        of_anon = left[ANON, INACTIVE] + left[ANON, ACTIVE]
        if not of_file or not of_anon:
            break
        small = ANON if of_file > of_anon else FILE
        percentage = min(of_file, of_anon) * 100 // (goal[small, INACTIVE] + goal[small, ACTIVE] + 1)
        for active in (INACTIVE, ACTIVE):
            left[small, active] = 0
            scanned = goal[not small, active] - left[not small, active]
            left[not small, active] = max(goal[not small, active] * (100 - percentage) // 100 - scanned, 0)
        full_scan = True
    if inactive_is_low(k, ANON) and k.swap.free > 0:
        shrink_active_list(k, actor, ANON, BATCH)
    return freed


def shrink_node(k: Kernel, actor: Actor, sc: ScanControl) -> Steps:
    """Scan, then mark the node and throttle; pages freed."""
    node = k.node
    sc.met = Met()
    scanned_before = sc.nr_scanned
    prepare_scan_control(k, sc)
    freed = yield from shrink_lruvec(k, actor, sc)
    freed += k.slab.shrink_612(sc.priority)[1]
    if freed:
        node.kswapd_failures = 0
    met = sc.met
    if actor.is_kswapd:
        if met.writeback and met.writeback == met.taken:
            node.writeback = True
        if met.unqueued_dirty and met.unqueued_dirty == met.file_taken:
            node.dirty = True
        if met.dirty and met.dirty == met.congested:
            node.congested = True
        if met.immediate:
            slept = yield from reclaim_throttle(k, actor, sc, WHY_WRITEBACK)
            if slept:
                return freed
    elif node.congested:
        slept = yield from reclaim_throttle(k, actor, sc, WHY_CONGESTED)
        if slept:
            return freed
    if freed > (sc.nr_scanned - scanned_before) >> 3:
        k.wake(Wait.NOPROGRESS, actor.clock)
    elif not actor.is_kswapd and sc.priority == 1 and not freed:
        yield from reclaim_throttle(k, actor, sc, WHY_NOPROGRESS)
    return freed


def reclaim_throttle(k: Kernel, actor: Actor, sc: ScanControl, why: int) -> Steps:
    """Nap as the policy says; whether it did."""
    how = k.decisions.throttle(actor.is_kswapd, why, sc.priority)
    if how == NO:
        return False
    if how == BY_CONGESTION:
        if why == WHY_CONGESTED and not any(device.congested for device in k.devices):  # wait_iff_congested()
            return False
        yield Sleep(Wait.CONGESTION, actor.clock + 100 * MS)
        return True
    assert how == BY_EVENT
    if why == WHY_WRITEBACK:
        if not k.waiting(Wait.WRITEBACK):
            k.node.written_before_throttle = k.count["nr_written"]
            k.node.throttled = 0
        k.node.throttled += 1
        yield Sleep(Wait.WRITEBACK, actor.clock + 100 * MS)
        return True
    if skip_throttle_noprogress(k):
        return False
    yield Sleep(Wait.TIMER if why == WHY_CONGESTED else Wait.NOPROGRESS, actor.clock + JIFFY)
    return True


def skip_throttle_noprogress(k: Kernel) -> bool:
    """kswapd is hopeless, or most of what is reclaimable does not wait for a write."""
    write_pending = len(k.dirty | k.writeback)
    return k.node.kswapd_failures >= HOPELESS or 2 * write_pending <= reclaimable_pages(k)


def snapshot_refaults(k: Kernel) -> None:
    """Remember the activations seen so far."""
    k.node.activated_seen = dict(k.node.activated)


def try_to_free_pages(k: Kernel, actor: Actor, flags: int) -> Steps:
    """do_try_to_free_pages(): pages freed."""
    sc = ScanControl(flags)
    freed = 0
    while True:
        for sc.priority in range(DEF_PRIORITY, -1, -1):
            freed += yield from actor.call(shrink_node(k, actor, sc))
            if freed >= sc.nr_to_reclaim:
                break
        if freed or not sc.skipped_deactivate or sc.force_deactivate:
            break
        sc.force_deactivate, sc.skipped_deactivate = True, False
    snapshot_refaults(k)
    k.node.congested = False
    return freed


# --- refaults ------------------------------------------------------------------------------------------------------------------------------


def workingset_refault(k: Kernel, page: Page) -> bool:
    """Was it evicted so lately that it would still be here, had the lists been longer by the active ones?"""
    file = not page.anon
    kind = "file" if file else "anon"
    assert page.shadow is not None
    distance = k.nonresident_age - page.shadow
    k.count[f"workingset_refault_{kind}"] += 1
    size = k.node.nr(FILE, ACTIVE)
    if not file:
        size += k.node.nr(FILE, INACTIVE) + k.node.nr(ANON, ACTIVE)
    elif k.swap.free > 0:
        size += k.node.nr(ANON, INACTIVE) + k.node.nr(ANON, ACTIVE)
    if distance > size:
        return False
    k.nonresident_age += 1
    k.node.activated[file] += 1
    k.count[f"workingset_activate_{kind}"] += 1
    lru_note_cost(k, file, 1)
    return True
