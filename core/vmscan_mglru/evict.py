"""Eviction from the oldest generation: sort, isolate, shrink.

Kernel: mm/vmscan.c:lru_gen_shrink_node(), try_to_shrink_lruvec(), evict_folios(), isolate_folios(), scan_folios(), sort_folio(), isolate_folio(),
        should_abort_scan(), v6.12; the wake-up of the flusher is that of v6.13.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp, lru, slabtest
from core.actor import DEPTH
from core.decisions import ALL_DIRTY
from core.dirty import wake_flusher
from core.jit import inlined, jit, outlined
from core.page import ACTIVE, DIRTY, READING, RECLAIM, REFERENCED, SLOT, WRITEBACK
from core.plug import finish_plug, start_plug
from core.reclaim import DEF_PRIORITY, shrink_slab
from core.region import ANON
from core.sched import CONTINUE, SHRINK_LIST_612, give_way, pop, push
from core.vmscan_mglru.age import age, evictable_seq, retire_empty, set_initial_priority, should_run_aging
from core.vmscan_mglru.feedback import last_tier, tier_of, type_to_evict
from core.vmscan_mglru.gens import MIN_LRU_BATCH, MIN_NR_GENS, gen_list
from core.watermark import MARK_HIGH, floor

MAX_LRU_BATCH: Final = 64 * MIN_LRU_BATCH  # real pages

START: Final = 0
NEXT: Final = 1
SHRUNK: Final = 2
AGED: Final = 3
SLAB_SHRUNK: Final = 4


@outlined
def step(m: Any, pol: Any, a: int, f: Any) -> int:
    """lru_gen_shrink_node() of node ``f.node``; returns pages freed."""
    vm = m.vm[0]
    sc = m.frames[a * DEPTH + f.sc]
    if f.phase == START:
        sc.nr_unqueued_dirty = 0
        sc.nr_file_taken = 0
        f.phase = NEXT
        if not sc.may_writepage:
            return pop(m, a, 0)
        set_initial_priority(m, f.node, sc)
        f.count = 0
        start_plug(m, a)
    if f.phase == SHRUNK:
        f.nr_reclaimed += f.ret
        f.phase = NEXT
        if f.count >= f.nr_to_reclaim or abort(m, a, f, sc):
            return done(m, pol, a, f, sc)
        return give_way(m, a)
    if f.phase == AGED:
        return done(m, pol, a, f, sc)
    if f.phase == SLAB_SHRUNK:
        return leave(m, a, f)
    swappiness = vm.swappiness if sc.may_swap and vm.swap_free >= m.nodes[f.node].lru_batch else 0
    while True:
        due, pages = should_run_aging(m, f.node, swappiness)
        if due and sc.priority != DEF_PRIORITY:
            f.phase = AGED
            return age(m, a, f.node, swappiness, sc.priority)
        f.nr_to_reclaim = ((pages * vm.page_scale >> sc.priority) + vm.page_scale - 1) // vm.page_scale
        if f.nr_to_reclaim == 0:
            return done(m, pol, a, f, sc)
        scanned = isolate(m, a, f, sc, swappiness)
        retire_empty(m, f.node, swappiness)
        f.count += scanned
        if f.phase == SHRUNK:
            return CONTINUE
        stuck = evictable_seq(m.nodes[f.node], swappiness) + MIN_NR_GENS > m.nodes[f.node].max_seq
        if scanned == 0 or stuck or f.count >= f.nr_to_reclaim or abort(m, a, f, sc):
            return done(m, pol, a, f, sc)


@jit
def done(m: Any, pol: Any, a: int, f: Any, sc: Any) -> int:
    """The end of shrink_one(): slab; the flusher if all that was met in the files was dirty and not under writeback."""
    vm = m.vm[0]
    finish_plug(m, a)
    is_kswapd = int(m.actors[a].is_kswapd)
    all_dirty = sc.nr_unqueued_dirty > 0 and sc.nr_unqueued_dirty == sc.nr_file_taken and not sc.recursion
    if all_dirty and pol.wake_pdflush(is_kswapd, ALL_DIRTY, m.tunables):
        wake_flusher(m, vm.nr_dirty, m.actors[a].local_ns)
    if not sc.recursion:
        m.actors[a].local_ns += vm.pass_ns
        before = vm.nr_slab
        sc.slab_scanned += shrink_slab(m, 0, 0, sc.priority)
        f.nr_reclaimed += before - vm.nr_slab
        if vm.slab_burst > 0:
            f.phase = SLAB_SHRUNK
            return slabtest.enter(m, a)
    return leave(m, a, f)


@jit
def leave(m: Any, a: int, f: Any) -> int:
    """Progress on a node makes its kswapd try again."""
    if f.nr_reclaimed > 0:
        m.nodes[f.node].kswapd_failures = 0
    return pop(m, a, f.nr_reclaimed)


@jit
def abort(m: Any, a: int, f: Any, sc: Any) -> bool:
    """should_abort_scan(): enough was reclaimed, or kswapd finds every zone 64 pages above high."""
    if sc.nr_reclaimed + f.nr_reclaimed >= sc.nr_to_reclaim:
        return True
    if not m.actors[a].is_kswapd:
        return False
    node = m.nodes[f.node]
    for z in range(node.zone_first, node.zone_last + 1):
        if m.zones[z].nr_free <= floor(m.zones[z], MARK_HIGH, 0, m.vm[0].era) + node.lru_batch:
            return False
    return True


@jit
def isolate(m: Any, a: int, f: Any, sc: Any, swappiness: int) -> int:
    """isolate_folios(): from the type that costs less, else from the other; pushes the frame that shrinks them. Pages looked at."""
    is_file, tier = type_to_evict(m.nodes[f.node], swappiness, bool(sc.gfp & gfp.IO))
    for _ in range(2 if swappiness else 1):
        scanned = scan(m, a, f, sc, is_file, tier if tier >= 0 else last_tier(m.nodes[f.node], is_file))
        if scanned > 0:
            return scanned
        is_file = 1 - is_file
        tier = -1
    return 0


@outlined
def scan(m: Any, a: int, f: Any, sc: Any, is_file: int, tier: int) -> int:
    """scan_folios(): up to 4 096 pages of the oldest generation until 64 of tiers up to ``tier`` are isolated; sets phase SHRUNK when there are any."""
    vm = m.vm[0]
    n = f.node
    node = m.nodes[n]
    if node.max_seq - node.min_seq[is_file] + 1 <= MIN_NR_GENS:
        return 0
    oldest = gen_list(n, is_file, node.min_seq[is_file])
    depth = m.actors[a].depth
    s = push(m, a, SHRINK_LIST_612)
    s.sc = f.sc
    s.node = n
    s.is_file = is_file
    s.nr_dirty = 0
    s.nr_unqueued_dirty = 0
    s.nr_congested = 0
    s.nr_file_writeback = 0
    s.nr_immediate = 0
    s.nr_pageout = 0
    s.nr_activated = 0
    s.nr_taken = 0
    scanned = 0
    most = MAX_LRU_BATCH // vm.page_scale
    limit = min(most, m.queues[oldest].nr)
    while scanned < limit and s.nr_taken < node.lru_batch:
        p = lru.pop_tail(m, oldest)
        scanned += 1
        if sorted_away(m, sc, n, is_file, p, tier):
            m.actors[a].local_ns += vm.scan_ns
            continue
        take(m, s, p)
    if m.actors[a].is_kswapd:
        vm.pgscan_kswapd += s.nr_taken
    else:
        vm.pgscan_direct += s.nr_taken
    if s.nr_taken > 0:
        f.phase = SHRUNK
        return scanned
    m.actors[a].depth = depth
    return scanned if scanned == most else 0


@inlined
def take(m: Any, s: Any, p: int) -> None:
    """isolate_folio()."""
    zone = m.zones[m.page[p].zone]
    zone.nr_isolated += 1
    zone.pages_scanned += 1
    flags = m.flags[p] & (255 ^ RECLAIM)
    if not flags & REFERENCED:
        flags &= 255 ^ ACTIVE
    m.flags[p] = flags
    m.page[p].link = -1
    if s.iso_head < 0:
        s.iso_head = p
    else:
        m.page[s.iso_tail].link = p
    s.iso_tail = p
    s.nr_taken += 1


@inlined
def sorted_away(m: Any, sc: Any, n: int, is_file: int, p: int, last: int) -> bool:
    """sort_folio(): spared for its tier, or waiting for a write; both go up one generation. Pages that need I/O stay where none is allowed."""
    node = m.nodes[n]
    flags = m.flags[p]
    attr = m.page[p].attr
    if is_file:
        sc.nr_file_taken += 1
        if flags & DIRTY and not flags & WRITEBACK:
            sc.nr_unqueued_dirty += 1
    up = gen_list(n, is_file, node.min_seq[is_file] + 1)
    if tier_of(flags) > last:
        node.spared[is_file] += 1
        m.flags[p] = flags & (255 ^ (REFERENCED | ACTIVE))
        lru.add_tail(m, p, up)
        return True
    if attr & READING or flags & WRITEBACK or (is_file and flags & DIRTY):
        m.flags[p] = flags & (255 ^ (REFERENCED | ACTIVE))
        if flags & (DIRTY | WRITEBACK):
            m.flags[p] |= RECLAIM
        lru.add_head(m, p, up)
        return True
    if not sc.gfp & gfp.IO and (flags & DIRTY or (attr & ANON and not attr & SLOT)):
        lru.add_head(m, p, gen_list(n, is_file, node.min_seq[is_file]))
        return True
    return False
