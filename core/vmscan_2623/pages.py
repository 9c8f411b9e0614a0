"""What becomes of each page at the tail of the LRU, and one batch of them: shrink_page_list(), v2.6.23."""

from __future__ import annotations

from typing import Any, Final

from core import gfp
from core.decisions import ACTIVATE, FREE, KEEP, SET_ASIDE, WRITE
from core.device import write_congested
from core.frames import unmap
from core.jit import inlined, jit
from core.pageout import pageout
from core.reclaim import (
    SWAP_CLUSTER_MAX,
    add_to_swap,
    evict,
    keep,
    put_back,
    referenced,
    set_aside,
)
from core.sched import (
    give_way,
    pop,
)
from core.state import DEPTH, FILE, GONE, READING, SLOT, SWAP
from core.streams import ACTIVE, ANON, DIRTY, MAPPED, PRESENT, RECLAIM, WRITEBACK

START: Final = 0
WROTE: Final = 1


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
        return int(pol.writeback_page(1 if a == vm.kswapd else 0, 1 if m.flags[p] & RECLAIM else 0, 0, m.tunables))
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
def step(m: Any, pol: Any, a: int, f: Any) -> int:
    """Go through the isolated pages of the frame; returns pages freed."""
    sc = m.frames[a * DEPTH + f.sc]
    if f.phase == WROTE:
        f.phase = START
        keep(m, f, f.page)
        if f.laundering and f.count % SWAP_CLUSTER_MAX == 0:
            return give_way(m, a)
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
