"""What becomes of each page at the tail of the LRU, and one batch of them: shrink_page_list(), v2.6.23."""

from __future__ import annotations

from typing import Any, Final

from core import gfp
from core.actor import DEPTH
from core.allocator import wake_kswapd
from core.blkdev import FILE, SWAP
from core.decisions import ACTIVATE, FREE, KEEP, SET_ASIDE, TO_LAUNDRY, WRITE
from core.device import write_congested
from core.dirty import floor_broken
from core.frames import unmap
from core.handoff import batch_freed, freed_by_kswapd
from core.jit import inlined, jit, outlined
from core.laundry import to_laundry
from core.operations import FILE_WRITE, RUN
from core.page import ACTIVE, DIRTY, GONE, PRESENT, READING, RECLAIM, SLOT, WRITEBACK
from core.pageout import pageout
from core.reclaim import (
    add_to_swap,
    evict,
    keep,
    put_back,
    referenced,
    set_aside,
)
from core.region import ANON, MAPPED
from core.sched import WAIT_FLOOR, give_way, pop, wake

START: Final = 0
WROTE: Final = 1


@inlined
def fate(m: Any, pol: Any, a: int, sc: Any, laundering: int, p: int) -> int:
    """What becomes of page ``p`` at the tail: FREE, KEEP, ACTIVATE, WRITE, SET_ASIDE or TO_LAUNDRY; the policy is asked before the page is unmapped."""
    vm = m.vm[0]
    pg = m.page[p]
    actor = m.actors[a]
    actor.local_ns += vm.scan_ns
    is_kswapd = int(actor.is_kswapd)
    anon = 1 if pg.attr & ANON else 0
    marked = 1 if m.flags[p] & RECLAIM else 0
    mapped = pg.attr & MAPPED and m.flags[p] & PRESENT
    if pg.attr & READING:
        return KEEP
    sc.nr_scanned += 1
    if mapped and not sc.may_swap:
        return KEEP
    if mapped or pg.attr & SLOT:
        sc.nr_scanned += 1  # pressure on slab in proportion
    if m.flags[p] & WRITEBACK:
        return int(pol.writeback_page(is_kswapd, marked, 0, m.tunables))
    if pg.attr & GONE:
        return FREE
    refs = referenced(m, p)
    if refs and (mapped or pg.attr & SLOT or (not anon and pg.attr & MAPPED)):  # page_mapping_inuse(): a file that somebody has mapped
        return ACTIVATE
    what = WRITE
    if not laundering and not refs and (m.flags[p] & DIRTY or (anon and not pg.attr & SLOT)):
        what = int(pol.dirty_page(is_kswapd, anon, marked, 0, sc.priority, m.tunables))
        if what == TO_LAUNDRY and (not anon or pg.attr & SLOT or vm.swap_free > 0):
            return TO_LAUNDRY
    if anon and not pg.attr & SLOT and not add_to_swap(m, p):
        return ACTIVATE
    if mapped:
        actor.local_ns += vm.unmap_ns
        unmap(m, p)
    if not m.flags[p] & DIRTY:
        return KEEP if sc.for_floor and not anon else FREE
    if refs:
        return KEEP
    if not sc.gfp & gfp.FS and not (anon and sc.gfp & gfp.IO):
        return KEEP  # may_enter_fs
    if not sc.may_writepage:
        return KEEP
    swap_write = is_kswapd or a == vm.launderd  # PF_SWAPWRITE
    if not swap_write and write_congested(m, SWAP if anon else FILE) and (anon or not inside_write(m, a)):  # in write(2) it is its own backing_dev_info
        return KEEP
    return what


@jit
def inside_write(m: Any, a: int) -> bool:
    """Is the actor a task in write(2)?"""
    if a >= m.vm[0].n_tasks:
        return False
    word = m.ops[m.actors[a].pc]
    code = word >> 40 & 255
    return bool(code == FILE_WRITE or (code == RUN and word >> 48 & 255 == FILE_WRITE))


@outlined
def step(m: Any, pol: Any, a: int, f: Any) -> int:
    """Go through the isolated pages of the frame; returns pages freed."""
    sc = m.frames[a * DEPTH + f.sc]
    background = m.actors[a].is_kswapd or a == m.vm[0].launderd
    if f.phase == WROTE:
        f.phase = START
        keep(m, f, f.page)
        if f.laundering and f.count % m.vm[0].batch == 0:
            return give_way(m, a)
    while f.iso_head >= 0:
        p = f.iso_head
        f.iso_head = int(m.page[p].link)
        what = fate(m, pol, a, sc, f.laundering, p)
        f.count += 1
        if what == FREE:
            evict(m, p)
            f.nr_reclaimed += 1
            if background:
                freed_by_kswapd(m, int(m.page[p].zone), m.actors[a].local_ns)
        elif what == WRITE:
            f.page = p
            f.phase = WROTE
            return pageout(m, a, p, 1)
        elif what == SET_ASIDE:
            set_aside(m, sc, p)
        elif what == TO_LAUNDRY:
            to_laundry(m, p)
            if not background:
                wake_kswapd(m, m.actors[a].local_ns)
        else:
            if what == ACTIVATE:
                m.flags[p] |= ACTIVE
                m.vm[0].pgactivate += 1
            keep(m, f, p)
        if f.laundering and f.count % m.vm[0].batch == 0:
            return give_way(m, a)
    put_back(m, f.keep_head)
    if background:
        freed_in_background(m, a, f.nr_reclaimed)
    else:
        m.vm[0].pgsteal_direct += f.nr_reclaimed
    return pop(m, a, f.nr_reclaimed)


@jit
def freed_in_background(m: Any, a: int, pages: int) -> None:
    """kswapd or the laundry thread has freed ``pages``: count them, wake who waits."""
    vm = m.vm[0]
    vm.pgsteal_kswapd += pages
    if pages == 0:
        return
    if a != vm.launderd:
        vm.clean_freed += pages
    batch_freed(m, m.actors[a].local_ns)
    if vm.waiting[WAIT_FLOOR] and not floor_broken(m):
        wake(m, WAIT_FLOOR, -1, m.actors[a].local_ns)
