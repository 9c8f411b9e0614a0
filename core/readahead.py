"""Readahead on the swap device: pages that are read because another one is; that of files: file_readahead.py.

Kernel: mm/memory.c:swapin_readahead(), mm/swapfile.c:valid_swaphandles(), v2.6.23; mm/swap_state.c:swap_cluster_readahead(), swap_vma_readahead(),
        __swapin_nr_pages(), swap_ra_info(), lookup_swap_cache(), v6.1 and v6.12. The window follows its hits since v3.14, and since v4.14 addresses,
        not slots, where the swap device does not seek.
CPU:    a page read ahead is a bio of its own (submit_ns). In the mechanics of 2.6.23 it costs nothing.
Differs: memory for a page beside is never reclaimed for: above low, else above min with kswapd awake, else the rest is not read; nor is it below a clean
         floor (clean_floor.py). A task's anonymous memory is one VMA, cut at the ends of its regions; a window is not cut at the end of a page table.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp, lru
from core.allocator import wake_kswapd
from core.blkdev import SWAP
from core.device import READ_IO, lru_list, submit_by
from core.dirty import floor_broken
from core.frames import ALL_ATTR, enter_swapcache, give, try_alloc
from core.jit import inlined, jit, outlined
from core.mmzone import MGLRU
from core.page import ACTIVE, AHEAD, CACHED, EVICTED, GONE, READING, SLOT
from core.region import ANON, END
from core.vmscan_612.workingset import refault
from core.vmscan_mglru import feedback
from core.watermark import ERA_2_6_23, MARK_LOW, MARK_MIN

FIRST_HITS: Final = 4  # swapin_readahead_hits and a fresh VMA
MAX_HITS: Final = 63  # SWAP_RA_HITS_MAX
MAX_BY_ADDRESS: Final = 32  # pages: SWAP_RA_ORDER_CEILING
FOLLOWS_HITS: Final = 314  # kernel version
BY_ADDRESS: Final = 414


@inlined
def returned(m: Any, p: int, z: int) -> bool:
    """An evicted page comes back into zone ``z``: count the refault; 6.12 decides by the refault distance whether it is active."""
    vm = m.vm[0]
    if vm.era != ERA_2_6_23:
        n = m.zones[z].node
        if vm.lru == MGLRU:
            feedback.refault(m, p, n)
            return False
        return refault(m, p, n)
    if m.page[p].attr & ANON:
        vm.workingset_refault_anon += 1
    else:
        vm.workingset_refault_file += 1
    return False


@inlined
def take_in(m: Any, q: int, z: int, attr: int) -> None:
    """Page ``q`` gets a frame of zone ``z`` and goes onto the LRU, with ``attr`` beside CACHED."""
    pg = m.page[q]
    m.flags[q] = 0
    active = pg.attr & EVICTED and returned(m, q, z)
    if active or (pg.attr & ANON and m.vm[0].era == ERA_2_6_23):  # lru_cache_add_active()
        m.flags[q] |= ACTIVE
    pg.zone = z
    pg.attr = (pg.attr & (ALL_ATTR ^ EVICTED)) | CACHED | attr
    lru.add_head(m, q, lru_list(m, q))


# --- the swap device -----------------------------------------------------------------------------------------------------------------------


@inlined
def read_swapped(m: Any, a: int, p: int, faults: int) -> None:
    """Submit the read of page ``p``, which its task waits for, and of those that come with it; ``faults`` as for ``submit``."""
    vm = m.vm[0]
    if vm.swap_window == 1:
        submit_by(m, a, SWAP, READ_IO, p, 0, faults)
    elif by_address(m):
        read_neighbours(m, a, p, faults)
    else:
        read_cluster(m, a, p, faults)


@inlined
def by_address(m: Any) -> bool:
    """swap_use_vma_readahead()."""
    return bool(m.vm[0].version >= BY_ADDRESS and m.devs[SWAP].seek_ns == 0)


@outlined
def read_cluster(m: Any, a: int, p: int, faults: int) -> None:
    """swap_cluster_readahead(): the aligned block of slots around that of ``p``, in their order."""
    vm = m.vm[0]
    offset = m.page[p].slot + 1  # the first page of the device is its header
    window = vm.swap_window
    if vm.version >= FOLLOWS_HITS:
        window = next_window(vm.swap_ra_prev, offset, vm.swap_ra_hits, window, vm.swap_ra_win)
        if vm.swap_ra_hits == 0:
            vm.swap_ra_prev = offset
        vm.swap_ra_hits = 0
        vm.swap_ra_win = window
    first = offset - offset % window
    room = True
    submitted = False
    for at in range(max(first, 1), min(first + window, vm.swap_slots + 1)):
        q = m.slots[at - 1] - 1
        if q < 0 and vm.era == ERA_2_6_23:
            break  # valid_swaphandles() ends there
        if q == p:
            submit_by(m, a, SWAP, READ_IO, p, 0, faults)
            submitted = True
        elif q >= 0 and room:
            room = read_beside(m, a, q)
    if not submitted:
        submit_by(m, a, SWAP, READ_IO, p, 0, faults)


@outlined
def read_neighbours(m: Any, a: int, p: int, faults: int) -> None:
    """swap_vma_readahead(): what is swapped out of the addresses around that of ``p``."""
    vm = m.vm[0]
    actor = m.actors[a]
    before = actor.ra_page
    window = next_window(before, p, actor.ra_hits, min(vm.swap_window, MAX_BY_ADDRESS), actor.ra_win)
    actor.ra_page = p
    actor.ra_win = window
    actor.ra_hits = 0
    if window == 1:
        submit_by(m, a, SWAP, READ_IO, p, 0, faults)
        return
    if p == before + 1:
        first = p
    elif before == p + 1:
        first = p - window + 1
    else:
        first = p - (window - 1) // 2
    last = first + window
    start = p
    while start > first and start > 0 and not m.page[start - 1].attr & END and m.page[start - 1].attr & ANON:
        start -= 1
    room = True
    for q in range(start, last):
        if q > p and (m.page[q - 1].attr & END or q >= vm.n_pages):
            break
        if q == p:
            submit_by(m, a, SWAP, READ_IO, p, 0, faults)
        elif m.page[q].attr & SLOT and room:
            room = read_beside(m, a, q)


@inlined
def next_window(before: int, at: int, hits: int, most: int, window: int) -> int:
    """__swapin_nr_pages(): pages to read, from the hits among those read ahead last."""
    pages = hits + 2
    if pages == 2:
        if at not in (before + 1, before - 1):
            pages = 1
    else:
        roundup = 4
        while roundup < pages:
            roundup <<= 1
        pages = roundup
    return int(max(min(pages, most), window // 2))


@jit
def read_beside(m: Any, a: int, q: int) -> bool:
    """read_swap_cache_async(): read page ``q`` into the swap cache, unmapped, unless it is there; False: no memory."""
    vm = m.vm[0]
    if m.page[q].attr & (CACHED | GONE):
        return True
    if vm.clean_floor > 0 and floor_broken(m):
        wake_kswapd(m, m.actors[a].local_ns)
        return False
    z = try_alloc(m, MARK_LOW, gfp.KERNEL)
    if z < 0:
        wake_kswapd(m, m.actors[a].local_ns)
        z = try_alloc(m, MARK_MIN, gfp.KERNEL)
        if z < 0:
            return False
    if not enter_swapcache(m, MARK_MIN, gfp.KERNEL):
        give(m, z)
        return False
    take_in(m, q, z, READING | AHEAD)
    vm.pswpin += 1
    vm.swap_ra += 1
    if vm.era != ERA_2_6_23:
        m.actors[a].local_ns += vm.submit_ns
    submit_by(m, a, SWAP, READ_IO, q, 0, 1)
    return True


@jit
def found_in_swapcache(m: Any, a: int, p: int) -> None:
    """lookup_swap_cache(): a fault found page ``p`` there; was it worth reading ahead?"""
    vm = m.vm[0]
    ahead = m.page[p].attr & AHEAD
    if ahead:
        m.page[p].attr &= ALL_ATTR ^ AHEAD
        vm.swap_ra_hit += 1
    if by_address(m):
        m.actors[a].ra_page = p
        if ahead:
            m.actors[a].ra_hits = min(m.actors[a].ra_hits + 1, MAX_HITS)
    elif ahead:
        vm.swap_ra_hits += 1
