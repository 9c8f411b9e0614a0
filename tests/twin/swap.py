"""The swap area: its slots, and the swap cache with the tree that indexes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import gfp
from tests.twin.swap_readahead import Window
from tests.twin.watermarks import Mark

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel
    from tests.twin.page import Page

PAGES_OF_A_TREE_PAGE = 7 * 64  # seven nodes of 576 bytes, each for 64 slots


class Swap:
    """Slots in use, the pages in the swap cache and the kernel pages of its tree."""

    def __init__(self, kernel: Kernel, slots: int) -> None:
        self.kernel = kernel
        self.slots = slots
        self.used: set[int] = set()
        self.cursor = 0
        self.cache: set[Page] = set()
        self.tree_pages = 0
        self.readahead = Window(last=0)

    @property
    def free(self) -> int:
        return self.slots - len(self.used)

    def add(self, page: Page) -> bool:
        """add_to_swap(): a slot and a place in the swap cache; False: the area is full, or there is no memory for the tree."""
        if self.free == 0 or not self.enter_cache(page, gfp.ATOMIC | gfp.NOMEMALLOC, Mark.MIN):
            return False
        slot = next(s % self.slots for s in range(self.cursor, self.cursor + self.slots) if s % self.slots not in self.used)
        self.used.add(slot)
        self.cursor = (slot + 1) % self.slots
        page.slot = slot
        page.dirty = True
        self.kernel.dirty_anon.add(page)
        return True

    def enter_cache(self, page: Page, flags: int, *marks: Mark) -> bool:
        """Index one more page; a new page for the tree is held to the first of ``marks``, then to the next."""
        if len(self.cache) >= self.tree_pages * PAGES_OF_A_TREE_PAGE:
            if not any(self.kernel.take_kernel_page(mark, flags) for mark in marks):
                return False
            self.tree_pages += 1
        self.cache.add(page)
        return True

    def leave_cache(self, page: Page) -> None:
        """One page less; a tree page that is not needed any more is freed."""
        if page not in self.cache:
            return
        self.cache.remove(page)
        if self.tree_pages > 0 and len(self.cache) <= (self.tree_pages - 1) * PAGES_OF_A_TREE_PAGE:
            self.tree_pages -= 1
            self.kernel.free_kernel_pages(1)

    def free_slot(self, page: Page) -> None:
        """The copy on the device is not needed any more."""
        if page.slot is not None:
            self.used.remove(page.slot)
            page.slot = None
            self.leave_cache(page)
