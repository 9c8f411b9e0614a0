"""Read streams back: what a task touches, and the literals of its other operations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core import Streams
from core.operations import RUN


def pages(streams: Streams, mask: int, value: int) -> int:
    """How many pages have ``value`` in the attributes ``mask``."""
    return int((streams.page_attr & mask == value).sum())


def operations(streams: Streams, task: int) -> list[tuple[int, int, int, int]]:
    """Code, page, literal (1 for a touch) and bits 48..55 of each operation of a task."""
    words = streams.ops[streams.task_first[task] : streams.task_last[task]].tolist()
    found = []
    at = 0
    while at < len(words):
        code = words[at] >> 40 & 255
        found.append((code, words[at] & 0xFFFFFFFF, words[at + 1] if code >= RUN else 1, words[at] >> 48 & 255))
        at += 2 if code >= RUN else 1
    return found


def touched(streams: Streams, task: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Codes and pages of a task's touches in order, runs written out."""
    codes: list[int] = []
    where: list[int] = []
    for code, page, literal, inner in operations(streams, task):
        if code <= RUN:
            codes += [inner if code == RUN else code] * literal
            where += range(page, page + literal)
    return np.array(codes, np.int64), np.array(where, np.int64)


def literals(streams: Streams, task: int, code: int) -> list[int]:
    """The literals of all operations ``code`` of a task, in order."""
    return [literal for found, _, literal, _ in operations(streams, task) if found == code]
