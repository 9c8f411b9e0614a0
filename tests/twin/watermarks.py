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


@dataclass(frozen=True)
class Marks:
    """pages_min, pages_low and pages_high of a zone."""

    min: int
    low: int
    high: int


def marks_of(zones: tuple[int, ...], index: int, min_free_kbytes: int, scale_factor: int | None) -> Marks:
    """The marks of zone ``index``; ``scale_factor`` is watermark_scale_factor, None in 2.6.23."""
    pages_min = min_free_kbytes // KIB_PER_PAGE * zones[index] // sum(zones)
    if scale_factor is None:
        return Marks(pages_min, pages_min + pages_min // 4, pages_min + pages_min // 2)
    gap = max(pages_min // 4, zones[index] * scale_factor // 10_000)
    return Marks(pages_min, pages_min + gap, pages_min + gap + gap)


def lowmem_reserve(zones: tuple[int, ...], index: int) -> int:
    """What a zone keeps from allocations that could use a higher one: 1/256 of those."""
    return sum(pages for i, pages in enumerate(zones) if i > index) // 256


def discounted_min(pages_min: int, flags: int, old: bool) -> int:
    """pages_min as zone_watermark_ok() lowers it for some callers."""
    half = pages_min - pages_min // 2
    if old:
        mark = half if flags & gfp.HIGH else pages_min
        return mark if flags & gfp.WAIT else mark - mark // 4  # ALLOC_HARDER
    if not flags & gfp.HIGH:
        return pages_min
    if flags & (gfp.WAIT | gfp.NOMEMALLOC):
        return half
    return half - half // 4  # ALLOC_MIN_RESERVE and ALLOC_NON_BLOCK
