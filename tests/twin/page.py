"""A page of a task or of a file, what it is while it has a frame, and how it loses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.region import ANON, END, EXEC, MAPPED

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel
    from tests.twin.zone import Zone


class Page:
    """One virtual page. It is cached while it has a frame, which lies in ``zone``.

    Attributes:
        anon, mappable, executable, last: what kind of page it is (``last``: the last one of its region).
        present: mapped, or up to date in the page cache of read(2).
        young: the accessed bit of its page table entry.
        dirty, referenced, active, writeback, reclaim: the PG_ flags.
        locked: its read is under way.
        ahead: PG_readahead, it was read from swap beside another page.
        lru: the list it is on; None: no frame, or isolated.
        slot: its place on the swap device.
        shadow: what is remembered of its eviction: the node and its clock of evictions, with generations a generations.Shadow.
        workingset: PG_workingset, it has been active; of an evicted page the bit in its shadow.
        zero_page: mapped to the shared page of zeroes, which is no frame of its own.
        gone: unmapped or truncated; its frame goes as soon as nobody works on it.
        owner: the task whose anonymous contents it has.
        dirtied_ns: when it was dirtied last.
    """

    __slots__ = (
        "active",
        "ahead",
        "anon",
        "dirtied_ns",
        "dirty",
        "executable",
        "gone",
        "index",
        "last",
        "locked",
        "lru",
        "mappable",
        "owner",
        "present",
        "reclaim",
        "referenced",
        "shadow",
        "slot",
        "workingset",
        "writeback",
        "young",
        "zero_page",
        "zone",
    )

    def __init__(self, index: int, attr: int) -> None:
        self.index = index
        self.anon = bool(attr & ANON)
        self.mappable = bool(attr & MAPPED)
        self.executable = bool(attr & EXEC)
        self.last = bool(attr & END)
        self.zone: Zone | None = None
        self.lru: Any = None
        self.slot: int | None = None
        self.shadow: Any = None
        self.owner: Any = None
        self.locked = self.ahead = self.gone = self.zero_page = self.workingset = False
        self.dirtied_ns = 0
        self.clear_flags()

    def clear_flags(self) -> None:
        """A fresh frame."""
        self.present = self.young = self.dirty = self.referenced = self.active = self.writeback = self.reclaim = False

    @property
    def cached(self) -> bool:
        return self.zone is not None

    @property
    def mapped(self) -> bool:
        """In a page table."""
        return self.mappable and self.present


def map_page(k: Kernel, page: Page) -> None:
    """Make it accessible."""
    page.present = True
    if page.mappable:
        k.mapped.add(page)


def unmap(k: Kernel, page: Page) -> None:
    """try_to_unmap(): the next access faults."""
    page.present = False
    k.mapped.discard(page)


def free_page_of(k: Kernel, page: Page) -> None:
    """Give its frame back; its copy on the swap device, if any, stays."""
    unmap(k, page)
    if page.dirty:
        (k.dirty_anon if page.anon else k.dirty).remove(page)
        k.writeout.cleaned(page)
    k.laundry.discard(page)
    k.swap.leave_cache(page)
    k.page_cache.discard(page)
    zone, page.zone = page.zone, None
    assert zone is not None
    page.clear_flags()
    page.locked = page.ahead = page.gone = page.zero_page = page.workingset = False
    page.shadow = None
    k.free_frame(zone)


def bury(k: Kernel, page: Page) -> None:
    """Free a page whose contents nobody wants any more."""
    k.swap.free_slot(page)
    free_page_of(k, page)


def evict(k: Kernel, page: Page) -> None:
    """Reclaim an isolated page: free it and remember when."""
    if page.gone:
        bury(k, page)
        return
    node = k.node_of(page)
    shadow = node.gens.evicted(node, page) if k.generations else (node, node.nonresident_age)
    node.nonresident_age += not k.generations
    was_active = page.workingset
    free_page_of(k, page)
    page.workingset = was_active
    page.shadow = shadow


def forget(k: Kernel, page: Page) -> None:
    """munmap() or truncate(): the frame goes now, or when the isolation or the I/O ends."""
    if page.anon and (page.dirty or page.slot is not None):
        page.owner = None
    if not page.cached:
        k.swap.free_slot(page)
        page.clear_flags()
        page.zero_page = page.gone = page.workingset = False
        page.shadow = None
        return
    unmap(k, page)
    if page.lru is None or page.writeback or page.locked:
        page.gone = True
    else:
        page.lru.remove(page)
        bury(k, page)
