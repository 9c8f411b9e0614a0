"""The flusher: pdflush of 2.6.23, the per-bdi writeback thread of 6.12; and fsync.

Kernel: mm/page-writeback.c:background_writeout(), wb_kupdate(), v2.6.23; fs/fs-writeback.c:wb_writeback(), wb_check_old_data_flush(), v6.1 and v6.12.
Differs: one thread; dirty pages are found in index order over all files, from where the last call stopped (range_cyclic).
"""

from __future__ import annotations

from typing import Any, Final

from core.bandwidth import estimate_end, estimate_start, update_bandwidth, writeback_chunk_size
from core.blkdev import FILE
from core.device import write_congested
from core.dirty import dirty_limits
from core.jit import jit, outlined
from core.page import DIRTY, GONE, WRITEBACK
from core.pageout import pageout
from core.region import ANON
from core.sched import CONTINUE, FSYNC, WAIT_CONGESTION, WAIT_PAGE, WAIT_WORK, WRITEBACK_PAGES, give_way, pop, push, sleep
from core.units import INFINITY, MS
from core.watermark import ERA_2_6_23

MAX_WRITEBACK_PAGES: Final = 1024  # real pages; MIN_WRITEBACK_PAGES of 6.x

START: Final = 0
WROTE: Final = 1
WAITING: Final = 2


@jit
def next_dirty(m: Any, f: Any) -> int:
    """The next dirty file page at or after the cursor, dirtied before ``f.older`` (0: any); -1 after one turn around all files."""
    vm = m.vm[0]
    span = vm.file_last - vm.file_first
    if vm.nr_dirty == 0:
        return -1
    while f.looked < span:
        p = vm.flush_cursor
        vm.flush_cursor = p + 1 if p + 1 < vm.file_last else vm.file_first
        f.looked += 1
        if m.flags[p] & (DIRTY | WRITEBACK) == DIRTY and not m.page[p].attr & (ANON | GONE) and (f.older == 0 or m.page[p].stamp < f.older):
            return int(p)
    return -1


@outlined
def step_pages(m: Any, a: int, f: Any) -> int:
    """writeback_inodes(): write up to ``f.nr_to_reclaim`` dirty pages; returns how many."""
    if f.phase == WROTE:
        f.phase = START
        f.nr_reclaimed += f.ret
        f.count += 1
        if f.count % m.vm[0].batch == 0:
            return give_way(m, a)
    if f.nr_reclaimed < f.nr_to_reclaim:
        p = next_dirty(m, f)
        if p >= 0:
            f.phase = WROTE
            return pageout(m, a, p, 0)
    return pop(m, a, f.nr_reclaimed)


@outlined
def step(m: Any, a: int, f: Any) -> int:
    """The flusher's endless loop: work on request, above the background threshold, and on what is older than dirty_expire."""
    vm = m.vm[0]
    now = m.actors[a].local_ns
    if vm.bw_due_ns > 0 and now >= vm.bw_due_ns:
        vm.bw_due_ns = 0
        update_bandwidth(m, now)
    if f.phase == WROTE:
        if vm.era != ERA_2_6_23:
            estimate_end(m, now)
        vm.flush_wanted = max(vm.flush_wanted - f.ret, 0) if f.ret == f.nr_to_reclaim else 0
        f.phase = START
        if f.older > 0 and f.ret < f.nr_to_reclaim:
            f.until = now + vm.dirty_writeback_ns
        if f.ret == 0 or (vm.era == ERA_2_6_23 and write_congested(m, FILE)):
            return sleep(m, a, WAIT_CONGESTION, 0, now + 100 * MS)
    background, _limit = dirty_limits(m)
    f.older = 0
    work = vm.nr_dirty > 0 and (vm.flush_wanted > 0 or vm.nr_dirty > background)
    if not work and now >= f.until:
        f.older = now - vm.dirty_expire_ns
        work = f.older > 0 and vm.nr_dirty > 0
        if not work:
            f.until = now + vm.dirty_writeback_ns
    if not work:
        vm.flush_wanted = 0
        return sleep(m, a, WAIT_WORK, 0, min(f.until, vm.bw_due_ns) if vm.bw_due_ns > 0 else f.until)
    f.phase = WROTE
    f.nr_to_reclaim = vm.max_writeback
    if vm.era != ERA_2_6_23:
        estimate_start(m, now)
        f.nr_to_reclaim = writeback_chunk_size(m, vm.nr_dirty if f.older > 0 else vm.flush_wanted)
    w = push(m, a, WRITEBACK_PAGES)
    w.nr_to_reclaim = f.nr_to_reclaim
    w.older = f.older
    w.looked = 0
    return CONTINUE


@jit
def fsync(m: Any, a: int, first: int, pages: int) -> int:
    """Enter fsync of ``pages`` pages from ``first`` on."""
    f = push(m, a, FSYNC)
    f.page = first
    f.zone = first
    f.until = first + pages
    return CONTINUE


@outlined
def step_fsync(m: Any, a: int, f: Any) -> int:
    """Write every dirty page of the range in order, then wait for every page of it that is under writeback."""
    if f.phase == WROTE:
        f.phase = START
    elif f.count == 0 and m.vm[0].era != ERA_2_6_23:
        f.count = 1
        estimate_start(m, m.actors[a].local_ns)
    while f.phase == START and f.page < f.until:
        p = f.page
        if m.flags[p] & DIRTY and not m.page[p].attr & (ANON | GONE):
            if m.flags[p] & WRITEBACK:  # dirtied again while it is written
                return sleep(m, a, WAIT_PAGE, p, INFINITY)
            f.page = p + 1
            f.phase = WROTE
            return pageout(m, a, p, 0)
        f.page = p + 1
    if f.phase == START:
        if m.vm[0].era != ERA_2_6_23:
            estimate_end(m, m.actors[a].local_ns)
        f.phase = WAITING
        f.page = f.zone
    while f.page < f.until:
        if m.flags[f.page] & WRITEBACK:
            return sleep(m, a, WAIT_PAGE, f.page, INFINITY)
        f.page += 1
    return pop(m, a, 0)
