"""Readahead of files by read(2): 2.6.23 brings 32 pages at once, later kernels windows that grow and are read before they are missed.

Kernel: mm/readahead.c:ondemand_readahead(), try_context_readahead(), count_history_pages(), get_init_ra_size(), get_next_ra_size(),
        page_cache_async_ra(), do_page_cache_ra(), v6.1; context readahead is of v2.6.31.
CPU:    a page read ahead costs what a fault without I/O does (estimate: allocation, index and LRU too; one bio takes them all), 2.6.23: nothing.
Differs: 2.6.23's window neither grows nor is it started early. One file_ra_state a task, not one an open file. Memory is never reclaimed for: above low,
         else the rest is not read.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp
from core.blkdev import FILE
from core.device import READ_IO, submit_by
from core.frames import ALL_ATTR, map_page, try_alloc
from core.jit import inlined, jit
from core.page import AHEAD, CACHED, GONE, READING, WRITEBACK
from core.readahead import take_in
from core.region import END
from core.watermark import ERA_2_6_23, MARK_LOW, watermark_ok

MAX_READAHEAD: Final = 32  # real pages: 128 KiB, VM_MAX_READAHEAD


@inlined
def may_read_ahead(m: Any) -> bool:
    """Is there memory above low? Without, real pages come one by one, those within a simulated one too."""
    for z in range(len(m.zones)):
        if watermark_ok(m.zones[z], MARK_LOW, gfp.KERNEL, m.vm[0].era):
            return True
    return False


@inlined
def reads_ahead(m: Any, a: int, p: int, within_run: bool) -> bool:
    """Does the miss of a read(2) at ``p`` bring more than this page?"""
    if m.vm[0].era == ERA_2_6_23:
        return bool(within_run or p == m.actors[a].next_read)
    return bool(next_pages(m, a, p, False))


@jit
def next_pages(m: Any, a: int, p: int, marked: bool) -> bool:
    """ondemand_readahead(): the window to read, because ``p`` was missed, or found and marked; False: a single random read."""
    actor = m.actors[a]
    most = m.vm[0].max_readahead
    if p == 0 or m.page[p - 1].attr & END:  # the start of its file
        first_window(actor, p, most)
    elif p in (actor.file_ra_start + actor.file_ra_size - actor.file_ra_async, actor.file_ra_start + actor.file_ra_size):  # as expected
        actor.file_ra_start += actor.file_ra_size
        actor.file_ra_size = next_size(actor.file_ra_size, most)
        actor.file_ra_async = actor.file_ra_size
    elif marked:  # of another window than the last: it has moved elsewhere meanwhile, or somebody else's
        q = p + 1
        while q - p < most and not m.page[q - 1].attr & END and m.page[q].attr & CACHED:
            q += 1
        actor.file_ra_start = q
        actor.file_ra_size = next_size(q - p + 1, most)
        actor.file_ra_async = actor.file_ra_size
    elif 0 <= p - actor.next_read <= 1:
        first_window(actor, p, most)
    else:  # try_context_readahead(): what a sequential reader would leave behind
        q = p - 1
        while p - q <= most and m.page[q].attr & CACHED and not (q == 0 or m.page[q - 1].attr & END):
            q -= 1
        whole = p - q <= most and bool(m.page[q].attr & CACHED)  # from the start of the file on
        cached = p - q if whole else p - 1 - q
        if cached <= 1:
            return False
        actor.file_ra_start = p
        actor.file_ra_size = min((2 * cached if whole else cached) + 1, most)
        actor.file_ra_async = 1
    if p == actor.file_ra_start and actor.file_ra_size == actor.file_ra_async:  # its own mark would be met at once
        more = next_size(actor.file_ra_size, most)
        if actor.file_ra_size + more <= most:
            actor.file_ra_async = more
            actor.file_ra_size += more
        else:
            actor.file_ra_size = most
            actor.file_ra_async = most >> 1
    return True


@inlined
def first_window(actor: Any, p: int, most: int) -> None:
    """get_init_ra_size() for a read of one page."""
    actor.file_ra_start = p
    actor.file_ra_size = 4 if most >= 32 else 2 if most >= 4 else most
    actor.file_ra_async = actor.file_ra_size - 1 if actor.file_ra_size > 1 else 1


@inlined
def next_size(size: int, most: int) -> int:
    """get_next_ra_size()."""
    if size < most // 16:
        return int(4 * size)
    return int(2 * size if size <= most // 2 else most)


@jit
def read_on(m: Any, a: int, p: int) -> None:
    """page_cache_async_ra(): a read(2) found the mark at ``p``."""
    if not m.flags[p] & WRITEBACK:
        m.page[p].attr &= ALL_ATTR ^ AHEAD
        if not m.page[p].attr & READING:
            map_page(m, p)
        if next_pages(m, a, p, True):
            read_ahead(m, a, p)


@jit
def read_ahead(m: Any, a: int, p: int) -> None:
    """Read the window, as far as memory above low allows (__GFP_NORETRY); 2.6.23: 32 pages from ``p`` on, to the first that is there."""
    vm = m.vm[0]
    actor = m.actors[a]
    if vm.era == ERA_2_6_23:
        for q in range(p + 1, p + vm.max_readahead):
            if m.page[q - 1].attr & END or m.page[q].attr & (CACHED | GONE) or not read_one(m, a, q, READING):
                return
        return
    for q in range(p, actor.file_ra_start):
        if m.page[q].attr & END:
            return
    first = actor.file_ra_start
    last = first + 1
    while last < first + actor.file_ra_size and not m.page[last - 1].attr & END:
        last += 1
    for q in range(first, last):
        if m.page[q].attr & (CACHED | GONE):
            continue
        if not read_one(m, a, q, READING | AHEAD if q == last - actor.file_ra_async else READING):
            return


@jit
def read_one(m: Any, a: int, q: int, attr: int) -> bool:
    """Page ``q`` of a file is read with others; False: no memory."""
    z = try_alloc(m, MARK_LOW, gfp.KERNEL)
    if z < 0:
        return False
    take_in(m, q, z, attr)
    vm = m.vm[0]
    vm.nr_file += 1
    if vm.era != ERA_2_6_23:
        m.actors[a].local_ns += vm.minor_fault_ns
    submit_by(m, a, FILE, READ_IO, q, 0, 1)
    return True
