"""The floor under free and clean memory (A. Kleen, S. Tweedie, P. Zijlstra, 15 Aug 2007): who would dirty one more page below it waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.units import MS
from tests.twin.actor import Sleep, Steps, Wait
from tests.twin.allocator import wake_kswapd

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel
    from tests.twin.task import Task

NAPS = 100
NAPS_WITHOUT_A_WRITE = 10


class CleanFloor:
    """``pages``: the floor; 0: none."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.pages = kernel.values.get("clean_floor_percent", 0) * kernel.machine.ram_pages // 100

    @property
    def clean_and_free(self) -> int:
        """By the kernel's counters: a page that is both mapped and dirty is taken off twice."""
        k = self.kernel
        unclean = len(k.dirty) + sum(not page.anon for page in k.writeback) + sum(not page.anon for page in k.mapped)
        return k.free_pages + max(len(k.page_cache) - unclean, 0)

    def broken(self) -> bool:
        return self.clean_and_free <= self.pages

    def stops(self, task: Task) -> bool:
        """Must the task wait before it takes one more page for dirty contents? Who has waited in vain passes once."""
        if not self.pages or not self.broken():
            return False
        if task.floor_pass:
            task.floor_pass = False
            return False
        self.kernel.count["balance_dirty_pauses"] += 1
        return True

    def wait(self, task: Task) -> Steps:
        """Naps of 100 ms until writes have mended the floor."""
        k = self.kernel
        naps = in_vain = 0
        while not task.memdie and self.broken():
            swappable = k.swap.free > 0 and any(page.anon for page in k.mapped)
            if not (k.dirty or k.writeback or swappable) or in_vain == NAPS_WITHOUT_A_WRITE or naps == NAPS:
                task.floor_pass = True
                return
            written = k.count["nr_written"]
            if k.dirty:
                k.dirty_throttle.wake_flusher(self.pages - self.clean_and_free, task.clock)
            wake_kswapd(k, task.clock)
            yield Sleep(Wait.FLOOR, task.clock + 100 * MS)
            naps += 1
            in_vain = in_vain + 1 if k.count["nr_written"] == written else 0

    def mended(self, now: int) -> None:
        """A write has ended or a batch was freed: is it enough?"""
        if self.kernel.waiting(Wait.FLOOR) and not self.broken():
            self.kernel.wake(Wait.FLOOR, now)
