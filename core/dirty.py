"""How much is dirty, how much may be, and who wakes the flusher.

Kernel: mm/page-writeback.c:get_dirty_limits(), throttle_vm_writeout(), v2.6.23; domain_dirty_limits(), v6.1 and v6.12.
"""

from __future__ import annotations

from typing import Any, Final

from core.jit import inlined, jit
from core.lru import type_pages
from core.sched import WAIT_WORK, wake_up
from core.units import PAGE_BYTES
from core.watermark import ERA_2_6_23

RATELIMIT_MIN: Final = 16  # real pages
RATELIMIT_MAX: Final = 1024
RATELIMIT_OVER: Final = 8


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
        available = free_pages(m) + lru_pages(m) + 1
        unmapped_ratio = 100 - (vm.nr_file_mapped + vm.nr_anon_mapped) * 100 // available
        ratio = max(min(vm.dirty_ratio, unmapped_ratio // 2), 5)
        background = vm.dirty_background_ratio
        if background >= ratio:
            background = ratio // 2
        return background * available // 100, ratio * available // 100
    free = free_pages(m)
    available = free - min(free, vm.totalreserve) + file_pages(m) + 1
    limit = vm.dirty_bytes if vm.dirty_bytes > 0 else vm.dirty_ratio * PAGE_BYTES // 100 * available // PAGE_BYTES
    background_pages = vm.dirty_background_bytes
    if background_pages == 0:
        background_pages = vm.dirty_background_ratio * PAGE_BYTES // 100 * available // PAGE_BYTES
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
    if m.actors[vm.flusher].wait == WAIT_WORK:
        wake_up(m, vm.flusher, now)


@jit
def base_ratelimit(m: Any) -> int:
    """ratelimit_pages of 2.6.23 (page_writeback_init)."""
    vm = m.vm[0]
    return int(min(max(vm.nr_total // (32 * len(m.cpu_free)), vm.ratelimit_min), vm.ratelimit_max))
