"""A touch whose page is not as it needs it: faults, reads, and the second access.

Kernel: mm/memory.c:do_anonymous_page(), do_swap_page(), do_wp_page(); mm/filemap.c; mm/swap.c:mark_page_accessed(), v2.6.23 and v6.12.
Differs: a swap slot is given up at the first write after swap-in, not when swap is half full.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp, lru, prealloc
from core.balance_dirty import balance_dirty, ratelimit_pages
from core.blkdev import FILE, SWAP
from core.clean_floor import stops_at_floor, wait_for_floor
from core.cursor import advance, note_reads
from core.device import READ_IO, lru_list, submit_by
from core.frames import ALL_ATTR, drop_slot, enter_swapcache, give, map_page
from core.jit import inlined, jit, prefetch
from core.mmzone import MGLRU, NO_LIST
from core.operations import FILE_READ, FILE_WRITE, PAGE_MASK, RUN, WRITE
from core.page import ACCESSED, ACTIVE, CACHED, DIRTY, EVICTED, GONE, PRESENT, READING, REFERENCED, SLOT, WRITEBACK, ZERO
from core.readahead import found_in_swapcache, may_read_ahead, read_ahead, read_swapped, returned
from core.region import ANON, MAPPED
from core.sched import CONTINUE, WAIT_PAGE, WAIT_TIMER, sleep
from core.units import INFINITY, MS
from core.watermark import ERA_2_6_23, MARK_MIN, MARK_NONE

NEED_PAGE: Final = 2  # beside CONTINUE and YIELD

LOOK_AHEAD: Final = 96  # touches
AT_ONCE: Final = 32  # touches: so many together
FLAGS_AHEAD: Final = 24  # touches from there to those whose flags are fetched


@inlined
def touch(m: Any, a: int, p: int, code: int) -> int:
    """The page is not as the touch needs it; NEED_PAGE if it has no frame."""
    vm = m.vm[0]
    pg = m.page[p]
    actor = m.actors[a]
    if pg.attr & READING:
        return sleep(m, a, WAIT_PAGE, p, INFINITY)
    if pg.attr & GONE:  # its old contents are still being written
        return sleep(m, a, WAIT_TIMER, 0, actor.local_ns + MS)
    dirtied = (code in (WRITE, FILE_WRITE)) and not m.flags[p] & DIRTY
    if not pg.attr & CACHED:
        if pg.attr & ANON and not pg.attr & SLOT and code != WRITE:
            if not pg.attr & ZERO:
                vm.pgfault += 1
                actor.local_ns += vm.minor_fault_ns
                pg.attr |= ZERO
            m.flags[p] |= PRESENT | ACCESSED
            return CONTINUE
        if (pg.attr & ANON or code == FILE_WRITE) and stops_at_floor(m, a):
            return wait_for_floor(m, a)
        if vm.prealloc and pg.attr & ANON and prealloc.missing(m, a, p) > 0:  # a read too: if its swap copy goes meanwhile, the page is new
            return prealloc.enter(m, a, p)
        if pg.attr & MAPPED:
            vm.pgfault += 1
        return NEED_PAGE
    if dirtied and vm.prealloc and prealloc.missing(m, a, p) > 0:
        return prealloc.enter(m, a, p)
    if pg.attr & MAPPED and not m.flags[p] & PRESENT:
        vm.pgfault += 1
        actor.local_ns += vm.minor_fault_ns
        if pg.attr & SLOT:
            found_in_swapcache(m, a, p)
        map_page(m, p)
    if dirtied and not pg.attr & ANON and stops_at_floor(m, a):
        return wait_for_floor(m, a)
    if dirtied:
        make_dirty(m, a, p)
    if code in (FILE_READ, FILE_WRITE):
        if code == FILE_READ or vm.version < 407:  # "mm: filemap: only do access activations on reads"
            mark_accessed(m, p)
        advance(m, a, m.touch_ns[a * 4 + code])
        if code == FILE_READ:
            actor.next_read = p + 1
    else:
        m.flags[p] |= ACCESSED
    if dirtied and actor.dirtied > 0 and actor.dirtied >= ratelimit_pages(m, a):
        return balance_dirty(m, a)
    return CONTINUE


@inlined
def make_dirty(m: Any, a: int, p: int) -> None:
    """set_page_dirty(); an anonymous page gives up its swap slot, for the copy there is stale."""
    vm = m.vm[0]
    pg = m.page[p]
    if pg.attr & ANON:
        if pg.attr & SLOT and not m.flags[p] & WRITEBACK:
            drop_slot(m, p)
    else:
        vm.nr_dirty += 1
        vm.nr_dirtied += 1
        m.zones[pg.zone].nr_write_pending += 1
        vm.bw_dirtied += 1
        m.actors[a].dirtied += 1
        pg.stamp = max(m.actors[a].local_ns, 1)
    m.flags[p] |= DIRTY
    if vm.prealloc:
        prealloc.hold(m, a, p)


@jit
def mark_accessed(m: Any, p: int) -> None:
    """mark_page_accessed(): the second access activates."""
    flags = m.flags[p]
    if not flags & REFERENCED:
        m.flags[p] = flags | REFERENCED
    elif flags & ACTIVE:
        return
    elif m.vm[0].lru == MGLRU:
        m.flags[p] = flags | ACTIVE  # folio_inc_refs(): it stays where it is
    elif m.page[p].list != NO_LIST:
        lru.remove(m, p)
        m.flags[p] = (flags & (255 ^ REFERENCED)) | ACTIVE
        lru.add_head(m, p, lru_list(m, p))
        m.vm[0].pgactivate += 1
        if m.vm[0].era != ERA_2_6_23:
            m.nodes[m.zones[m.page[p].zone].node].nonresident_age += 1


@inlined
def install(m: Any, a: int, p: int, z: int) -> int:
    """The page in hand becomes page ``p``: zeroed, filled by a whole-page write, or read from its device."""
    vm = m.vm[0]
    pg = m.page[p]
    vm.nr_in_hand -= 1
    if pg.attr & (CACHED | GONE):  # somebody was faster
        give(m, z)
        return CONTINUE
    m.flags[p] = 0
    active = False
    if pg.attr & EVICTED:
        active = returned(m, p, z)
    pg.zone = z
    attr = (pg.attr & (ALL_ATTR ^ (EVICTED | ZERO))) | CACHED
    pg.attr = attr
    if attr & ANON:
        active = active or vm.era == ERA_2_6_23  # lru_cache_add_active()
    if active:
        m.flags[p] = ACTIVE
    lru.add_head(m, p, lru_list(m, p))
    if attr & ANON and not attr & SLOT:
        return new_anon(m, a, p)
    word = m.ops[m.actors[a].pc]
    code = word >> 40 & 255
    if code == RUN:
        code = word >> 48 & 255
    if attr & ANON:
        vm.pswpin += 1
        if not enter_swapcache(m, MARK_MIN, gfp.KERNEL) and not enter_swapcache(m, MARK_NONE, gfp.KERNEL):
            vm.nr_swapcache += 1
        return start_read(m, a, SWAP, p, attr, vm.swap_faults)
    vm.nr_file += 1
    if code == FILE_WRITE:
        map_page(m, p)
        return CONTINUE
    sequential = False
    if code == FILE_READ:
        note_reads(m, m.actors[a], m.actors[a].pc, m.actors[a].pc)
        sequential = p == m.actors[a].next_read or word >> 40 & 255 == RUN
    verdict = start_read(m, a, FILE, p, attr, 1 if sequential and may_read_ahead(m) else vm.page_scale)
    if sequential:
        read_ahead(m, a, p)
    return verdict


@inlined
def new_anon(m: Any, a: int, p: int) -> int:
    """do_anonymous_page() for a write: a zeroed page that belongs to the task."""
    actor = m.actors[a]
    actor.local_ns += m.vm[0].minor_fault_ns
    m.flags[p] |= ACCESSED | DIRTY
    map_page(m, p)
    if m.vm[0].prealloc:
        prealloc.hold(m, a, p)
    m.page[p].owner = a
    actor.rss += 1
    return CONTINUE


@inlined
def start_read(m: Any, a: int, dev: int, p: int, attr: int, faults: int) -> int:
    """Submit the read of page ``p``, which stands for ``faults`` one after another, and wait for it.

    Its ``attr`` is stored whole: end_read() would have to wait for a part of the field.
    """
    vm = m.vm[0]
    actor = m.actors[a]
    if attr & MAPPED:
        vm.pgmajfault += 1
    actor.local_ns += vm.major_fault_ns
    m.page[p].attr = attr | READING
    if dev == SWAP:
        actor.local_ns += vm.swapin_ns
        read_swapped(m, a, p, faults)
    else:
        submit_by(m, a, dev, READ_IO, p, 0, faults)
    actor.late_ns = (faults - 1) * m.devs[dev].latency_ns
    look_ahead(m, a, p)
    return sleep(m, a, WAIT_PAGE, p, INFINITY)


@inlined
def look_ahead(m: Any, a: int, p: int) -> None:
    """After a miss of page ``p`` others will follow: have the processor fetch the records of those pages meanwhile. Looks at each touch once."""
    actor = m.actors[a]
    if m.ops[actor.pc] >> 40 & 255 > FILE_WRITE:
        return  # a run: its literal follows
    pc = actor.pc + 1
    end = min(pc + LOOK_AHEAD, len(m.ops) - FLAGS_AHEAD)
    if pc <= actor.looked <= end:
        if end - actor.looked < AT_ONCE:
            return  # loops of a few turns cost more than they do
        pc = actor.looked
    while pc < end:
        word = m.ops[pc]
        if word >> 40 & 255 > FILE_WRITE:
            break
        prefetch(m.flags, m.ops[pc + FLAGS_AHEAD] & PAGE_MASK)  # no touch perhaps, but a literal: then it is a hint without use
        q = word & PAGE_MASK
        missing = word >> 32 & 255 & (255 ^ m.flags[q])
        prefetch(m.page, q if missing else p)  # a choice, not a branch: half of them would be predicted wrong
        pc += 1
    actor.looked = pc
