"""The verifier: no operation of a task may read or jump out of bounds in the compiled engine."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.operations import DISCARD, EXIT, FILE_READ, FILE_WRITE, FSYNC, JUMP, NEED, PAGE_MASK, READ, RECEIVE, RUN, WRITE
from core.page import NEVER

HIGHS: Final = 4 << 8  # high halves of touches are below
RIGHT: Final = np.isin(
    np.arange(2 * HIGHS),
    [NEED[READ] | READ << 8 | HIGHS, NEED[WRITE] | WRITE << 8 | HIGHS, NEED[FILE_READ] | FILE_READ << 8, NEED[FILE_WRITE] | FILE_WRITE << 8],
)
BLOCK: Final = 1 << 14  # words


def check_task(task: int, ops: NDArray[np.int64], mapped: NDArray[np.int64], touchable: NDArray[np.int64]) -> None:
    """Refuse what the task may not do.

    Args:
        task: its number, for the message.
        ops: its words.
        mapped: int64[pages + 1], how many mapped pages lie before each page.
        touchable: int64[pages], HIGHS for a mapped page, else 0.

    Raises:
        ValueError: naming the task, the word and what is allowed.
    """
    n_pages = len(touchable)
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
    refuse((page >= n_pages), f"page out of range; allowed: 0 to {n_pages - 1}")
    literal = np.where(touch, 0, ops[np.minimum(starts + 1, len(ops) - 1)])
    ranged = (code == RUN) | (code == FSYNC) | (code == DISCARD)
    refuse(ranged & ((literal < 1) | (page + literal > n_pages)), f"range ends after page {n_pages - 1}")
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
