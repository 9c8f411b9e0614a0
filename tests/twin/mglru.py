"""Reclaim by generations: mm/vmscan.c:lru_gen_shrink_node(), try_to_inc_max_seq(), lru_gen_age_node(), v6.12."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import gfp
from core.units import MS
from tests.twin.actor import GIVE_WAY, NEVER, Actor, Sleep, Steps, Wait
from tests.twin.folios import shrink_folio_list
from tests.twin.generations import ANON, FILE, LRU_BATCH, MIN_GENS, Generations, tier_of
from tests.twin.oom import out_of_memory
from tests.twin.page import Page
from tests.twin.reclaim import DEF_PRIORITY, Met, ScanControl, count_scanned, isolated
from tests.twin.slab_burst import after_shrink_slab
from tests.twin.watermarks import Mark

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel
    from tests.twin.node import Node

MOST_AT_ONCE = 64 * LRU_BATCH  # MAX_LRU_BATCH
WALK = 4096  # page table entries between two points where others may run


# --- ageing --------------------------------------------------------------------------------------------------------------------------------


def age(k: Kernel, actor: Actor, node: Node, swappy: bool, priority: int) -> Steps:
    """try_to_inc_max_seq(); only one at a time walks the page tables, who is in need waits for it (6.1)."""
    if node.gens.ageing:
        if priority <= DEF_PRIORITY - 2:
            yield Sleep(Wait.AGEING, NEVER, node)
        yield from actor.cond_resched()
        return
    node.gens.ageing = True
    yield from actor.call(walk(k, actor, node, swappy))


def walk(k: Kernel, actor: Actor, node: Node, swappy: bool) -> Steps:
    """walk_mm() over all mapped pages, then inc_max_seq()."""
    entries = WALK // k.scale.real
    for first in range(0, len(k.pages), entries):
        if first:
            yield GIVE_WAY
        mapped = [page for page in k.pages[first : first + entries] if page.mapped]
        for page in mapped:
            if page.young and page.lru is not None and k.node_of(page) is node:
                node.gens.used(page)
        actor.clock += len(mapped) * k.machine.walk_ns
    node.gens.begin_new(swappy, actor.clock)
    k.count["generations begun"] += 1
    node.gens.ageing = False
    k.wake(Wait.AGEING, actor.clock, node)


# --- reclaim -------------------------------------------------------------------------------------------------------------------------------


def swappiness_of(k: Kernel, sc: ScanControl) -> int:
    """get_swappiness(): none when swap is nearly full."""
    return k.values["swappiness"] if sc.may_swap and k.swap.free >= k.nodes[0].gens.batch else 0


def set_initial_priority(k: Kernel, node: Node, sc: ScanControl) -> None:
    """Begin where a generation is about what is wanted."""
    if sc.priority != DEF_PRIORITY or sc.nr_to_reclaim < max(node.gens.batch, k.batch + 1):  # direct reclaim never wants so much
        return
    inactive = node.gens.nr(FILE, False) + (node.gens.nr(ANON, False) if k.swap.free else 0)
    sc.priority = min(max(inactive.bit_length() - 1 - (sc.nr_to_reclaim - 1).bit_length(), DEF_PRIORITY // 2), DEF_PRIORITY)


def lru_gen_age_node(k: Kernel, actor: Actor, node: Node, sc: ScanControl) -> None:
    """kswapd, with min_ttl_ms: rather kill than evict what is younger."""
    set_initial_priority(k, node, sc)
    min_ttl = k.values["min_ttl_ms"] * MS
    if not min_ttl:
        return
    gens = node.gens
    kinds = (ANON, FILE) if swappiness_of(k, sc) else (FILE,)
    sizable = sum(len(gens.lists[file, seq]) for file in kinds for seq in gens.seqs(file)) * k.scale.real >> sc.priority > 0
    if not sizable or actor.clock < gens.birth[gens.min_seq[FILE]] + min_ttl:
        out_of_memory(k, actor.clock)


def lru_gen_shrink_node(k: Kernel, actor: Actor, node: Node, sc: ScanControl) -> Steps:
    """Evict from the oldest generations, as much as the priority says; pages freed, slab included."""
    sc.met = Met()
    if not sc.may_writepage:
        return 0
    set_initial_priority(k, node, sc)
    actor.plug.start()
    freed = yield from try_to_shrink_lruvec(k, actor, node, sc)
    actor.plug.finish(actor)
    all_dirty = sc.met.unqueued_dirty and sc.met.unqueued_dirty == sc.met.file_taken
    if all_dirty and not sc.recursion and k.decisions.wake_flusher_for_batch(actor.is_kswapd):
        k.dirty_throttle.wake_flusher(len(k.dirty), actor.clock)
    if not sc.recursion:
        actor.clock += k.machine.pass_ns
        objects, slab_pages = k.slab.shrink_612(sc.priority)
        sc.slab_scanned += objects
        freed += slab_pages
        yield from after_shrink_slab(k, actor)
    if freed:
        node.kswapd_failures = 0
    return freed


def try_to_shrink_lruvec(k: Kernel, actor: Actor, node: Node, sc: ScanControl) -> Steps:
    """Batches until the plan is done; below the default priority a due ageing comes instead."""
    freed = looked = 0
    while True:
        swappiness = swappiness_of(k, sc)
        due, pages = node.gens.should_age(swappiness > 0)
        if due and sc.priority != DEF_PRIORITY:
            yield from age(k, actor, node, swappiness > 0, sc.priority)
            return freed
        plan = k.scale.up(pages * k.scale.real >> sc.priority)
        if not plan:
            return freed
        scanned, file, folios = isolate_folios(k, actor, node, sc, swappiness)
        node.gens.retire_empty(swappiness > 0)
        looked += scanned
        if folios:
            freed += yield from actor.call(shrink_folio_list(k, actor, node, sc, file, folios))
        elif not scanned or node.gens.oldest(swappiness > 0) + MIN_GENS > node.gens.max_seq:
            return freed
        if looked >= plan or should_abort_scan(k, actor, node, sc, sc.nr_reclaimed + freed):
            return freed
        if folios:
            yield GIVE_WAY


def should_abort_scan(k: Kernel, actor: Actor, node: Node, sc: ScanControl, freed: int) -> bool:
    """Enough was freed, or kswapd finds every zone a batch above high."""
    if freed >= sc.nr_to_reclaim:
        return True
    return actor.is_kswapd and all(zone.free > zone.floor(Mark.HIGH, gfp.NOWAIT, k.old) + node.gens.batch for zone in node.zones)


def isolate_folios(k: Kernel, actor: Actor, node: Node, sc: ScanControl, swappiness: int) -> tuple[int, bool, list[Page]]:
    """Pages looked at, the type, and those taken to be shrunk: of the type that costs less, else of the other."""
    file, tier = node.gens.type_and_tier(swappiness, bool(sc.flags & gfp.IO))
    for _ in (ANON, FILE) if swappiness else (FILE,):
        scanned, folios = scan_folios(k, actor, node, sc, file, node.gens.last_tier(file) if tier is None else tier)
        if scanned:
            return scanned, file, folios
        file, tier = not file, None
    return 0, file, []


def scan_folios(k: Kernel, actor: Actor, node: Node, sc: ScanControl, file: bool, tier: int) -> tuple[int, list[Page]]:
    """Look at the oldest generation until a batch is isolated; nothing isolated is nothing looked at unless there may be more."""
    gens = node.gens
    if len(gens.seqs(file)) <= MIN_GENS:
        return 0, []
    oldest = gens.lists[file, gens.min_seq[file]]
    folios: list[Page] = []
    looked = 0
    most = MOST_AT_ONCE // k.scale.real
    for _ in range(min(len(oldest), most)):
        if len(folios) == gens.batch:
            break
        (page,) = oldest.take_oldest(1)
        looked += 1
        if sort_folio(k, sc, gens, page, tier):
            actor.clock += k.machine.scan_ns
        elif not sc.flags & gfp.IO and (page.dirty or (page.anon and page.slot is None)):
            oldest.add(page)
            actor.clock += k.machine.scan_ns
        else:  # isolate_folio()
            page.reclaim = False
            page.active = page.active and page.referenced
            folios.append(page)
    count_scanned(k, actor, len(isolated(folios)))
    return (looked if folios or looked == most else 0), folios


def sort_folio(k: Kernel, sc: ScanControl, gens: Generations, page: Page, tier: int) -> bool:
    """Spared for its tier, or it waits for a read or write: one generation up."""
    file = not page.anon
    if file:
        sc.met.file_taken += 1
        sc.met.unqueued_dirty += page.dirty and not page.writeback
    above = gens.min_seq[file] + 1
    if tier_of(page) > tier:
        gens.counts[file, tier_of(page)].spared += 1
        k.count["pages spared for their tier"] += 1
        page.referenced = page.active = False
        gens.put(page, above, oldest=True)
        return True
    if page.locked or page.writeback or (file and page.dirty):
        k.count["pages moved up to wait for I/O"] += 1
        page.reclaim = page.reclaim or page.dirty or page.writeback
        page.referenced = page.active = False
        gens.put(page, above)
        return True
    return False
