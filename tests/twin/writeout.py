"""The memory of writes in flight: how much they hold, its bound (D. Phillips), and what is allocated for them when pages are dirtied (N. Piggin)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import gfp
from tests.twin.actor import GIVE_WAY, NEVER, Actor, Sleep, Steps, Wait
from tests.twin.allocator import alloc_page

if TYPE_CHECKING:
    from tests.twin.device import BlockDevice, Held
    from tests.twin.kernel import Kernel
    from tests.twin.page import Page
    from tests.twin.task import Task


class Writeout:
    """What all writes in flight hold together: kernel pages, and with mempool elements and what is still to come, ``admitted``."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.pages = 0
        self.admitted = 0
        self.bound = kernel.scale.up(kernel.values["writeout_cap_pages"])
        self.at_dirtying = bool(kernel.values.get("preallocate", 0))

    def hold(self, held: Held, pages: int) -> None:
        """A write holds so many kernel pages more."""
        held.pages += pages
        self.pages += pages
        self.kernel.count["writeout_held_max"] = max(self.kernel.count["writeout_held_max"], self.pages)

    # --- the bound -------------------------------------------------------------------------------------------------------------------------

    def admit(self, actor: Actor, need: int) -> Steps:
        """Wait until a write that needs ``need`` pages fits under the bound. The first always does, and who is in the middle of one may begin another."""
        while self.bound and need and self.admitted and self.admitted + need > self.bound and not actor.admitted_writes:
            yield Sleep(Wait.WRITEOUT, NEVER)
        self.admitted += need

    def leave(self, need: int, now: int) -> None:
        """A write has ended, or will not begin."""
        if need:
            self.admitted -= need
            self.kernel.wake(Wait.WRITEOUT, now)

    # --- memory allocated at dirtying ------------------------------------------------------------------------------------------------------

    def needed(self, device: BlockDevice) -> int:
        """What the writes of the device's dirty pages will need."""
        dirty = self.kernel.dirty_anon if device is self.kernel.swap_device else self.kernel.dirty
        return -(-len(dirty) * device.device.w_alloc_milli // 1000)

    def missing(self, task: Task, page: Page) -> int:
        """Pages that the task must have at hand before it may dirty the page; 0: it has them."""
        if not self.at_dirtying:
            return 0
        need = -(-self.kernel.device_of(page).device.w_alloc_milli // 1000)
        return need if task.stash < need else 0

    def preload(self, task: Task, page: Page, need: int) -> Steps:
        """Have them at hand; a task that is dying gets none and goes."""
        k = self.kernel
        while task.stash < need:
            zone = yield from alloc_page(k, task, gfp.KERNEL if page.anon else gfp.NOFS)
            if zone is None:
                yield GIVE_WAY
                return
            zone.kernel += 1
            task.stash += 1
            total = sum(task.stash for task in k.tasks) + sum(device.preallocated for device in k.devices)
            k.count["nr_prealloc_max"] = max(k.count["nr_prealloc_max"], total)

    def dirtied(self, task: Task, page: Page) -> None:
        """The page has become dirty: its device takes from the stash what it needs more."""
        if self.at_dirtying:
            device = self.kernel.device_of(page)
            more = self.needed(device) - device.preallocated
            device.preallocated += more
            task.stash -= more

    def spare(self, device: BlockDevice) -> int:
        """A page is not dirty any more: what is not needed any more."""
        pages = device.preallocated - self.needed(device)
        device.preallocated -= pages
        return pages

    def cleaned(self, page: Page) -> None:
        """A dirty page has gone without being written."""
        if self.at_dirtying:
            self.kernel.free_kernel_pages(self.spare(self.kernel.device_of(page)))
