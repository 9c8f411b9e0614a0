"""Units: the one place that knows a page's size. Inside core all sizes are pages and all times integer nanoseconds."""

from __future__ import annotations

from typing import Final

PAGE_BYTES: Final = 4096
PAGES_PER_MIB: Final = 256
KIB_PER_PAGE: Final = 4

US: Final = 1_000
MS: Final = 1_000_000
SECOND: Final = 1_000_000_000
JIFFY: Final = 4 * MS  # HZ = 250
INFINITY: Final = 1 << 62  # later than any event


def kib_to_pages(kib: int) -> int:
    """Whole pages in ``kib``, rounded down as the kernel does (setup_per_zone_wmarks)."""
    return kib // KIB_PER_PAGE


def in_scale(pages: int, scale: int) -> int:
    """Simulated pages for a count of real ones: to the nearest, but none only for none."""
    return max((pages + scale // 2) // scale, 1) if pages > 0 else 0


def up_in_scale(pages: int, scale: int) -> int:
    """Simulated pages for a count of real ones, rounded up."""
    return -(-pages // scale)


def page_transfer_ns(mb_per_s: int) -> int:
    """Nanoseconds to move one page at a bandwidth in decimal MB/s, rounded up."""
    return -(-PAGE_BYTES * 1000 // mb_per_s)
