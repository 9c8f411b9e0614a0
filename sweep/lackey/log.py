"""The growing trace: operations in program order, page references through the filter."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Final

import numpy as np

from sweep.lackey.text import FETCH, LOAD, STORE

REGION_SHIFT: Final = 40
MAX_COUNT: Final = (1 << 32) - 1


class Log:
    """Operations as columns; ``target`` is region << 40 | page number in the region."""

    def __init__(self) -> None:
        self.kind = array("B")
        self.target = array("q")
        self.count = array("q")
        self.executed = array("q")

    def add(self, kind: int, region: int, number: int, count: int, executed: int) -> None:
        """Append one operation that begins when ``executed`` instructions have been executed."""
        self.kind.append(kind)
        self.target.append(region << REGION_SHIFT | number)
        self.count.append(count)
        self.executed.append(executed)

    def add_ranges(self, kind: int, region: int, numbers: list[int], executed: int) -> None:
        """Append one operation for each run of consecutive ``numbers`` (sorted)."""
        if numbers:
            ordered = np.asarray(numbers, np.int64)
            for run in np.split(ordered, np.flatnonzero(np.diff(ordered) != 1) + 1):
                self.add(kind, region, int(run[0]), len(run), executed)


class Filter:
    """The last N pages that were logged, first in, first out, like a TLB of N entries.

    A reference to one of them is not logged again, except the first store after loads only. First in first out, not
    least recently used: a page in constant use is still logged once for every N others, as the accessed bit in its
    page table entry would be set again after the TLB entry was replaced. An LRU order built from the log is wrong by N
    positions at most, and by the pages of 64 references (see ``Parser``).
    """

    def __init__(self, pages: int) -> None:
        self.pages = pages
        self.covered: set[int] = set()
        self._order: dict[int, None] = {}

    def admit(self, key: int) -> None:
        """Note that ``key`` (page << 2 | kind), not covered so far, is logged now."""
        base = key & ~3
        if base not in self._order:
            if len(self._order) >= self.pages:
                self._forget(next(iter(self._order)))
            self._order[base] = None
            self.covered.update((base | FETCH, base | LOAD))
        if key & 3 == STORE:
            self.covered.add(base | STORE)

    def drop(self, pages: Iterable[int]) -> None:
        """Forget pages whose mapping changed."""
        inside = pages if isinstance(pages, range) else set(pages)
        for base in [b for b in self._order if b >> 2 in inside]:
            self._forget(base)

    def _forget(self, base: int) -> None:
        del self._order[base]
        self.covered -= {base | FETCH, base | LOAD, base | STORE}
