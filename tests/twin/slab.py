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
        """As large a part of the slab as was scanned of the LRU, or as 32 pages are of it; objects scanned and pages freed."""
        more = 4 * (scanned or self.kernel.batch) // SEEKS * self._objects // (lru_pages + 1)
        return self._scan(more, min(self.deferred + more, 2 * self._objects), False)

    def shrink_612(self, priority: int) -> tuple[int, int]:
        """A part of it that grows as the priority falls."""
        more = 4 * (self._objects >> priority) // SEEKS
        return self._scan(more, min((self.deferred >> priority) + more, 2 * self._objects), True)

    @property
    def _objects(self) -> int:
        return (self.pages - self.floor) * OBJECTS_A_PAGE

    def _scan(self, more: int, goal: int, small_too: bool) -> tuple[int, int]:
        """Scan ``goal`` objects by the batch; a cache of fewer objects than that goes in one."""
        freeable = self._objects
        if freeable <= 0:
            return 0, 0
        before = self.pages
        scanned = 0
        whole = self.kernel.scale.nearest(BATCH)
        while self.pages > self.floor:
            left = goal - scanned
            if left < whole and not (small_too and left >= freeable):
                break
            batch = min(left, whole)
            scanned += batch
            self.loose += batch
            empty = min(self.loose // FREED_FOR_A_PAGE, self.pages - self.floor)
            self.loose -= empty * FREED_FOR_A_PAGE
            self.pages -= empty
            self.kernel.free_kernel_pages(empty)
        self.deferred = min(max(self.deferred + more - scanned, 0), 2 * freeable)
        self.kernel.count["slabs_scanned"] += scanned
        return scanned, before - self.pages
