"""Address space of the recorded program: which virtual page is anonymous memory, program text or a mapped file."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from typing import Final

from sweep.lackey.text import FETCH, STORE

ANON: Final = 0
TEXT: Final = 1
MAPPED: Final = 2

PROT_EXEC: Final = 4
MAP_SHARED: Final = 1
MAP_ANONYMOUS: Final = 0x20


@dataclass(frozen=True)
class Mapping:
    """One mmap: pages first..last-1; ``path`` is empty for anonymous memory, ``offset`` is the first page in it."""

    first: int
    last: int
    path: str
    offset: int
    shared: bool
    executable: bool


class Numbers:
    """Page numbers of one region; freed numbers are used again, lowest first, so a region is as large as its peak."""

    def __init__(self) -> None:
        self.pages = 0
        self._free: list[int] = []

    def take(self) -> int:
        if self._free:
            return self._free.pop()
        self.pages += 1
        return self.pages - 1

    def give(self, numbers: list[int]) -> None:
        self._free = sorted(self._free + numbers, reverse=True)


class Memory:
    """Maps virtual pages to (region, number) and follows mmap, munmap, mremap and brk.

    Pages outside every known mapping (stack, heap, the program itself, which the kernel maps) count as text if the
    first access is an instruction fetch, as anonymous memory otherwise. A store to a private mapping makes its page
    anonymous.
    """

    def __init__(self) -> None:
        self.numbers = (Numbers(), Numbers(), Numbers())
        self._where: dict[int, tuple[int, int]] = {}
        self._file_pages: dict[tuple[str, int, int], tuple[int, int]] = {}
        self._mappings: list[Mapping] = []
        self._brk = 0

    def resolve(self, page: int, kind: int) -> tuple[int, int]:
        """Region and number of a virtual page for an access of ``kind`` (FETCH, LOAD, STORE)."""
        where = self._where.get(page)
        mapping = None
        if where is None or where[0] != ANON:
            mapping = self._mapping(page)
        if where is None or (kind == STORE and where[0] != ANON and not (mapping and mapping.shared)):
            where = self._number(page, kind, mapping)
            self._where[page] = where
        return where

    def _number(self, page: int, kind: int, mapping: Mapping | None) -> tuple[int, int]:
        if mapping is not None and mapping.path and (mapping.shared or kind != STORE):
            region = TEXT if mapping.executable else MAPPED
            key = (mapping.path, mapping.offset + page - mapping.first, region)
            if key not in self._file_pages:
                self._file_pages[key] = (region, self.numbers[region].take())
            return self._file_pages[key]
        region = TEXT if kind == FETCH and mapping is None else ANON
        return region, self.numbers[region].take()

    def map(self, first: int, pages: int, path: str, offset: int, prot: int, flags: int) -> list[int]:
        """A successful mmap; returns the anonymous pages that it replaced."""
        gone = self.unmap(first, pages)
        path = "" if flags & MAP_ANONYMOUS else path
        mapping = Mapping(first, first + pages, path, offset, bool(flags & MAP_SHARED), bool(prot & PROT_EXEC))
        self._mappings.insert(bisect_left(self._mappings, first, key=lambda m: m.first), mapping)
        return gone

    def unmap(self, first: int, pages: int) -> list[int]:
        """munmap of a range; returns the numbers of the anonymous pages whose contents are gone."""
        last = first + pages
        kept: list[Mapping] = []
        low, high = self._overlap(first, last)
        for old in self._mappings[low:high]:
            if old.first < first:
                kept.append(replace(old, last=first))
            if old.last > last:
                kept.append(replace(old, first=last, offset=old.offset + last - old.first))
        self._mappings[low:high] = kept
        return self.forget(first, pages)

    def forget(self, first: int, pages: int) -> list[int]:
        """Contents of a range are gone, it stays mapped (MADV_DONTNEED); returns the numbers of its anonymous pages."""
        known = self._known(range(first, first + pages))
        gone = [where[1] for p in known if (where := self._where.pop(p))[0] == ANON]
        self.numbers[ANON].give(gone)
        return sorted(gone)

    def move(self, first: int, pages: int, target: int, new_pages: int) -> list[int]:
        """mremap; the pages keep their contents. Returns the anonymous pages cut off at the end."""
        gone = self.unmap(first + new_pages, pages - new_pages) if new_pages < pages else []
        old = self._mapping(first)
        contents = {page: self._where.pop(page) for page in self._known(range(first, first + min(pages, new_pages)))}
        self.unmap(first, min(pages, new_pages))
        gone += self.unmap(target, new_pages)
        moved = Mapping(target, target + new_pages, "", 0, False, False)
        if old is not None:
            moved = replace(old, first=target, last=target + new_pages, offset=old.offset + first - old.first)
        self._mappings.insert(bisect_left(self._mappings, target, key=lambda m: m.first), moved)
        self._where.update({page - first + target: where for page, where in contents.items()})
        return sorted(gone)

    def brk(self, end: int) -> list[int]:
        """A brk that left the heap's end at page ``end``; returns the anonymous pages that a smaller heap gave back."""
        gone = self.forget(end, self._brk - end) if end < self._brk else []
        self._brk = end
        return gone

    def _known(self, inside: range) -> list[int]:
        """The pages of a range that have a number, whichever of both is the shorter way."""
        if len(inside) < len(self._where):
            return [page for page in inside if page in self._where]
        return [page for page in self._where if page in inside]

    def _mapping(self, page: int) -> Mapping | None:
        at = bisect_right(self._mappings, page, key=lambda m: m.first) - 1
        return self._mappings[at] if at >= 0 and page < self._mappings[at].last else None

    def _overlap(self, first: int, last: int) -> tuple[int, int]:
        low = bisect_right(self._mappings, first, key=lambda m: m.last)
        return low, max(low, bisect_left(self._mappings, last, key=lambda m: m.first))
