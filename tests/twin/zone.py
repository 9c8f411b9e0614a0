"""A zone: its free frames, its marks, and what reclaim remembers about it."""

from __future__ import annotations

from tests.twin.lru import LruList
from tests.twin.watermarks import Mark, Marks, discounted_min


class Zone:
    """Pages of one zone.

    Attributes:
        free, kernel: free frames, and frames of the kernel itself.
        reserve: below it only PF_MEMALLOC goes.
        active, inactive: its LRU lists in 2.6.23.
        scanned: pages_scanned since a page was freed last.
        hopeless: all_unreclaimable.
        scan_active, scan_inactive: nr_scan_active and nr_scan_inactive.
    """

    def __init__(self, pages: int, marks: Marks, lowmem_reserve: int, reserve: int) -> None:
        self.managed = self.free = pages
        self.kernel = 0
        self.marks = marks
        self.lowmem_reserve = lowmem_reserve
        self.reserve = reserve
        self.active, self.inactive = LruList(), LruList()
        self.scanned = 0
        self.hopeless = False
        self.prev_priority = 12
        self.scan_active = self.scan_inactive = 0

    @property
    def nr_lru(self) -> int:
        """Pages on its lists (2.6.23)."""
        return len(self.active) + len(self.inactive)

    def floor(self, mark: Mark, flags: int, old: bool) -> int:
        """Free frames must stay above this."""
        if mark is Mark.NONE:
            return 0
        if mark is Mark.LOW:
            pages = self.marks.low
        elif mark is Mark.HIGH:
            pages = self.marks.high
        else:
            pages = discounted_min(self.marks.min, flags, old)
        return pages + self.lowmem_reserve + self.reserve

    def ok(self, mark: Mark, flags: int, old: bool) -> bool:
        """zone_watermark_ok() for one page."""
        return self.free > self.floor(mark, flags, old)
