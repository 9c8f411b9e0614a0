"""Swap readahead: which pages come in together.

Kernel: mm/memory.c:swapin_readahead(), mm/swapfile.c:valid_swaphandles(), v2.6.23; mm/swap_state.c, v6.1 and v6.12.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import gfp
from tests.twin.allocator import wake_kswapd
from tests.twin.watermarks import Mark

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel
    from tests.twin.page import Page
    from tests.twin.task import Task


@dataclass
class Window:
    """What the readahead of a VMA, or of the whole swap device, remembers."""

    last: int = -2
    pages: int = 0
    hits: int = 4

    def next(self, at: int, most: int) -> int:
        """__swapin_nr_pages()."""
        wanted = 1
        if self.hits:
            wanted = 4
            while wanted < self.hits + 2:
                wanted *= 2
        elif abs(at - self.last) == 1:
            wanted = 2
        return max(min(wanted, most), self.pages // 2)


def by_address(k: Kernel) -> bool:
    return k.version >= 414 and not k.machine.swap.seek_ns


def found_in_swap_cache(k: Kernel, task: Task, page: Page) -> None:
    """lookup_swap_cache()."""
    k.count["swap_ra_hit"] += page.ahead
    if by_address(k):
        task.swap_readahead.last = page.index
        task.swap_readahead.hits = min(task.swap_readahead.hits + page.ahead, 63)
    else:
        k.swap.readahead.hits += page.ahead
    page.ahead = False


def read_in(k: Kernel, task: Task, page: Page, faults: int) -> None:
    """Read a page that was swapped out, and those beside it while there is memory."""
    most = k.scale.nearest(2 ** k.values["page_cluster"])
    if most == 1:
        together = [page]
    elif by_address(k):
        together = list(neighbours(k, task, page, min(most, 32)))
    else:
        together = list(cluster(k, page, most))
    if page not in together:  # the first free slot came before it
        together.append(page)
    room = True
    for other in together:
        if other is page:
            task.start_read(page, faults)
        elif room and not other.cached and not other.gone:
            room = read_beside(k, task, other)


def neighbours(k: Kernel, task: Task, page: Page, most: int) -> Iterator[Page]:
    """swap_vma_readahead(): what is swapped out of the same region, forwards, backwards, or around."""
    window = task.swap_readahead
    at, before = page.index, window.last
    pages = window.next(at, most)
    task.swap_readahead = Window(at, pages, 0)
    if pages == 1:
        yield page
        return
    first = at if at == before + 1 else at - pages + 1 if at == before - 1 else at - (pages - 1) // 2
    region = region_of(k, page)
    for other in range(max(first, region.start), min(first + pages, region.stop)):
        if k.pages[other].slot is not None:
            yield k.pages[other]


def region_of(k: Kernel, page: Page) -> range:
    """The pages of the same anonymous region."""
    first = last = page.index
    while first > 0 and k.pages[first - 1].anon and not k.pages[first - 1].last:
        first -= 1
    while not k.pages[last].last and last + 1 < len(k.pages):
        last += 1
    return range(first, last + 1)


def cluster(k: Kernel, page: Page, most: int) -> Iterator[Page]:
    """swap_cluster_readahead(): the aligned block of slots; slot 0 is the second page of the device."""
    assert page.slot is not None
    offset = page.slot + 1
    pages = most
    if k.version >= 314:
        window = k.swap.readahead
        pages = window.next(offset, most)
        k.swap.readahead = Window(window.last if window.hits else offset, pages, 0)
    first = offset // pages * pages
    by_slot = {other.slot: other for other in k.pages if other.slot is not None}
    for at in range(max(first, 1), min(first + pages, k.swap.slots + 1)):
        if at - 1 in by_slot:
            yield by_slot[at - 1]
        elif k.old:
            return


def read_beside(k: Kernel, task: Task, page: Page) -> bool:
    """read_swap_cache_async(); False: no memory, or less of it clean than the policy's floor."""
    if k.clean_floor.pages and k.clean_floor.broken():
        wake_kswapd(k, task.clock)
        return False
    zone = k.take_frame(Mark.LOW, gfp.KERNEL)
    if zone is None:
        wake_kswapd(k, task.clock)
        zone = k.take_frame(Mark.MIN, gfp.KERNEL)
    if zone is None:
        return False
    if not k.swap.enter_cache(page, gfp.KERNEL, Mark.MIN):
        k.free_frame(zone)
        return False
    task.give_frame(page, zone)
    page.ahead = True
    k.count["pswpin"] += 1
    k.count["swap_ra"] += 1
    task.clock += 0 if k.old else k.machine.submit_ns
    task.start_read(page)
    return True
