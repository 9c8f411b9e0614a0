"""What becomes of each folio at the tail of an inactive list, and one batch of them.

Kernel: mm/vmscan.c:shrink_folio_list(), folio_check_references(), shrink_inactive_list(), v6.12.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp
from core.actor import DEPTH
from core.decisions import ACTIVATE, ALL_DIRTY, BY_CONGESTION, FREE, KEEP, MARK, UNMAPPED, WHY_BATCH, WRITE
from core.dirty import wake_flusher
from core.frames import unmap
from core.jit import inlined, jit, outlined
from core.mmzone import MGLRU
from core.page import ACCESSED, ACTIVE, DIRTY, GONE, PRESENT, READING, RECLAIM, REFERENCED, SLOT, WRITEBACK
from core.pageout import pageout, write_at_once
from core.reclaim import (
    DEF_PRIORITY,
    add_to_swap,
    evict,
    keep,
    put_back,
)
from core.region import ANON, EXEC, MAPPED
from core.sched import CONTINUE, YIELD, pop
from core.vmscan_612.balance import note_cost
from core.vmscan_612.throttle import wait_iff_congested
from core.vmscan_mglru.age import look_around

START: Final = 0
WROTE: Final = 1
STALLED: Final = 2


@inlined
def note_dirty(m: Any, f: Any, p: int) -> None:
    """folio_check_dirty_writeback() and the counts made from it; anonymous folios do not count."""
    if m.page[p].attr & ANON:
        return
    flags = m.flags[p]
    if flags & (DIRTY | WRITEBACK):
        f.nr_dirty += 1
        if not flags & WRITEBACK:
            f.nr_unqueued_dirty += 1
    if flags & WRITEBACK and flags & RECLAIM:
        f.nr_congested += 1


@inlined
def mark(m: Any, p: int) -> None:
    """PG_reclaim on a dirty folio: free it as soon as it has been written."""
    m.flags[p] |= RECLAIM
    m.vm[0].nr_vmscan_immediate_reclaim += 1


@inlined
def fate(m: Any, pol: Any, a: int, sc: Any, f: Any, p: int) -> int:
    """What becomes of page ``p`` at the tail: FREE, ACTIVATE, WRITE, or else it is kept."""
    vm = m.vm[0]
    pg = m.page[p]
    actor = m.actors[a]
    actor.local_ns += vm.scan_ns
    is_kswapd = int(actor.is_kswapd)
    node = m.nodes[f.node]
    if pg.attr & READING:
        return KEEP
    sc.nr_scanned += 1
    mapped = pg.attr & MAPPED and m.flags[p] & PRESENT
    if mapped and sc.recursion == UNMAPPED:  # may_unmap = 0
        return KEEP
    note_dirty(m, f, p)
    marked = 1 if m.flags[p] & RECLAIM else 0
    if m.flags[p] & WRITEBACK:
        if is_kswapd and m.flags[p] & RECLAIM and node.writeback:
            f.nr_immediate += 1
        else:
            m.flags[p] |= RECLAIM
            f.nr_file_writeback += 1
        return int(pol.writeback_page(is_kswapd, marked, node.writeback, m.tunables))
    if pg.attr & GONE:
        return FREE
    young = mapped and m.flags[p] & ACCESSED
    marked_ref = m.flags[p] & REFERENCED
    reclaim_clean = False
    if young and vm.lru == MGLRU:
        look_around(m, a, p)
    if young:
        m.flags[p] = (m.flags[p] & (255 ^ ACCESSED)) | REFERENCED
        if marked_ref or pg.attr & EXEC:
            return ACTIVATE
        return KEEP
    if marked_ref:
        m.flags[p] &= 255 ^ REFERENCED
        reclaim_clean = not pg.attr & ANON
    if pg.attr & ANON and not pg.attr & SLOT:
        if not sc.gfp & gfp.IO:
            return KEEP
        if not add_to_swap(m, p):
            return ACTIVATE
    if mapped:
        actor.local_ns += vm.unmap_ns
        unmap(m, p)
    if not m.flags[p] & DIRTY:
        return FREE
    anon = 1 if pg.attr & ANON else 0
    if anon and (not sc.gfp & gfp.IO or not sc.may_writepage):
        return KEEP
    what = int(pol.dirty_page(is_kswapd, anon, 0 if anon else marked, 0 if anon else node.dirty, sc.priority, m.tunables))
    if what == MARK or (what == ACTIVATE and not anon):
        mark(m, p)
    elif what != ACTIVATE and (not sc.may_writepage or reclaim_clean or not (anon or sc.gfp & gfp.FS)):
        return KEEP
    return what


@outlined
def step(m: Any, pol: Any, a: int, f: Any) -> int:
    """Go through the isolated folios of the frame, then settle the batch; returns pages freed."""
    sc = m.frames[a * DEPTH + f.sc]
    if f.phase == STALLED:
        return pop(m, a, f.nr_reclaimed)
    if f.phase == WROTE:
        f.phase = START
        f.nr_pageout += 1  # a write that failed too
        keep(m, f, f.page)
    while f.iso_head >= 0:
        p = f.iso_head
        f.iso_head = int(m.page[p].link)
        what = fate(m, pol, a, sc, f, p)
        if what == FREE:
            evict(m, p)
            f.nr_reclaimed += 1
        elif what == WRITE and write_at_once(m, a, p):
            f.nr_pageout += 1
            keep(m, f, p)
            if m.actors[a].local_ns >= m.actors[a].limit_ns:
                return CONTINUE
        elif what == WRITE:
            f.page = p
            f.phase = WROTE
            return pageout(m, a, p, 1)
        else:
            if what == ACTIVATE:
                activate(m, f, p)
            keep(m, f, p)
    put_back(m, f.keep_head)
    return settle(m, pol, a, f, sc)


@inlined
def activate(m: Any, f: Any, p: int) -> None:
    """The folio goes back active."""
    vm = m.vm[0]
    if vm.lru == MGLRU:
        vm.pgactivate += 1
    elif not m.flags[p] & ACTIVE:
        m.flags[p] |= ACTIVE
        vm.pgactivate += 1
        f.nr_activated += 1


@jit
def settle(m: Any, pol: Any, a: int, f: Any, sc: Any) -> int:
    """The end of shrink_inactive_list(): costs, counts; the flusher is woken when all was dirty and unqueued, the stall on writeback is that of v3.2."""
    vm = m.vm[0]
    node = m.nodes[f.node]
    node.nonresident_age += f.nr_activated  # move_folios_to_lru()
    if vm.lru != MGLRU:
        node.nr_isolated[f.is_file] -= f.nr_taken
    note_cost(m, f.node, f.is_file, f.nr_pageout, f.nr_taken - f.nr_reclaimed)
    if f.is_file:
        vm.pgscan_file += f.nr_taken
        vm.pgsteal_file += f.nr_reclaimed
    else:
        vm.pgscan_anon += f.nr_taken
        vm.pgsteal_anon += f.nr_reclaimed
    if m.actors[a].is_kswapd:
        vm.pgsteal_kswapd += f.nr_reclaimed
    else:
        vm.pgsteal_direct += f.nr_reclaimed
    is_kswapd = int(m.actors[a].is_kswapd)
    all_dirty = f.nr_unqueued_dirty == f.nr_taken and f.nr_taken > 0 and not sc.recursion
    if all_dirty and pol.wake_pdflush(is_kswapd, ALL_DIRTY, m.tunables):
        wake_flusher(m, vm.nr_dirty, m.actors[a].local_ns)
    sc.nr_dirty += f.nr_dirty
    sc.nr_congested += f.nr_congested
    if vm.lru != MGLRU:  # there they were counted when sorted
        sc.nr_unqueued_dirty += f.nr_unqueued_dirty
    sc.nr_file_writeback += f.nr_file_writeback
    sc.nr_immediate += f.nr_immediate
    sc.nr_taken += f.nr_taken
    if f.is_file and vm.lru != MGLRU:
        sc.nr_file_taken += f.nr_taken
    if not sc.recursion and f.nr_file_writeback > 0 and f.nr_file_writeback >= f.nr_taken >> (DEF_PRIORITY - sc.priority):
        f.phase = STALLED
        if pol.throttle(is_kswapd, WHY_BATCH, sc.priority, m.tunables) == BY_CONGESTION and wait_iff_congested(m, a):
            return YIELD
    return pop(m, a, f.nr_reclaimed)
