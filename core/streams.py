"""Streams: every operation of every task of a run, compiled before the run starts. They carry all randomness."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.arrivals import check_arrivals
from core.operations import FILE_READ, MAX_PAGES
from core.region import MAPPED
from core.verifier import HIGHS, check_task

MAX_SCALE: Final = 1 << 16


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
    def reads_files(self) -> tuple[bool, ...]:
        """For each task, whether it may touch by FILE_READ outside of runs; looked at once, for the words are as many as the touches."""
        if np.all(self.page_attr & MAPPED):
            return (False,) * self.n_tasks  # the verifier lets FILE_READ touch no mapped page
        return tuple(bool(np.any(self.ops[first:last] >> 40 & 0xFF == FILE_READ)) for first, last in zip(self.task_first, self.task_last, strict=True))

    @cached_property
    def checked(self) -> bool:
        """True, or the refusal of ``check``; looked at once, by ``Builder.build`` or else by the first run."""
        check(self)
        return True


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
        check_task(task, streams.ops[streams.task_first[task] : streams.task_last[task]], mapped, touchable)
    check_arrivals(streams.arrivals)
