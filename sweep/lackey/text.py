"""Lackey's text: block by block into arrays of page references, with the system calls between them.

A line of ``valgrind --tool=lackey --trace-mem=yes`` is ``I  04000b70,3``, `` L 1ffeffe7e0,8``, `` S ...`` or `` M ...``
(address in hexadecimal, bytes). With ``--trace-syscalls=yes`` system calls stand between them in program order. A big
program writes some 10^9 such lines, so all lines of a block are parsed at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sweep.tracefile import TraceError

FETCH: Final = 0
LOAD: Final = 1
STORE: Final = 2  # lackey's S and M

BLOCK: Final = 1 << 24
PAGE_DIGITS_AT: Final = 3  # the address begins at this column
OFFSET_DIGITS: Final = 3  # the last three hexadecimal digits of an address are the offset in its page
MAX_DIGITS: Final = 13
RECENT: Final = 4
WINDOW_BITS: Final = 6  # repeats are left out within windows of 64 references only
WINDOW_SHIFT: Final = 55  # above page << 2 | kind; seven bits tell neighbouring windows apart

_HEX: Final = np.full(256, 255, np.uint8)
_HEX[np.frombuffer(b"0123456789", np.uint8)] = np.arange(10)
_HEX[np.frombuffer(b"abcdef", np.uint8)] = np.arange(10, 16)
_HEX[np.frombuffer(b"ABCDEF", np.uint8)] = np.arange(10, 16)

_KIND: Final = np.full(256, 255, np.uint8)
_KIND[ord("L")] = LOAD
_KIND[ord("S")] = STORE
_KIND[ord("M")] = STORE

Read = Callable[[int], bytes]


@dataclass(frozen=True)
class OtherLine:
    """A line that is no reference: where it stands and how many instructions of the block were executed before it."""

    line: int
    executed: int
    text: str


@dataclass(frozen=True)
class Block:
    """Parsed lines of one block of text.

    Attributes:
        keys: int64[n], page << 2 | FETCH, LOAD or STORE, in program order; repeats that follow at once are left out.
        instructions: int64[n], instructions of this block executed when the reference is made, its own included.
        at: int64[n], line of each reference.
        other: lines that are no references.
        references: references before the repeats were left out.
        total_instructions: instructions of the block.
    """

    keys: NDArray[np.int64]
    instructions: NDArray[np.int64]
    at: NDArray[np.int64]
    other: tuple[OtherLine, ...]
    references: int
    total_instructions: int


def blocks(read: Read, size: int = BLOCK) -> Iterator[bytes]:
    """Whole lines in pieces of about ``size`` bytes; ``read(n)`` returns up to n bytes, none at the end."""
    rest = b""
    while True:
        parts, missing = [rest], size
        while missing > 0 and (part := read(missing)):
            parts.append(part)
            missing -= len(part)
        text = b"".join(parts)
        if missing > 0:
            if text:
                yield text if text.endswith(b"\n") else text + b"\n"
            return
        end = text.rfind(b"\n") + 1
        if not end:
            raise TraceError(f"no line end in {len(text)} bytes; allowed: the text that valgrind's lackey writes")
        rest = text[end:]
        yield text[:end]


class Parser:
    """Parses blocks in order; remembers across them what the filter of repeats needs."""

    def __init__(self) -> None:
        self._fetch = np.full(1, -1, np.int64)
        self._data = np.full(RECENT, -1, np.int64)
        self._references = 0

    def parse(self, text: bytes) -> Block:
        """Parse whole lines; unknown lines go to ``other``, none is an error."""
        buffer = np.frombuffer(text, np.uint8)
        ends = np.flatnonzero(buffer == ord("\n"))
        starts = np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1])
        kind, comma = _classify(buffer, starts, ends)
        page, good = _pages(buffer, starts, comma, kind != 255)
        rows = np.flatnonzero(good)
        kind, page = kind[rows], page[rows]
        keys = page << 2 | kind
        executed = np.cumsum(kind == FETCH, dtype=np.int64)
        keep = self._keep(keys, kind)
        self._references += len(keys)
        lines = np.flatnonzero(~good)
        before = np.concatenate([np.zeros(1, np.int64), executed])[np.searchsorted(rows, lines)]
        other = tuple(
            OtherLine(line, count, text[starts[line] : ends[line]].decode("utf-8", "replace"))
            for line, count in zip(lines.tolist(), before.tolist(), strict=True)
        )
        total = int(executed[-1]) if len(executed) else 0
        return Block(keys[keep], executed[keep], rows[keep], other, len(keys), total)

    def _keep(self, keys: NDArray[np.int64], kind: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Rows that do not repeat: no fetch from the page fetched last, no access that one of the last four covers.

        Takes out four references of five before the page filter, which looks at them singly. Every page gets through
        at least once in a window of 64 references: the filter must see that a page stays in use.
        """
        window = np.arange(self._references, self._references + len(keys)) >> WINDOW_BITS & 127
        keys = keys | window << WINDOW_SHIFT
        keep = np.ones(len(keys), bool)
        fetch = np.flatnonzero(kind == FETCH)
        recent = np.concatenate([self._fetch, keys[fetch]])
        keep[fetch] = recent[1:] != recent[:-1]
        self._fetch = recent[-1:]
        data = np.flatnonzero(kind != FETCH)
        recent = np.concatenate([self._data, keys[data]])
        now = recent[RECENT:]
        fresh = np.ones(len(now), bool)
        for back in range(1, RECENT + 1):
            before = recent[RECENT - back : len(recent) - back]
            # A store covers a later load of its page, a load does not cover a store.
            fresh &= (now != before) & (now != before - (STORE - LOAD))
        keep[data] = fresh
        self._data = recent[len(recent) - RECENT :]
        return np.flatnonzero(keep)


def _classify(buffer: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Kind of each line (255 = no reference) and where its comma is."""
    last = len(buffer) - 1
    first, second, third = buffer[starts], buffer[np.minimum(starts + 1, last)], buffer[np.minimum(starts + 2, last)]
    kind = np.where((first == ord(" ")) & (third == ord(" ")), _KIND[second], 255).astype(np.uint8)
    kind[(first == ord("I")) & (second == ord(" ")) & (third == ord(" "))] = FETCH
    comma = np.full(len(starts), -1, np.int64)
    for back in (4, 3, 2):
        at = np.maximum(ends - back, 0)
        comma = np.where(buffer[at] == ord(","), at, comma)
    kind[comma - OFFSET_DIGITS - PAGE_DIGITS_AT < starts + 1] = 255
    return kind, comma


def _pages(
    buffer: NDArray[np.uint8], starts: NDArray[np.int64], comma: NDArray[np.int64], good: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Page number of each good line; lines whose address is not hexadecimal are not good."""
    good = good.copy()
    digits = comma - OFFSET_DIGITS - starts - PAGE_DIGITS_AT
    good &= digits <= MAX_DIGITS
    pages = np.zeros(len(starts), np.int64)
    for digit in range(int(digits[good].max(initial=0))):
        has = good & (digits > digit)
        # Nearly every line has five digits: an index list only where they differ.
        rows = slice(None) if has.all() else np.flatnonzero(has)
        value = _HEX[buffer[comma[rows] - OFFSET_DIGITS - 1 - digit]]
        pages[rows] |= (value.astype(np.int64) & 0xF) << (4 * digit)
        good[rows] &= value != 255
    return pages, good
