"""The builder: regions, tasks and arrivals in words that people write, compiled to Streams."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.operations import ALLOC, DISCARD, EXIT, FREE, FSYNC, JUMP, RECEIVE, RUN, SLEEP, THINK, encode
from core.page import NEVER
from core.region import ANON, END, EXEC, MAPPED, Region
from core.streams import Streams


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
