"""Watermarks of both eras, written from the tables of the kernels (mm/page_alloc.c, v2.6.23 and v6.12)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from core import gfp
from core.units import KIB_PER_PAGE


class Mark(Enum):
    """What an allocation is held to."""

    MIN = auto()
    LOW = auto()
    HIGH = auto()
    NONE = auto()  # ALLOC_NO_WATERMARKS
    OOM = auto()  # ALLOC_OOM


@dataclass(frozen=True)
class Marks:
    """pages_min, pages_low and pages_high of a zone."""

    min: int
    low: int
    high: int


def marks_of(zones: list[int], index: int, min_free_kbytes: int, scale_factor: int | None) -> Marks:
    """The marks of zone ``index``; ``scale_factor`` is watermark_scale_factor, None in 2.6.23."""
    pages_min = min_free_kbytes // KIB_PER_PAGE * zones[index] // sum(zones)
    if scale_factor is None:
        return Marks(pages_min, pages_min + pages_min // 4, pages_min + pages_min // 2)
    gap = max(pages_min // 4, zones[index] * scale_factor // 10_000)
    return Marks(pages_min, pages_min + gap, pages_min + gap + gap)


def lowmem_reserve(zones: list[int], index: int, ratios: tuple[int, ...]) -> int:
    """What a zone keeps from allocations that could use a higher one: a part of those, 1/256 unless the machine says otherwise; 0: nothing."""
    ratio = ratios[index] if index < len(ratios) else 256
    return sum(pages for i, pages in enumerate(zones) if i > index) // ratio if ratio else 0


def discounted_min(pages_min: int, flags: int, old: bool, rt_quarter: bool, atomic_reserve: int) -> int:
    """pages_min as zone_watermark_ok() lowers it for some callers; ``rt_quarter``: real-time tasks are given a quarter, not half (6.1)."""
    waits, high, real_time = flags & gfp.WAIT, flags & gfp.HIGH, flags & gfp.RT
    interrupt = high and not waits and not flags & gfp.NOMEMALLOC
    if old:
        half, quarter = high, real_time or not waits  # ALLOC_HARDER
    else:
        half = high or (real_time and waits and not rt_quarter)  # ALLOC_MIN_RESERVE
        quarter = interrupt or (real_time and rt_quarter and not (high and not waits))  # ALLOC_NON_BLOCK, ALLOC_HARDER
    pages = pages_min
    if half:
        pages -= pages // 2
    if quarter:
        pages -= pages // 4
    return max(pages - atomic_reserve, 0) if interrupt else pages
