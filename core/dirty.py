"""Dirty limits and the throttling of those who dirty page cache. Anonymous memory is never throttled, in no era.

Kernel: mm/page-writeback.c:get_dirty_limits(), balance_dirty_pages(), throttle_vm_writeout(), v2.6.23;
        domain_dirty_limits(), pos_ratio_polynom(), wb_position_ratio(), wb_update_dirty_ratelimit(), balance_dirty_pages(), v6.12.
Differs: one bdi; the bandwidth estimate is a plain moving average over 200 ms intervals with weight 1/8.
"""

from __future__ import annotations

from typing import Any, Final

from core.jit import inlined, jit, outlined
from core.lru import type_pages
from core.sched import BALANCE_DIRTY, CONTINUE, WAIT_CONGESTION, WAIT_NONE, WAIT_TIMER, WAIT_WORK, WRITEBACK_PAGES, pop, push, sleep
from core.units import MS, SECOND
from core.watermark import ERA_2_6_23

RATELIMIT_SHIFT: Final = 10  # fixed point of ratios, RATELIMIT_CALC_SHIFT
RATELIMIT_MIN: Final = 16  # real pages
RATELIMIT_MAX: Final = 1024
RATELIMIT_OVER: Final = 8
INIT_BW: Final = 25_600  # pages/s: 100 MB/s, wb_init()
BW_INTERVAL_NS: Final = 200 * MS
MAX_PAUSE_NS: Final = 200 * MS
MIN_PAUSE_NS: Final = 10 * MS

START: Final = 0
WRITTEN: Final = 1
PAUSED: Final = 2


@inlined
def free_pages(m: Any) -> int:
    """Free pages of all zones."""
    pages = 0
    for z in range(len(m.zones)):
        pages += m.zones[z].nr_free
    return int(pages)


@inlined
def lru_pages(m: Any) -> int:
    """Pages on the LRU lists of all zones; isolated pages are not."""
    pages = 0
    for z in range(len(m.zones)):
        pages += m.zones[z].nr_lru
    return int(pages)


@inlined
def clean_and_free(m: Any) -> int:
    """Free pages and page cache that could be freed at once: clean, unmapped."""
    vm = m.vm[0]
    return int(free_pages(m) + max(vm.nr_file - vm.nr_dirty - vm.nr_file_writeback - vm.nr_file_mapped, 0))


@inlined
def floor_broken(m: Any) -> bool:
    """Would one more dirty page leave less free and clean memory than the clean floor?"""
    return bool(clean_and_free(m) <= m.vm[0].clean_floor)


@inlined
def file_pages(m: Any) -> int:
    """File pages on the lists of all nodes; 6.12."""
    pages = 0
    for n in range(len(m.nodes)):
        pages += type_pages(m, n, 1)
    return int(pages)


@jit
def dirty_limits(m: Any) -> tuple[int, int]:
    """Background threshold and limit, pages."""
    vm = m.vm[0]
    if vm.era == ERA_2_6_23:
        available = max(free_pages(m) + lru_pages(m), 1)
        unmapped_ratio = 100 - (vm.nr_file_mapped + vm.nr_anon_mapped) * 100 // available
        ratio = max(min(vm.dirty_ratio, unmapped_ratio // 2), 5)
        background = vm.dirty_background_ratio
        if background >= ratio:
            background = ratio // 2
        return background * available // 100, ratio * available // 100
    free = free_pages(m)
    available = free - min(free, vm.totalreserve) + file_pages(m) + 1
    limit = vm.dirty_ratio * available // 100
    background_pages = vm.dirty_background_ratio * available // 100
    if background_pages >= limit:
        background_pages = limit // 2
    return int(background_pages), int(limit)


@jit
def writeout_throttled(m: Any) -> bool:
    """throttle_vm_writeout(): more than 1.1 times the dirty limit is under writeback."""
    _background, limit = dirty_limits(m)
    return bool(m.vm[0].nr_writeback > limit + limit // 10)


@jit
def wake_flusher(m: Any, pages: int, now: int) -> None:
    """wakeup_pdflush(), wakeup_flusher_threads(): write ``pages`` dirty pages (0: what lies above the background threshold)."""
    vm = m.vm[0]
    vm.flush_wanted = max(vm.flush_wanted, pages)
    flusher = m.actors[vm.flusher]
    if flusher.wait == WAIT_WORK:
        flusher.wait = WAIT_NONE
        flusher.ready_ns = max(now, flusher.local_ns)
        vm.waiting[WAIT_WORK] -= 1


@jit
def base_ratelimit(m: Any) -> int:
    """ratelimit_pages of 2.6.23 (page_writeback_init)."""
    vm = m.vm[0]
    return int(min(max(vm.nr_total // (32 * len(m.cpu_free)), vm.ratelimit_min), vm.ratelimit_max))


@jit
def ratelimit_pages(m: Any) -> int:
    """A task looks at the limits each time it has dirtied so many pages."""
    vm = m.vm[0]
    if vm.era == ERA_2_6_23:
        if vm.nr_dirty + vm.nr_writeback > dirty_limits(m)[1]:
            return int(vm.ratelimit_over)
        return base_ratelimit(m)
    _background, limit = dirty_limits(m)
    room = (limit - vm.nr_dirty - vm.nr_file_writeback) * vm.page_scale
    if room <= 0:
        return 1
    interval = 1
    while interval * interval * 4 <= room:
        interval *= 2
    return int(max(interval // vm.page_scale, 1))


@jit
def balance_dirty(m: Any, a: int) -> int:
    """Enter balance_dirty_pages() after having dirtied ``actor.dirtied`` pages."""
    f = push(m, a, BALANCE_DIRTY)
    f.nr_dirty = m.actors[a].dirtied
    m.actors[a].dirtied = 0
    return CONTINUE


@outlined
def step(m: Any, a: int, f: Any) -> int:
    """One step of balance_dirty_pages()."""
    if m.actors[a].memdie:
        return pop(m, a, 0)
    if m.vm[0].era == ERA_2_6_23:
        return step_2623(m, a, f)
    return step_612(m, a, f)


@jit
def step_2623(m: Any, a: int, f: Any) -> int:
    """The dirtier above the limit writes 1.5 ratelimits of pages itself, else naps for 100 ms."""
    vm = m.vm[0]
    now = m.actors[a].local_ns
    background, limit = dirty_limits(m)
    chunk = base_ratelimit(m) * 3 // 2  # sync_writeback_pages()
    if f.phase == WRITTEN:
        f.nr_reclaimed += f.ret
        f.phase = PAUSED
        if vm.nr_dirty + vm.nr_writeback > limit and f.nr_reclaimed < chunk:
            return sleep(m, a, WAIT_CONGESTION, 0, now + 100 * MS)
    elif vm.nr_dirty + vm.nr_writeback > limit and f.nr_reclaimed < chunk:
        if vm.nr_dirty > 0:
            f.phase = WRITTEN
            w = push(m, a, WRITEBACK_PAGES)
            w.nr_to_reclaim = chunk
            w.older = 0
            w.looked = 0
            return CONTINUE
        return sleep(m, a, WAIT_CONGESTION, 0, now + 100 * MS)
    if vm.nr_dirty > background:
        wake_flusher(m, 0, now)
    return pop(m, a, 0)


@jit
def position_ratio(m: Any, background: int, limit: int, dirty: int) -> int:
    """wb_position_ratio(): 1 << 10 at the set point, 0 at the limit, 2 << 10 at most."""
    freerun = (background + limit) // 2
    setpoint = (freerun + limit) // 2
    x = ((setpoint - dirty) << RATELIMIT_SHIFT) // ((limit - setpoint) | 1)
    ratio = (x * x >> RATELIMIT_SHIFT) * x >> RATELIMIT_SHIFT
    ratio = min(max(ratio + (1 << RATELIMIT_SHIFT), 0), 2 << RATELIMIT_SHIFT)
    span = max(8 * m.vm[0].write_bw, 1)
    intercept = setpoint + span
    if dirty < intercept - span // 4:
        return int(ratio * (intercept - dirty) // span)
    return int(ratio // 4)


@jit
def update_bandwidth(m: Any, now: int, ratio: int) -> None:
    """__wb_update_bandwidth(), at most every 200 ms."""
    vm = m.vm[0]
    elapsed = now - vm.bw_stamp_ns
    if elapsed < BW_INTERVAL_NS:
        return
    if elapsed < SECOND:
        bw = vm.bw_written * SECOND // elapsed
        rate = vm.bw_dirtied * SECOND // elapsed
        vm.write_bw = max(vm.write_bw + (bw - vm.write_bw) // 8, 1)
        task = max(vm.dirty_ratelimit * ratio >> RATELIMIT_SHIFT, 1)
        balanced = min(max(task * vm.write_bw // (rate | 1), 1), vm.write_bw)
        vm.dirty_ratelimit = max(vm.dirty_ratelimit + (balanced - vm.dirty_ratelimit) // 8, 1)
    vm.bw_stamp_ns = now
    vm.bw_written = 0
    vm.bw_dirtied = 0


@jit
def step_612(m: Any, a: int, f: Any) -> int:
    """Above the free-run ceiling the dirtier sleeps as long as its pages take at its share of the bandwidth; it writes nothing itself."""
    vm = m.vm[0]
    now = m.actors[a].local_ns
    if f.phase == PAUSED and f.count > 0:
        return pop(m, a, 0)
    background, limit = dirty_limits(m)
    dirty = vm.nr_dirty + vm.nr_file_writeback
    if dirty > background:
        wake_flusher(m, 0, now)
    if dirty <= (background + limit) // 2:
        return pop(m, a, 0)
    ratio = position_ratio(m, background, limit, dirty)
    update_bandwidth(m, now, ratio)
    rate = vm.dirty_ratelimit * ratio >> RATELIMIT_SHIFT
    most = min(MAX_PAUSE_NS, dirty * 128 * MS // (vm.write_bw + 1) + MS)
    pause = f.nr_dirty * SECOND // rate if rate > 0 else most
    if rate > 0 and pause < MIN_PAUSE_NS // 2:
        m.actors[a].dirtied += f.nr_dirty  # too short to sleep: pay next time
        return pop(m, a, 0)
    f.count = 1 if rate > 0 else 0
    f.phase = PAUSED
    vm.balance_dirty_pauses += 1
    return sleep(m, a, WAIT_TIMER, 0, now + min(pause, most))
