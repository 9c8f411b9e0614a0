"""Streams: every operation of every task of a run, compiled before the run starts.

A stream carries all randomness. The engine walks it with one load, one ``and`` and one compare a touch, so an operation is one int64 word:

    bits  0..31   page (index into the run's pages), or 0
    bits 32..39   the page flags this touch needs; what is missing sends the engine to the slow path (a fault, a first dirtying ...)
    bits 40..47   operation code
    bits 48..55   for RUN: the operation code of its touches; for ALLOC: gfp flags

Operations other than single touches carry a second word, the literal (count, ns or target).

What comes from outside, not from a task, is an arrival: a time, a kind, an amount and one extra number.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.units import INFINITY

# Hot page flags, one byte a page (state.Memory.flags).
PRESENT: Final = 1  # mapped (anon, mmapped file) or up to date in the page cache (buffered file)
ACCESSED: Final = 2  # the young bit of the page table entry
DIRTY: Final = 4
REFERENCED: Final = 8  # PG_referenced
ACTIVE: Final = 16  # PG_active
WRITEBACK: Final = 32  # PG_writeback
RECLAIM: Final = 64  # PG_reclaim: free it as soon as its write ends
NEVER: Final = 128  # no page ever has this flag: an operation that needs it always leaves the fast path

# Cold page attributes (state.PAGE.attr); the static ones come from the stream's regions.
ANON: Final = 1
MAPPED: Final = 2  # accessed through page tables (anonymous memory, mmap, executable text), not by read(2) and write(2)
EXEC: Final = 4
END: Final = 8  # last page of its region: readahead stops here

# Operation codes. The first four are touches and index Costs.touch_ns.
READ: Final = 0  # load from a mapped page
WRITE: Final = 1  # store to a mapped page
FILE_READ: Final = 2  # read(2) of one page
FILE_WRITE: Final = 3  # write(2) of one whole page
RUN: Final = 4  # consecutive touches; literal: how many pages
THINK: Final = 5  # use the CPU; literal: ns
SLEEP: Final = 6  # leave the CPU; literal: ns
ALLOC: Final = 7  # kernel pages held by the task; literal: pages, bits 48..55: gfp flags (core.gfp)
FREE: Final = 8  # give kernel pages back; literal: pages
FSYNC: Final = 9  # write and wait for the dirty pages of a range; literal: pages
DISCARD: Final = 10  # munmap or truncate a range, its contents are gone; literal: pages
JUMP: Final = 11  # go on at another operation of the same task; literal: word index from the task's first word
EXIT: Final = 12  # the task ends; its kernel pages are freed; literal: 0
RECEIVE: Final = 13  # read(2) from the sockets: takes up to so many queued packets, does not block; literal: packets

# Kinds of arrivals, with their amount and extra.
PACKETS: Final = 0  # packets, each needs a page GFP_ATOMIC until a task RECEIVEs it; extra: most pages that the sockets queue, the rest is dropped
BURST: Final = 1  # an interrupt allocates so many pages GFP_ATOMIC, one by one; extra: it frees them so many ns later
SERVER_DOWN: Final = 2  # the network server of device ``amount`` (0 swap, 1 file) stops; extra: 0
SERVER_UP: Final = 3  # and is back; extra: 0
SLAB_BURST: Final = 4  # the next caller of shrink_slab() allocates so many pages GFP_KERNEL in its own context, then frees them all; extra: 0
ARRIVAL_KINDS: Final = 5

NEED: Final = (
    PRESENT | ACCESSED,
    PRESENT | ACCESSED | DIRTY,
    PRESENT | REFERENCED | ACTIVE,
    PRESENT | REFERENCED | ACTIVE | DIRTY,
)
PAGE_MASK: Final = 0xFFFFFFFF
HIGHS: Final = 4 << 8  # high halves of touches are below
RIGHT: Final = np.isin(
    np.arange(2 * HIGHS),
    [NEED[READ] | READ << 8 | HIGHS, NEED[WRITE] | WRITE << 8 | HIGHS, NEED[FILE_READ] | FILE_READ << 8, NEED[FILE_WRITE] | FILE_WRITE << 8],
)
BLOCK: Final = 1 << 14  # words
MAX_PAGES: Final = 1 << 31
MAX_SCALE: Final = 1 << 16


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


@dataclass(frozen=True)
class Streams:
    """What all tasks of one run do; immutable, shared by every trial and policy of a replicate.

    Attributes:
        ops: int64[n], the words of all tasks one after the other.
        task_first, task_last: int64[tasks], each task's words are ops[first:last].
        op_ns: int64[tasks], application CPU time that comes with each touch, ns.
        page_attr: uint8[pages], static attributes of each page.
        horizon_ns: the run ends here at the latest, ns.
        arrivals: int64[n, 4], time (ns, ascending), kind, amount, extra.
        page_scale: real pages that one page here stands for.
    """

    ops: NDArray[np.int64]
    task_first: NDArray[np.int64]
    task_last: NDArray[np.int64]
    op_ns: NDArray[np.int64]
    page_attr: NDArray[np.uint8]
    horizon_ns: int
    arrivals: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 4), np.int64))
    page_scale: int = 1

    @property
    def n_tasks(self) -> int:
        return len(self.task_first)

    @property
    def n_pages(self) -> int:
        return len(self.page_attr)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything the run can see of the stream."""
        sha = hashlib.sha256(f"highwater-stream-1 {self.horizon_ns}".encode())
        for array in (self.ops, self.task_first, self.task_last, self.op_ns, self.page_attr):
            sha.update(len(array).to_bytes(8, "little"))
            sha.update(np.ascontiguousarray(array).tobytes())
        if len(self.arrivals):
            sha.update(f"arrivals {len(self.arrivals)}".encode())
            sha.update(np.ascontiguousarray(self.arrivals).tobytes())
        if self.page_scale != 1:
            sha.update(f"page_scale {self.page_scale}".encode())
        return sha.hexdigest()

    @cached_property
    def checked(self) -> bool:
        """True, or the refusal of ``check``; looked at once, by ``Builder.build`` or else by the first run."""
        check(self)
        return True


def encode(code: NDArray[np.int64] | int, page: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Words of single touches of ``page`` by operation ``code`` (READ, WRITE, FILE_READ or FILE_WRITE), one for all or one each."""
    codes = np.asarray(code, np.int64)
    words: NDArray[np.int64] = np.asarray(page, np.int64) | np.asarray(NEED, np.int64)[codes] << 32 | codes << 40
    return words


def operation(code: int, page: NDArray[np.int64] | int, literal: NDArray[np.int64] | int, inner: NDArray[np.int64] | int = 0) -> NDArray[np.int64]:
    """Words of operations with a literal, int64[n, 2]; ``inner`` goes into bits 48..55."""
    word = np.asarray(page, np.int64) | np.int64(NEVER << 32 | code << 40) | np.asarray(inner, np.int64) << 48
    return np.stack(np.broadcast_arrays(np.atleast_1d(word), np.asarray(literal, np.int64)), axis=1)


@dataclass
class Task:
    """The operations of one task, in order; every method returns the task, so calls chain."""

    op_ns: int = 0
    _words: list[NDArray[np.int64]] = field(default_factory=list)
    _length: int = 0

    def touch(self, code: int, pages: NDArray[np.int64] | int) -> Task:
        """Touch ``pages`` one by one in the given order; ``code`` is READ, WRITE, FILE_READ or FILE_WRITE."""
        return self._add(encode(code, np.atleast_1d(np.asarray(pages, np.int64))))

    def touch_mixed(self, codes: NDArray[np.int64], pages: NDArray[np.int64]) -> Task:
        """Touch ``pages[i]`` by operation ``codes[i]``; both int64[n]."""
        return self._add(encode(codes, pages))

    def add(self, words: NDArray[np.int64]) -> Task:
        """Words made by ``encode`` and ``operation``, in order: for whoever makes many at once."""
        return self._add(np.ascontiguousarray(words, np.int64).ravel())

    def run(self, code: int, first: int, pages: int) -> Task:
        """Touch ``pages`` consecutive pages from ``first`` on; two words whatever the length."""
        return self._literal(RUN, first, pages, code)

    def think(self, ns: int) -> Task:
        """Use the CPU for ``ns``."""
        return self._literal(THINK, 0, ns)

    def sleep(self, ns: int) -> Task:
        """Leave the CPU for ``ns``."""
        return self._literal(SLEEP, 0, ns)

    def alloc(self, pages: int, gfp: int) -> Task:
        """Allocate kernel pages of a gfp class (core.gfp) and hold them."""
        return self._literal(ALLOC, 0, pages, gfp)

    def free(self, pages: int) -> Task:
        """Free kernel pages that the task holds."""
        return self._literal(FREE, 0, pages)

    def fsync(self, region: Region) -> Task:
        """Write the dirty pages of a file region and wait until they are on the device."""
        return self._literal(FSYNC, region.first, region.pages)

    def discard(self, region: Region) -> Task:
        """Unmap or truncate a region: its pages are freed, its contents forgotten."""
        return self._literal(DISCARD, region.first, region.pages)

    def receive(self, packets: int) -> Task:
        """Take up to so many packets from the sockets, without waiting for any."""
        return self._literal(RECEIVE, 0, packets)

    def jump(self, target: int = 0) -> Task:
        """Go on at word ``target`` (see ``here``): a loop without an end."""
        return self._literal(JUMP, 0, target)

    def exit(self) -> Task:
        """End the task."""
        return self._literal(EXIT, 0, 0)

    @property
    def here(self) -> int:
        """Index of the next word, the target of a later ``jump``."""
        return self._length

    def _literal(self, code: int, page: int, literal: int, inner: int = 0) -> Task:
        return self._add(np.array([page | NEVER << 32 | code << 40 | inner << 48, literal], np.int64))

    def _add(self, words: NDArray[np.int64]) -> Task:
        self._words.append(words)
        self._length += len(words)
        return self

    def words(self) -> NDArray[np.int64]:
        return np.concatenate(self._words) if self._words else np.empty(0, np.int64)


class Builder:
    """Collects regions, tasks and arrivals and compiles them to Streams.

    Args:
        page_scale: real pages that one page stands for; all sizes here are in pages of the simulation.
    """

    def __init__(self, page_scale: int = 1) -> None:
        self.page_scale = page_scale
        self._regions: list[Region] = []
        self._tasks: list[Task] = []
        self._arrivals: list[NDArray[np.int64]] = []

    def anon(self, pages: int) -> Region:
        """Anonymous memory (swapped, never throttled)."""
        return self._region(pages, ANON | MAPPED)

    def file(self, pages: int, mapped: bool = False, executable: bool = False) -> Region:
        """Page cache of a file: by read(2) and write(2), or mapped, or mapped as program text."""
        return self._region(pages, (MAPPED if mapped or executable else 0) | (EXEC if executable else 0))

    def task(self, op_ns: int = 0) -> Task:
        """A new task; ``op_ns`` is its own CPU time with each touch. It exits at the end of its operations unless they jump."""
        self._tasks.append(Task(op_ns))
        return self._tasks[-1]

    def arrivals(self, kind: int, times_ns: NDArray[np.int64] | int, amounts: NDArray[np.int64] | int, extra: NDArray[np.int64] | int = 0) -> None:
        """Arrivals of one kind (PACKETS ...) at ``times_ns``, in any order; one amount and extra for all, or one each."""
        columns = np.broadcast_arrays(*(np.atleast_1d(np.asarray(column, np.int64)) for column in (times_ns, kind, amounts, extra)))
        self._arrivals.append(np.stack(columns, axis=1))

    def build(self, horizon_ns: int) -> Streams:
        """Compile; raises ValueError for streams that the engine cannot run (see ``check``)."""
        attr = np.concatenate([np.full(r.pages, r.attr, np.uint8) for r in self._regions] or [np.empty(0, np.uint8)])
        attr[[r.first + r.pages - 1 for r in self._regions]] |= END
        words = [task.exit().words() for task in self._tasks]
        last = np.cumsum([len(w) for w in words], dtype=np.int64)
        first = np.concatenate([np.zeros(1, np.int64), last[:-1]])
        arrivals = np.concatenate([np.empty((0, 4), np.int64), *self._arrivals])
        streams = Streams(
            ops=np.concatenate(words) if words else np.empty(0, np.int64),
            task_first=first,
            task_last=last,
            op_ns=np.array([t.op_ns for t in self._tasks], np.int64),
            page_attr=attr,
            horizon_ns=int(horizon_ns),
            arrivals=arrivals[np.argsort(arrivals[:, 0], kind="stable")],
            page_scale=int(self.page_scale),
        )
        _ = streams.checked
        return streams

    def _region(self, pages: int, attr: int) -> Region:
        if pages < 1:
            raise ValueError(f"region pages: {pages}; allowed: >= 1")
        first = sum(r.pages for r in self._regions)
        self._regions.append(Region(first, pages, attr))
        return self._regions[-1]


def check(streams: Streams) -> None:
    """The door of the compiled engine: refuse streams that would read or jump out of bounds.

    Raises:
        ValueError: naming the task, the word and what is allowed.
    """
    if streams.n_tasks < 1:
        raise ValueError("streams: no task; allowed: at least 1")
    if not 1 <= streams.n_pages < MAX_PAGES:
        raise ValueError(f"streams: {streams.n_pages} pages; allowed: 1 to {MAX_PAGES - 1}")
    if streams.horizon_ns < 1:
        raise ValueError(f"streams.horizon_ns: {streams.horizon_ns}; allowed: >= 1")
    if not 1 <= streams.page_scale <= MAX_SCALE:
        raise ValueError(f"streams.page_scale: {streams.page_scale}; allowed: 1 to {MAX_SCALE}")
    is_mapped = streams.page_attr & MAPPED != 0
    mapped = np.concatenate([[0], np.cumsum(is_mapped)])
    touchable = np.where(is_mapped, HIGHS, 0)
    for task in range(streams.n_tasks):
        _check_task(streams, task, mapped, touchable)
    _check_arrivals(streams.arrivals)


def _check_arrivals(arrivals: NDArray[np.int64]) -> None:
    if arrivals.dtype != np.int64 or arrivals.ndim != 2 or arrivals.shape[1] != 4:
        raise ValueError(f"streams.arrivals: {arrivals.dtype}{list(arrivals.shape)}; allowed: int64[n, 4]")
    time, kind, amount, extra = arrivals.T

    def refuse(bad: NDArray[np.bool_], what: str) -> None:
        if bad.any():
            raise ValueError(f"streams: arrival {int(np.flatnonzero(bad)[0])}: {what}")

    refuse((time < 0) | (time >= INFINITY), f"time out of range; allowed: 0 to {INFINITY - 1} ns")
    refuse(np.diff(time, prepend=time[:1]) < 0, "earlier than the one before; allowed: ascending times")
    refuse((kind < 0) | (kind >= ARRIVAL_KINDS), f"unknown kind; allowed: 0 to {ARRIVAL_KINDS - 1}")
    server = (kind == SERVER_DOWN) | (kind == SERVER_UP)
    refuse(server & (amount >> 1 != 0), "no such device; allowed: 0 (swap) and 1 (file)")
    refuse((amount < 0) | (amount >= MAX_PAGES), f"amount out of range; allowed: 0 to {MAX_PAGES - 1}")
    refuse((extra < 0) | (extra >= INFINITY), f"extra out of range; allowed: 0 to {INFINITY - 1}")
    refuse((kind >= SERVER_DOWN) & (extra != 0), "extra must be 0")


def _check_task(streams: Streams, task: int, mapped: NDArray[np.int64], touchable: NDArray[np.int64]) -> None:
    """Refuse what the task may not do; ``mapped`` counts the mapped pages before each page, ``touchable`` is for ``_others``."""
    ops = streams.ops[streams.task_first[task] : streams.task_last[task]]
    starts = _others(ops, touchable)
    if starts is None:
        starts = _starts(ops)
    words = ops[starts]
    code = words >> 40 & 0xFF
    page = words & PAGE_MASK

    def refuse(bad: NDArray[np.bool_], what: str) -> None:
        if bad.any():
            at = int(starts[np.flatnonzero(bad)[0]])
            raise ValueError(f"streams: task {task}, word {at}: {what}")

    refuse((code > RECEIVE) | (words < 0), f"unknown operation; allowed codes: 0 to {RECEIVE}")
    touch = code <= FILE_WRITE
    need = np.asarray(NEED, np.int64)[np.where(touch, code, 0)]
    refuse(touch & ((words >> 32 & 0xFF) != need), "touch does not need the flags of its operation")
    refuse(~touch & ((words >> 32 & 0xFF) != NEVER), "operation with a literal must need NEVER")
    refuse((page >= streams.n_pages), f"page out of range; allowed: 0 to {streams.n_pages - 1}")
    literal = np.where(touch, 0, ops[np.minimum(starts + 1, len(ops) - 1)])
    ranged = (code == RUN) | (code == FSYNC) | (code == DISCARD)
    refuse(ranged & ((literal < 1) | (page + literal > streams.n_pages)), f"range ends after page {streams.n_pages - 1}")
    inner = np.where(code == RUN, words >> 48 & 0xFF, code)
    refuse((code == RUN) & (inner > FILE_WRITE), "a run touches by READ, WRITE, FILE_READ or FILE_WRITE")
    span = np.where(touch, 1, np.where(code == RUN, literal, 0))
    expected = np.where(inner <= WRITE, span, 0)
    refuse(mapped[page + span] - mapped[page] != expected, "READ and WRITE touch mapped pages, FILE_READ and FILE_WRITE others")
    refuse(~touch & (literal < 0), "literal is negative; allowed: >= 0")
    refuse((code == JUMP) & ((literal >= len(ops)) | np.isin(literal, starts[~touch] + 1)), "jump into the middle of an operation or out of the task")
    if len(starts) == 0 or int(code[-1]) not in (EXIT, JUMP):
        raise ValueError(f"streams: task {task}: last operation must be an exit or a jump")


def _others(ops: NDArray[np.int64], touchable: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Indices of the operations that are no touches, if all touches are in order and no literal looks like an operation; None: look at every word.

    Nearly all words are touches, and all that makes one right is one bit of a table: its high half and whether its page is mapped. Thus it takes a few passes,
    each over a block that stays in the cache.
    """
    double = np.flatnonzero(ops & NEVER << 32)
    if len(double) == 0 or double[-1] != len(ops) - 2 or (np.diff(double) == 1).any():
        return None
    for begin in range(0, len(ops), BLOCK):
        block = ops[begin : begin + BLOCK]
        high = block >> 32
        page = block & PAGE_MASK
        first, last = np.searchsorted(double, (begin - 1, begin + len(block)))
        words = np.concatenate([double[first:last], double[first:last] + 1]) - begin
        words = words[(words >= 0) & (words < len(block))]
        high[words] = page[words] = 0
        if high.view(np.uint64).max() >= HIGHS or page.max() >= len(touchable):
            return None
        right = RIGHT[high + touchable[page]]
        right[words] = True
        if not right.all():
            return None
    return double


def _starts(ops: NDArray[np.int64]) -> NDArray[np.int64]:
    """Indices of the words that begin an operation (the others are literals)."""
    double = (ops >> 32 & NEVER) != 0
    if not double.any():
        return np.arange(len(ops))
    # A literal may look like an operation: walk the candidates in order, they are few beside the touches.
    literal = np.zeros(len(ops), bool)
    for index in np.flatnonzero(double):
        if not literal[index]:
            if index + 1 >= len(ops):
                raise ValueError(f"streams: word {index}: the operation's literal is cut off")
            literal[index + 1] = True
    return np.flatnonzero(~literal)
