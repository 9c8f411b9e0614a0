"""A batch of isolated folios: mm/vmscan.c:shrink_folio_list(), v6.1 and v6.12."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import gfp
from core.decisions import ACTIVATE, BY_CONGESTION, FREE, KEEP, MARK, WHY_BATCH, WRITE
from tests.twin.actor import Actor, Steps
from tests.twin.generations import look_around
from tests.twin.list_balance import lru_note_cost
from tests.twin.node import Node
from tests.twin.page import Page, evict, unmap
from tests.twin.page_io import pageout
from tests.twin.reclaim import DEF_PRIORITY, Met, ScanControl, count_stolen, put_back
from tests.twin.throttle import wait_iff_congested

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel


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
