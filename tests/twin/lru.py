"""LRU lists: ordered dictionaries, the oldest page first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel
    from tests.twin.page import Page


class LruList:
    """One list; the zone of each page counts it (NR_ZONE_LRU_BASE)."""

    def __init__(self) -> None:
        self.pages: OrderedDict[Page, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self.pages)

    def __iter__(self) -> Iterator[Page]:
        return iter(self.pages)

    def add(self, page: Page) -> None:
        """At the young end."""
        assert page.lru is None
        assert page.zone is not None
        self.pages[page] = None
        page.lru = self
        page.zone.listed[page.anon] += 1

    def add_oldest(self, page: Page) -> None:
        """At the old end: it is scanned next."""
        self.add(page)
        self.pages.move_to_end(page, last=False)

    def remove(self, page: Page) -> None:
        del self.pages[page]
        self._left(page)

    def take_oldest(self, most: int) -> list[Page]:
        """isolate_lru_pages(): up to ``most`` pages from the old end."""
        taken = []
        while self.pages and len(taken) < most:
            page, _ = self.pages.popitem(last=False)
            self._left(page)
            taken.append(page)
        return taken

    def _left(self, page: Page) -> None:
        assert page.zone is not None
        page.lru = None
        page.zone.listed[page.anon] -= 1


class NodeLists:
    """The four lists of a node (6.12), by (is_file, is_active)."""

    def __init__(self) -> None:
        self.lists = {(file, active): LruList() for file in (False, True) for active in (False, True)}

    def nr(self, file: bool, active: bool) -> int:
        return len(self.lists[file, active])


def list_of(k: Kernel, page: Page) -> LruList:
    """Where a page belongs by its flags."""
    assert page.zone is not None
    if k.old:
        return page.zone.active if page.active else page.zone.inactive
    return page.zone.node.lists[not page.anon, page.active]


def put_on_lru(k: Kernel, page: Page) -> None:
    """lru_cache_add() and putback_lru_page()."""
    if k.generations:
        k.node_of(page).gens.add(page)
    else:
        list_of(k, page).add(page)


def lru_pages(k: Kernel) -> int:
    """Pages on all lists; isolated ones are not."""
    if k.old:
        return sum(zone.nr_lru for zone in k.zones)
    return sum(node.lru_pages for node in k.nodes)


def mark_page_accessed(k: Kernel, page: Page) -> None:
    """The second access activates."""
    if not page.referenced:
        page.referenced = True
    elif k.generations:
        page.active = True  # folio_inc_refs(): it stays where it is
    elif not page.active and page.lru is not None:
        page.lru.remove(page)
        page.referenced = False
        page.active = True
        put_on_lru(k, page)
        k.count["pgactivate"] += 1
        if not k.old:
            k.node_of(page).nonresident_age += 1


def rotate_reclaimable_page(k: Kernel, page: Page) -> None:
    """The write that reclaim asked for has ended: the page is freed by the next scan."""
    if page.dirty or page.lru is None or (page.active and k.old):
        return
    k.count["pgrotated"] += 1
    if k.generations:
        k.node_of(page).gens.rotate(page)
        return
    page.lru.remove(page)
    page.active = False
    list_of(k, page).add_oldest(page)
