"""Readahead of files since 2.6.31: mm/readahead.c:ondemand_readahead(), try_context_readahead(), do_page_cache_ra(), v6.1.

A window, and in it a mark: who reads the marked page has the next window read before it is missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from core import gfp
from tests.twin.page import map_page
from tests.twin.watermarks import Mark

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel
    from tests.twin.page import Page
    from tests.twin.task import Task

LONGEST = 32  # real pages


@dataclass
class Window:
    """struct file_ra_state of a task; the mark is ``ahead`` pages before the end."""

    start: int = 0
    size: int = 0
    ahead: int = 0


def grown(size: int, most: int) -> int:
    """get_next_ra_size()."""
    return 4 * size if size < most // 16 else min(2 * size, most) if size <= most // 2 else most


def initial(at: int, most: int) -> Window:
    """get_init_ra_size() of one page."""
    size = 4 if most // 32 else 2 if most // 4 else most
    return Window(at, size, max(size - 1, 1))


def history(k: Kernel, file: range, at: int, most: int) -> int:
    """count_history_pages(): pages in memory right before ``at``."""
    before = range(at - 1, max(at - 1 - most, file.start - 1), -1)
    return sum(1 for _ in takewhile(lambda index: k.pages[index].cached, before))


def next_window(k: Kernel, task: Task, page: Page, marked: bool) -> Window | None:
    """ondemand_readahead(); None: a single page, read at random."""
    most = k.scale.nearest(LONGEST)
    file, at, last = file_of(k, page), page.index, task.file_readahead
    if at == file.start:
        window = initial(at, most)
    elif at in (last.start + last.size, last.start + last.size - last.ahead):
        size = grown(last.size, most)
        window = Window(last.start + last.size, size, size)
    elif marked:
        known = sum(1 for _ in takewhile(lambda index: k.pages[index].cached, range(at + 1, min(at + most, file.stop))))
        size = grown(known + 2, most)
        window = Window(at + 1 + known, size, size)
    elif at - task.next_read in (0, 1):
        window = initial(at, most)
    else:
        pages = history(k, file, at, most)
        if pages <= 1:
            return None
        if pages == at - file.start:
            pages *= 2
        window = Window(at, min(pages + 1, most), 1)
    if window.start == at and window.size == window.ahead:
        further = grown(window.size, most)
        window = Window(at, window.size + further, further) if window.size + further <= most else Window(at, most, most // 2)
    task.file_readahead = window
    return window


def file_of(k: Kernel, page: Page) -> range:
    """The pages of the same file."""
    first = last = page.index
    while first and not k.pages[first - 1].last:
        first -= 1
    while not k.pages[last].last:
        last += 1
    return range(first, last + 1)


def read_window(k: Kernel, task: Task, page: Page, window: Window) -> None:
    """do_page_cache_ra(): those of the window that are not in memory, to the end of the file, while memory above low is left."""
    pages = range(window.start, min(window.start + window.size, file_of(k, page).stop))
    for index in pages:
        other = k.pages[index]
        if other.cached or other.gone:
            continue
        zone = k.take_frame(Mark.LOW, gfp.KERNEL)
        if zone is None:
            return
        task.give_frame(other, zone)
        other.ahead = index == pages.stop - window.ahead
        k.count["pages marked for readahead"] += other.ahead
        task.clock += k.machine.minor_fault_ns
        task.start_read(other)


def found_mark(k: Kernel, task: Task, page: Page) -> None:
    """page_cache_async_ra(): the next window, before it is missed."""
    if page.writeback:
        return
    page.ahead = False
    if not page.locked:
        map_page(k, page)
    k.count["marks of readahead found"] += 1
    window = next_window(k, task, page, True)
    if window:
        read_window(k, task, page, window)
