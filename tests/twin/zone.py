"""A zone: its free frames, its marks, and what reclaim remembers about it."""

from __future__ import annotations

from typing import Any

from core import gfp
from tests.twin.lru import LruList
from tests.twin.watermarks import Mark, Marks, discounted_min

PAGEBLOCK = 512  # pages


class Zone:
    """Pages of one zone.

    Attributes:
        free, kernel: free frames, and frames of the kernel itself.
        reserve: below it only PF_MEMALLOC goes, and no further than ``atomic_reserve``.
        boost: on top of the marks after fragmentation (6.12).
        active, inactive, laundry: its LRU lists in 2.6.23.
        listed: its pages on any list, by whether they are anonymous.
        scanned: pages_scanned since a page was freed last.
        hopeless: all_unreclaimable.
        scan_active, scan_inactive: nr_scan_active and nr_scan_inactive.
    """

    def __init__(self, pages: int, marks: Marks, lowmem_reserve: int, reserve: int, atomic_reserve: int, rt_quarter: bool, pageblock: int) -> None:
        self.node: Any = None
        self.managed = self.free = pages
        self.kernel = 0
        self.marks = marks
        self.lowmem_reserve = lowmem_reserve
        self.reserve = reserve
        self.atomic_reserve = atomic_reserve
        self.rt_quarter = rt_quarter
        self.pageblock = pageblock
        self.boost = 0
        self.active, self.inactive, self.laundry = LruList(), LruList(), LruList()
        self.listed = {False: 0, True: 0}
        self.scanned = 0
        self.hopeless = False
        self.prev_priority = 12
        self.scan_active = self.scan_inactive = 0

    @property
    def nr_lru(self) -> int:
        """Pages on its lists (2.6.23)."""
        return len(self.active) + len(self.inactive) + len(self.laundry)

    def floor(self, mark: Mark, flags: int, old: bool) -> int:
        """Free frames must stay above this."""
        if mark is Mark.NONE:
            return self.atomic_reserve
        if mark is Mark.LOW:
            pages = self.marks.low + self.boost
        elif mark is Mark.HIGH:
            pages = self.marks.high + self.boost
        else:
            pages = self.marks.min + (self.boost if old or not flags & (gfp.HIGH | gfp.RT) else 0)
            if mark is Mark.OOM:
                pages -= pages // 2
            else:
                pages = discounted_min(pages, flags, old, self.rt_quarter, self.atomic_reserve)
        return pages + self.lowmem_reserve + self.reserve

    def ok(self, mark: Mark, flags: int, old: bool) -> bool:
        """zone_watermark_ok() for one page."""
        return self.free > self.floor(mark, flags, old)

    def fell_back(self, factor: int) -> bool:
        """boost_watermark(): a pageblock more after an allocation had to take one of another migratetype; False: not in so small a zone."""
        most = self.marks.high * factor // 10_000
        if self.managed < 4 * self.pageblock or most == 0:
            return False
        self.boost = min(self.boost + PAGEBLOCK, max(most, self.pageblock))  # a page here is as many events as real pages
        return True
