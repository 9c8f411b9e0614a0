"""Reclaim of 6.x: mm/vmscan.c:shrink_folio_list(), too_many_isolated(), get_scan_count(), shrink_lruvec(),
shrink_node(), reclaim_throttle(), v6.1 and v6.12; mm/workingset.c."""

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
    PRIORITY_DONE,
    WHY_BATCH,
    WHY_CONGESTED,
    WHY_ISOLATED,
    WHY_NOPROGRESS,
    WHY_WRITEBACK,
    WRITE,
)
from core.units import JIFFY, MS
from tests.twin.actor import GIVE_WAY, Actor, Sleep, Steps, Wait
from tests.twin.allocator import HOPELESS, reclaimable_pages
from tests.twin.generations import look_around
from tests.twin.node import Node, nodelist
from tests.twin.page import Page, evict, unmap
from tests.twin.page_io import pageout
from tests.twin.reclaim import BATCH, DEF_PRIORITY, Met, ScanControl, count_scanned, count_stolen, isolated, put_back
from tests.twin.slab_burst import after_shrink_slab

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
    activated = 0


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
    if page.mapped and not sc.may_unmap:
        return KEEP
    check_dirty_writeback(batch, page)
    marked, node = page.reclaim, k.node_of(page)
    if page.writeback:
        if actor.is_kswapd and marked and node.writeback:
            batch.immediate += 1
        else:
            page.reclaim = True
            batch.writeback += 1
        return k.decisions.writeback_page(actor.is_kswapd, marked, node.writeback)
    if page.gone:
        return FREE
    young = page.mapped and page.young
    referenced, page.referenced = page.referenced, young
    if young and k.generations:
        look_around(k, actor, page)
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
    if page.anon and not (sc.flags & gfp.IO and sc.may_writepage):
        return KEEP
    verdict = k.decisions.dirty_page(actor.is_kswapd, page.anon, marked and not page.anon, node.dirty and not page.anon, sc.priority)
    reclaim_clean = referenced and not page.anon  # FOLIOREF_RECLAIM_CLEAN
    may_enter_fs = page.anon or sc.flags & gfp.FS
    if verdict not in (MARK, ACTIVATE) and (reclaim_clean or not may_enter_fs or not sc.may_writepage):
        return KEEP
    if verdict == MARK or (verdict == ACTIVATE and not page.anon):
        page.reclaim = True
        k.count["nr_vmscan_immediate_reclaim"] += 1
    return verdict


def shrink_folio_list(k: Kernel, actor: Actor, node: Node, sc: ScanControl, file: bool, pages: list[Page]) -> Steps:
    """Go through isolated folios and settle the batch; how many were freed."""
    batch = Batch(taken=len(pages), file_taken=len(pages) if file else 0)
    kept, freed = [], 0
    for page in pages:
        verdict = fate(k, actor, sc, batch, page)
        if verdict == FREE:
            evict(k, page)
            freed += 1
            continue
        if verdict == WRITE:
            yield from actor.call(pageout(k, actor, page, True))
            batch.written += 1
        if verdict == ACTIVATE and k.generations:
            k.count["pgactivate"] += 1
        elif verdict == ACTIVATE and not page.active:
            page.active = True
            batch.activated += 1
            k.count["pgactivate"] += 1
        kept.append(page)
    put_back(k, kept)
    node.nonresident_age += batch.activated
    node.isolated[file] -= len(pages)
    lru_note_cost(k, node, file, batch.written, batch.taken - freed)
    count_stolen(k, actor, freed)
    kind = "file" if file else "anon"
    k.count[f"pgscan_{kind}"] += len(pages)
    k.count[f"pgsteal_{kind}"] += freed
    if batch.unqueued_dirty == batch.taken and not sc.recursion and k.decisions.wake_flusher_for_batch(actor.is_kswapd):
        k.dirty_throttle.wake_flusher(len(k.dirty), actor.clock)
    counted = {"unqueued_dirty", "file_taken"} if k.generations else set()  # when they were sorted
    for name in vars(sc.met).keys() - counted:
        setattr(sc.met, name, getattr(sc.met, name) + getattr(batch, name))
    much = not sc.recursion and batch.writeback and batch.writeback >= batch.taken >> (DEF_PRIORITY - sc.priority)
    if much and k.decisions.throttle(actor.is_kswapd, WHY_BATCH, sc.priority) == BY_CONGESTION:
        yield from wait_iff_congested(k, actor)
    return freed


def lru_note_cost(k: Kernel, node: Node, file: bool, io: int, rotated: int) -> None:
    """Writes or reads that reclaiming this type cost, and pages scanned in vain (6.2 on; before 5.8 the nearest thing to recent_rotated); old costs fade."""
    cost = node.cost
    cost[file] += io if 508 <= k.version < 602 else io * BATCH + rotated
    if cost[ANON] + cost[FILE] > node.lru_pages // 4:
        cost[ANON] //= 2
        cost[FILE] //= 2


# --- how much of which list ----------------------------------------------------------------------------------------------------------------


def inactive_is_low(k: Kernel, node: Node, file: bool) -> bool:
    """The active list is too long beside the inactive one."""
    inactive, active = node.nr(file, INACTIVE), node.nr(file, ACTIVE)
    gb = (inactive + active) * k.scale.real // PAGES_PER_GIB
    return inactive * (isqrt(10 * gb) if gb else 1) < active


def prepare_scan_control(k: Kernel, node: Node, sc: ScanControl) -> None:
    """What may be deactivated, and whether one type is enough."""
    for file in (ANON, FILE):
        refaulted = node.activated[file] != node.activated_seen[file]
        sc.may_deactivate[file] = sc.force_deactivate or refaulted or inactive_is_low(k, node, file)
    enough_cache = node.nr(FILE, INACTIVE) * k.scale.real >> sc.priority > 0
    sc.cache_trim_mode = enough_cache and not sc.may_deactivate[FILE] and not sc.no_cache_trim_mode
    high = sum(zone.marks.high + zone.boost for zone in node.zones)
    free = sum(zone.free for zone in node.zones)
    few = node.nr(FILE, INACTIVE) + node.nr(FILE, ACTIVE) + free <= high
    sc.file_is_tiny = few and not sc.may_deactivate[ANON] and node.nr(ANON, INACTIVE) * k.scale.real >> sc.priority > 0


def get_scan_count(k: Kernel, node: Node, sc: ScanControl) -> dict[tuple[bool, bool], int]:
    """Folios of each list to scan."""
    swappiness = k.values["swappiness"]
    share = {ANON: 1, FILE: 1}
    of = 1
    if k.swap.free == 0 or not sc.may_swap:
        share[ANON] = 0
    elif sc.priority == 0 and swappiness:
        pass
    elif sc.file_is_tiny:
        share[FILE] = 0
    elif sc.cache_trim_mode:
        share[ANON] = 0
    else:
        total = sum(node.cost.values())
        anon_cost, file_cost = total + node.cost[ANON], total + node.cost[FILE]
        share[ANON] = swappiness * (anon_cost + file_cost + 1) // (anon_cost + 1)
        share[FILE] = (200 - swappiness) * (anon_cost + file_cost + 1) // (file_cost + 1)
        of = max(share[ANON] + share[FILE], 1)
    plan = {}
    for which in ORDER:
        pages = (node.nr(*which) * k.scale.real >> sc.priority) * share[which[0]] // of + node.scan_carry[which]
        plan[which], node.scan_carry[which] = divmod(pages, k.scale.real)
    return plan


def shrink_active_list(k: Kernel, actor: Actor, node: Node, file: bool, folios: int) -> None:
    """Everything goes inactive but program text in use."""
    rotated = 0
    for page in isolated(node.lists[file, ACTIVE].take_oldest(folios)):
        actor.clock += k.machine.scan_ns
        used, page.young = page.mapped and page.young, False if page.mapped else page.young
        if used and page.executable:
            rotated += 1
        else:
            page.active = False
            page.workingset = True
            k.count["pgdeactivate"] += 1
        node.lists[file, page.active].add(page)
    if rotated:
        node.nonresident_age += rotated
        lru_note_cost(k, node, file, 0, rotated)


# --- the node ------------------------------------------------------------------------------------------------------------------------------


def shrink_lruvec(k: Kernel, actor: Actor, node: Node, sc: ScanControl) -> Steps:
    """Rounds over the four lists; once enough is freed, the smaller type is dropped and the other one cut down in proportion."""
    goal = get_scan_count(k, node, sc)
    actor.plug.start()
    left = dict(goal)
    full_scan = not actor.is_kswapd and sc.priority == DEF_PRIORITY
    freed = 0
    while left[ANON, INACTIVE] or left[FILE, ACTIVE] or left[FILE, INACTIVE]:
        for which in ORDER:
            file, active = which
            folios = min(left[which], k.batch)
            left[which] -= folios
            if not folios:
                continue
            if active:
                if sc.may_deactivate[file]:
                    shrink_active_list(k, actor, node, file, folios)
                else:
                    sc.skipped_deactivate = True
                continue
            verdict = yield from wait_for_isolated(k, actor, node, sc, file)
            if verdict != ISOLATE:
                freed += k.batch if verdict == DYING else 0
                continue
            pages = isolated(node.lists[which].take_oldest(folios))
            if pages:
                node.isolated[file] += len(pages)
                count_scanned(k, actor, len(pages))
                freed += yield from actor.call(shrink_folio_list(k, actor, node, sc, file, pages))
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
        full_scan = k.version < 600
    actor.plug.finish(actor.clock)
    age_anon(k, actor, node)
    return freed


ISOLATE, SKIP, DYING = "isolate", "return 0", "return SWAP_CLUSTER_MAX"


def wait_for_isolated(k: Kernel, actor: Actor, node: Node, sc: ScanControl, file: bool) -> Steps:
    """The loop at the start of shrink_inactive_list(): what to do once not too much is isolated, or the patience is at its end."""
    if actor.is_kswapd or sc.recursion:
        return ISOLATE
    waited = False
    while too_many_isolated(k, actor, node, sc, file):
        how = k.decisions.throttle(False, WHY_ISOLATED, sc.priority)
        if how == BY_EVENT:
            if waited or not actor.is_task:
                return SKIP
            yield Sleep(Wait.ISOLATED, k.timer(actor.clock, 20 * MS), node)
        elif how == BY_CONGESTION:
            yield Sleep(Wait.CONGESTION, k.timer(actor.clock, 100 * MS))
        else:
            return ISOLATE
        waited = True
        if actor.memdie:
            return DYING
    return ISOLATE


def too_many_isolated(k: Kernel, actor: Actor, node: Node, sc: ScanControl, file: bool) -> bool:
    """Other reclaimers hold more than an eighth of what the inactive list has left; who holds locks may take more."""
    left = node.nr(file, INACTIVE)
    if sc.flags & gfp.FS and sc.flags & gfp.IO:
        left //= 8
    if node.isolated[file] > left:
        return True
    k.wake(Wait.ISOLATED, actor.clock, node)
    return False


def age_anon(k: Kernel, actor: Actor, node: Node) -> None:
    """kswapd_age_node(): let anonymous pages be referenced before they are wanted."""
    if k.swap.slots and inactive_is_low(k, node, ANON):
        shrink_active_list(k, actor, node, ANON, k.batch)


def shrink_node(k: Kernel, actor: Actor, node: Node, sc: ScanControl) -> Steps:
    """Scan, then mark the node and throttle; pages freed."""
    sc.met = Met()
    prepare_scan_control(k, node, sc)
    freed = yield from shrink_lruvec(k, actor, node, sc)
    if not sc.recursion:
        objects, slab_pages = k.slab.shrink_612(sc.priority)
        sc.slab_scanned += objects
        freed += slab_pages
        yield from after_shrink_slab(k, actor)
        yield from mark_and_throttle(k, actor, node, sc)
    if freed:
        node.kswapd_failures = 0
    elif sc.cache_trim_mode:
        sc.cache_trim_mode_failed = True
    return freed


def mark_and_throttle(k: Kernel, actor: Actor, node: Node, sc: ScanControl) -> Steps:
    """kswapd marks the node by what it has met; who cannot get on waits."""
    met = sc.met
    if actor.is_kswapd:
        if met.writeback and met.writeback == met.taken:
            node.writeback = True
        if met.unqueued_dirty == met.file_taken and (met.file_taken or k.version < 607):
            node.dirty = True
        if met.dirty and met.dirty == met.congested:
            node.congested = True
        if met.immediate:
            how = k.decisions.throttle(True, WHY_WRITEBACK, sc.priority)
            if how == BY_EVENT:
                node.written_since_throttle = 0
                yield Sleep(Wait.WRITEBACK, k.timer(actor.clock, 100 * MS), node)
            elif how == BY_CONGESTION:
                yield Sleep(Wait.CONGESTION, k.timer(actor.clock, 100 * MS))
    elif node.congested:
        how = k.decisions.throttle(False, WHY_CONGESTED, sc.priority)
        if how == BY_EVENT and actor.is_task and not skip_throttle_noprogress(k, node):
            yield Sleep(Wait.TIMER, k.timer(actor.clock, JIFFY))
        elif how == BY_CONGESTION:
            yield from wait_iff_congested(k, actor)


def wait_iff_congested(k: Kernel, actor: Actor) -> Steps:
    """Wait for the next write request that is done, if a write queue is congested at all."""
    if any(device.congested for device in k.devices):
        yield Sleep(Wait.CONGESTION, k.timer(actor.clock, 100 * MS))


def write_pending(k: Kernel, node: Node) -> int:
    """NR_ZONE_WRITE_PENDING: a page dirtied again while it is written counts twice."""
    return sum(k.node_of(page) is node for pages in (k.dirty, k.writeback) for page in pages)


def skip_throttle_noprogress(k: Kernel, node: Node) -> bool:
    """kswapd is hopeless, or most of what is reclaimable does not wait for a write."""
    return node.kswapd_failures >= HOPELESS or 2 * write_pending(k, node) <= reclaimable_pages(k, node)


def snapshot_refaults(node: Node) -> None:
    """Remember the activations seen so far."""
    node.activated_seen = dict(node.activated)


def try_to_free_pages(k: Kernel, actor: Actor, flags: int, recursion: int) -> Steps:
    """do_try_to_free_pages(): pages freed."""
    sc = ScanControl(flags, recursion=recursion, nr_to_reclaim=k.batch)
    freed = scanned = 0
    while True:
        for sc.priority in range(DEF_PRIORITY, -1, -1):
            sc.nr_scanned = 0
            for node in nodelist(k.nodes, actor.node):
                sc.nr_reclaimed = freed
                freed += yield from actor.call(k.shrink_node(actor, node, sc))
            if not recursion:
                yield from consider_reclaim_throttle(k, actor, sc, freed)
            scanned += sc.nr_scanned
            if freed >= sc.nr_to_reclaim:
                break
            if 2 * scanned > 3 * k.batch and not recursion and k.decisions.wake_pdflush(False, sc.priority):
                k.dirty_throttle.wake_flusher(scanned, actor.clock)
        else:
            sc.priority = -1
        if freed or not sc.skipped_deactivate or sc.force_deactivate:
            break
        sc.force_deactivate, sc.skipped_deactivate = True, False
        for node in k.nodes:
            snapshot_refaults(node)
        k.count["allocstall"] += 1
    for node in k.nodes:
        snapshot_refaults(node)
    to_write = not freed and not recursion and 2 * write_pending(k, actor.node) > reclaimable_pages(k, actor.node)  # should_reclaim_retry() to v5.15
    if to_write and k.decisions.throttle(False, WHY_NOPROGRESS, sc.priority) == BY_CONGESTION:
        yield Sleep(Wait.CONGESTION, k.timer(actor.clock, 100 * MS))
    return freed


def consider_reclaim_throttle(k: Kernel, actor: Actor, sc: ScanControl, freed: int) -> Steps:
    """After each priority of direct reclaim: wake or join those who wait for progress (v5.16 on), or wait_iff_congested() (to v5.15)."""
    ask = k.decisions.throttle
    progress = freed > sc.nr_scanned >> 3
    if progress:
        k.wake(Wait.NOPROGRESS, actor.clock, actor.node)
    hopeless = not progress and sc.priority == 1 and not freed
    if hopeless and ask(False, WHY_NOPROGRESS, sc.priority) == BY_EVENT and actor.is_task and not skip_throttle_noprogress(k, actor.node):
        yield Sleep(Wait.NOPROGRESS, k.timer(actor.clock, JIFFY), actor.node)
        return
    naps = freed < sc.nr_to_reclaim and sc.nr_scanned and sc.priority < DEF_PRIORITY - 2
    if naps and ask(False, PRIORITY_DONE, sc.priority) == BY_CONGESTION:
        yield from wait_iff_congested(k, actor)


# --- refaults ------------------------------------------------------------------------------------------------------------------------------


def workingset_refault(k: Kernel, page: Page) -> bool:
    """Was it evicted so lately that it would still be there, had the lists of that node been longer by the active ones?"""
    file = not page.anon
    kind = "file" if file else "anon"
    node, clock = page.shadow
    distance = node.nonresident_age - clock
    k.count[f"workingset_refault_{kind}"] += 1
    others = [(FILE, ACTIVE)]
    others += [] if file else [(FILE, INACTIVE)]
    if k.swap.free > 0:
        others += [(ANON, ACTIVE), (ANON, INACTIVE)] if file else [(ANON, ACTIVE)]
    was_active, page.workingset = page.workingset, False
    if distance > sum(node.nr(*which) for which in others):
        return False
    back = k.node_of(page)
    counts = node if k.version < 605 else back
    counts.nonresident_age += 1
    counts.activated[file] += 1
    k.count[f"workingset_activate_{kind}"] += 1
    if was_active:
        page.workingset = True
        lru_note_cost(k, back, file, 1, 0)
    return True
