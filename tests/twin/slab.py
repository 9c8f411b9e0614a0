"""The reclaimable slab: mm/vmscan.c:shrink_slab() over one cache of dentries and inodes (20 a page, estimate)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel

BATCH = 128
SEEKS = 2
OBJECTS_A_PAGE = 20
FREED_FOR_A_PAGE = 40  # half of the objects freed sit on pages that stay in use


class Slab:
    """Pages of the cache; ``deferred``: objects to scan next time; ``loose``: objects freed on pages not yet empty; ``burst``: see slab_burst."""

    def __init__(self, kernel: Kernel, pages: int, floor: int) -> None:
        self.kernel = kernel
        self.pages, self.floor = pages, floor
        self.deferred = self.loose = self.burst = 0

    def shrink_2623(self, scanned: int, lru_pages: int) -> tuple[int, int]:
        """As large a part of the slab as was scanned of the LRU; objects scanned and pages freed."""
        return self._scan(4 * scanned // SEEKS * self._objects // (lru_pages + 1))

    def shrink_612(self, priority: int) -> tuple[int, int]:
        """A part of it that grows as the priority falls."""
        return self._scan(4 * (self._objects >> priority) // SEEKS)

    @property
    def _objects(self) -> int:
        return (self.pages - self.floor) * OBJECTS_A_PAGE

    def _scan(self, more: int) -> tuple[int, int]:
        if self._objects <= 0:
            return 0, 0
        before = self.pages
        self.deferred = min(self.deferred + more, 2 * self._objects)
        scanned = 0
        batch = self.kernel.scale.nearest(BATCH)
        while self.deferred >= batch and self.pages > self.floor:
            self.deferred -= batch
            scanned += batch
            self.loose += batch
            empty = min(self.loose // FREED_FOR_A_PAGE, self.pages - self.floor)
            self.loose -= empty * FREED_FOR_A_PAGE
            self.pages -= empty
            self.kernel.free_kernel_pages(empty)
        self.kernel.count["slabs_scanned"] += scanned
        return scanned, before - self.pages
