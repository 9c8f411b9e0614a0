"""Watermarks: from sysctls to pages, in both eras, and the test that every allocation takes.

Kernel: mm/page_alloc.c:setup_per_zone_pages_min(), zone_watermark_ok(), v2.6.23;
        __setup_per_zone_wmarks(), calculate_min_free_kbytes(), gfp_to_alloc_flags(), __zone_watermark_ok(), v6.1 and v6.12.

What an order-0 allocation must leave free in a zone, in parts of min (lowmem_reserve and the strict reserve come on top):

    =========================  ==========  ==========  ==========
    class                      2.6.23      6.1         6.12
    =========================  ==========  ==========  ==========
    may wait                   1           1           1
    NOWAIT                     0.75        1           1
    __GFP_HIGH, may wait       0.5         0.5         0.5
    ATOMIC                     0.375       0.375       0.375
    ATOMIC | NOMEMALLOC        0.375       0.5         0.5
    real-time task, may wait   0.75        0.75        0.5
    OOM victim                 0           0.5         0.5
    PF_MEMALLOC                0           0           0
    =========================  ==========  ==========  ==========
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any, Final

from core import gfp
from core.jit import inlined
from core.units import KIB_PER_PAGE, kib_to_pages

ERA_2_6_23: Final = 0
ERA_6_12: Final = 1
LOWMEM_RESERVE_RATIO: Final = 256  # sysctl_lowmem_reserve_ratio of DMA and DMA32, both eras; 32 of a zone below highmem or ZONE_MOVABLE
PAGEBLOCK_PAGES: Final = 512  # pageblock_nr_pages, x86-64
MIGRATE_PCPTYPES: Final = 3

# Which mark an allocation is held to.
MARK_MIN: Final = 0
MARK_LOW: Final = 1
MARK_HIGH: Final = 2
MARK_NONE: Final = 3  # ALLOC_NO_WATERMARKS
MARK_OOM: Final = 4  # ALLOC_OOM, which replaces all other flags; 6.12


@dataclass(frozen=True)
class Marks:
    """Watermarks of one zone, pages."""

    min: int
    low: int
    high: int


def default_min_free_kbytes(ram_pages: int, era: int) -> int:
    """The kernel's own min_free_kbytes, kB: 4 * sqrt(lowmem_kbytes), clamped; without the transparent huge page bump."""
    cap = 65536 if era == ERA_2_6_23 else 262144
    return min(max(isqrt(16 * ram_pages * KIB_PER_PAGE), 128), cap)


def setup_watermarks(zone_pages: Sequence[int], min_free_kbytes: int, watermark_scale_factor: int, era: int) -> tuple[Marks, ...]:
    """Marks of each zone, in pages; ``watermark_scale_factor`` (1/10000 of the zone) matters in era 6.12 only."""
    pages_min = kib_to_pages(min_free_kbytes)
    total = sum(zone_pages)
    marks = []
    for pages in zone_pages:
        share = pages_min * pages // total
        if era == ERA_2_6_23:
            marks.append(Marks(min=share, low=share + share // 4, high=share + share // 2))
        else:
            step = max(share // 4, pages * watermark_scale_factor // 10000)
            marks.append(Marks(min=share, low=share + step, high=share + 2 * step))
    return tuple(marks)


def lowmem_reserve(zone_pages: Sequence[int], zone: int, ratio: int = LOWMEM_RESERVE_RATIO) -> int:
    """Pages of ``zone``, one of a node's, kept from allocations that could use its highest (setup_per_zone_lowmem_reserve); ratio 0: none."""
    return sum(zone_pages[zone + 1 :]) // ratio if ratio > 0 else 0


def recommended_min_free_kbytes(zone_pages: Sequence[int]) -> int:
    """mm/khugepaged.c:set_recommended_min_free_kbytes(), v6.12, kB: what transparent huge pages want free to keep migratetypes apart; at most 5 % of RAM.

    Two pageblocks a zone, and for each migratetype one per other type to fall back to; the kernel raises min_free_kbytes to it when THP is switched on.
    """
    pages = PAGEBLOCK_PAGES * len(zone_pages) * (2 + MIGRATE_PCPTYPES * MIGRATE_PCPTYPES)
    marks = setup_watermarks(zone_pages, default_min_free_kbytes(sum(zone_pages), ERA_6_12), 10, ERA_6_12)
    buffer_pages = sum(max(pages - mark.high, 0) for pages, mark in zip(zone_pages, marks, strict=True))  # nr_free_buffer_pages()
    return min(pages, buffer_pages // 20) * KIB_PER_PAGE


@inlined
def floor(zone: Any, mark: int, flags: int, era: int) -> int:
    """Free pages must stay above this for an order-0 allocation of gfp ``flags`` held to ``mark``; pages."""
    if mark == MARK_NONE:
        return int(zone.atomic_reserve)
    if mark == MARK_LOW:
        pages = zone.wmark_low + zone.wmark_boost
    elif mark == MARK_HIGH:
        pages = zone.wmark_high + zone.wmark_boost
    else:
        pages = zone.wmark_min
        if not flags & (gfp.HIGH | gfp.RT) or era == ERA_2_6_23:
            pages += zone.wmark_boost
        if mark == MARK_OOM or flags & gfp.HIGH:
            pages -= pages // 2
        if mark == MARK_MIN:
            atomic = flags & gfp.HIGH and not flags & gfp.WAIT
            if era == ERA_2_6_23:
                harder = flags & gfp.RT or not flags & gfp.WAIT  # ALLOC_HARDER
            elif atomic:
                harder = not flags & gfp.NOMEMALLOC  # ALLOC_NON_BLOCK
            else:
                harder = flags & gfp.RT and zone.rt_quarter
                if flags & gfp.RT and flags & gfp.WAIT and not flags & gfp.HIGH and not zone.rt_quarter:
                    pages -= pages // 2  # ALLOC_MIN_RESERVE, the same flag as __GFP_HIGH
            if harder:
                pages -= pages // 4
            if atomic and not flags & gfp.NOMEMALLOC:
                pages = max(pages - zone.atomic_reserve, 0)
    return int(pages + zone.lowmem_reserve + zone.reserve)


@inlined
def watermark_ok(zone: Any, mark: int, flags: int, era: int) -> bool:
    """May one page be taken from ``zone``?"""
    return bool(zone.nr_free > floor(zone, mark, flags, era))
