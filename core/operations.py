"""Operations: what a task does, as the words that the engine reads.

The engine walks a task with one load, one ``and`` and one compare a touch, so an operation is one int64 word:

    bits  0..31   page (index into the run's pages), or 0
    bits 32..39   the page flags this touch needs; what is missing sends the engine to the slow path (a fault, a first dirtying ...)
    bits 40..47   operation code
    bits 48..55   for RUN: the operation code of its touches; for ALLOC: gfp flags

Operations other than single touches carry a second word, the literal (count, ns or target).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.page import ACCESSED, ACTIVE, DIRTY, NEVER, PRESENT, REFERENCED

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

NEED: Final = (
    PRESENT | ACCESSED,
    PRESENT | ACCESSED | DIRTY,
    PRESENT | REFERENCED | ACTIVE,
    PRESENT | REFERENCED | ACTIVE | DIRTY,
)
PAGE_MASK: Final = 0xFFFFFFFF
MAX_PAGES: Final = 1 << 31


def encode(code: NDArray[np.int64] | int, page: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Words of single touches of ``page`` by operation ``code`` (READ, WRITE, FILE_READ or FILE_WRITE), one for all or one each."""
    codes = np.asarray(code, np.int64)
    words: NDArray[np.int64] = np.asarray(page, np.int64) | np.asarray(NEED, np.int64)[codes] << 32 | codes << 40
    return words


def operation(code: int, page: NDArray[np.int64] | int, literal: NDArray[np.int64] | int, inner: NDArray[np.int64] | int = 0) -> NDArray[np.int64]:
    """Words of operations with a literal, int64[n, 2]; ``inner`` goes into bits 48..55."""
    word = np.asarray(page, np.int64) | np.int64(NEVER << 32 | code << 40) | np.asarray(inner, np.int64) << 48
    return np.stack(np.broadcast_arrays(np.atleast_1d(word), np.asarray(literal, np.int64)), axis=1)
