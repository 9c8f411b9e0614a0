"""Regions: the memory and the files that tasks touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Static page attributes, the low bits of Page.attr.
ANON: Final = 1
MAPPED: Final = 2  # accessed through page tables (anonymous memory, mmap, executable text), not by read(2) and write(2)
EXEC: Final = 4
END: Final = 8  # last page of its region: readahead stops here


@dataclass(frozen=True)
class Region:
    """Consecutive pages of one kind.

    Attributes:
        first: index of the first page.
        pages: how many.
        attr: static page attributes (ANON, MAPPED, EXEC).
    """

    first: int
    pages: int
    attr: int

    def page(self, offset: int) -> int:
        """The page at ``offset`` (0 <= offset < pages)."""
        if not 0 <= offset < self.pages:
            raise ValueError(f"region offset: {offset}; allowed: 0 to {self.pages - 1}")
        return self.first + offset
