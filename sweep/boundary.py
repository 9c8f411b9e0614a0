"""Boundary: a map in one sentence, as boxes over the axes: "loses when anon_share >= 0.8 and w_alloc_milli >= 1000".

Scenario discovery asks the same of any model: boxes of high coverage (share of the interesting cases inside) and high density (share of the inside that
is interesting), read by people (Friedman and Fisher, "Bump hunting in high-dimensional data", Statistics and Computing 9, 1999; Bryant and Lempert,
"Thinking inside the box", Technological Forecasting and Social Change 77, 2010). Their search peels and pastes, because it cannot look at every box; the
axes of a sweep have few values, so here every box is looked at: summed-area tables give the counts of all of them at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sweep.intervals import Rate, rate

PURE: Final = 0.9  # a box worth a sentence: at least this share of its decided cells is as the sentence says
ENOUGH: Final = 0.9  # boxes are added until they hold this share of the cells in question
MAX_BOXES: Final = 3
MAX_CANDIDATES: Final = 20_000_000
_COST: Final = 0.02  # share of the cells in question that a further limit in the sentence has to earn


@dataclass(frozen=True)
class Limit:
    """What one axis must be, as positions in its ascending values.

    Attributes:
        axis: which axis.
        low: first position inside.
        high: last position inside.
    """

    axis: int
    low: int
    high: int


@dataclass(frozen=True)
class Box:
    """A part of the grid, with how well it tells the cells in question from the others.

    Attributes:
        limits: one for each axis that matters, others are free.
        density: cells in question among the decided cells inside, with its exact interval.
        coverage: cells in question inside among all of them.
        undecided: cells inside that nobody knows.
    """

    limits: tuple[Limit, ...]
    density: Rate
    coverage: Rate
    undecided: int


@dataclass(frozen=True)
class Boundary:
    """Boxes that hold the cells in question, the largest first.

    Attributes:
        boxes: each adds cells that those before it do not hold.
        total: cells in question.
        held: cells in question in any of the boxes.
        decided: cells of the grid that are decided.
    """

    boxes: tuple[Box, ...]
    total: int
    held: int
    decided: int


def boundary(positions: NDArray[np.int64], sizes: Sequence[int], ordered: Sequence[bool], inside: NDArray[np.bool_], known: NDArray[np.bool_]) -> Boundary:
    """Boxes that hold the cells in question and few others.

    Args:
        positions: int64[cells, axes], where each cell lies along each axis.
        sizes: number of values of each axis.
        ordered: False for an axis of names: a box takes one of them, or all.
        inside: bool[cells], the cells in question.
        known: bool[cells], False: undecided, counts for nothing.
    """
    inside = inside & known
    boxes: list[Box] = []
    left = inside.copy()
    while left.any() and len(boxes) < MAX_BOXES and inside.sum() - left.sum() < ENOUGH * inside.sum():
        box = _best(positions, sizes, ordered, left, inside, known)
        if box is None:
            break
        boxes.append(box)
        left &= ~members(box, positions)
    return Boundary(tuple(boxes), int(inside.sum()), int(inside.sum() - left.sum()), int(known.sum()))


def members(box: Box, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """bool[cells]: which cells lie in the box."""
    held = np.ones(len(positions), bool)
    for limit in box.limits:
        held &= (positions[:, limit.axis] >= limit.low) & (positions[:, limit.axis] <= limit.high)
    return held


def _best(
    positions: NDArray[np.int64],
    sizes: Sequence[int],
    ordered: Sequence[bool],
    left: NDArray[np.bool_],
    inside: NDArray[np.bool_],
    known: NDArray[np.bool_],
) -> Box | None:
    """The box that holds most of ``left`` while pure; fewer limits, then wider ones, among equals. None: no box is pure."""
    ranges = [_ranges(size, order) for size, order in zip(sizes, ordered, strict=True)]
    if np.prod([float(len(low)) for low, _ in ranges]) > MAX_CANDIDATES:
        raise ValueError(f"axes with {' x '.join(map(str, sizes))} values; allowed: fewer, so that there are at most {MAX_CANDIDATES:,} boxes")
    new, hits, decided = (_counts(positions[chosen], sizes, ranges) for chosen in (left, inside, known))
    limits, widths = _shape(sizes, ranges)
    score = np.where((new > 0) & (hits >= PURE * decided), new - _COST * inside.sum() * limits, -np.inf)
    best = score.max(initial=-np.inf)
    if best <= 0:
        return None
    ties = np.flatnonzero(score.ravel() >= best - 1e-9)
    chosen = ties[np.lexsort((-widths.ravel()[ties], decided.ravel()[ties] - hits.ravel()[ties], limits.ravel()[ties]))[0]]
    place = np.unravel_index(chosen, score.shape)
    found = tuple(
        Limit(axis, int(low[i]), int(high[i]))
        for axis, (i, (low, high), size) in enumerate(zip(place, ranges, sizes, strict=True))
        if (low[i], high[i]) != (0, size - 1)
    )
    n_hits, n_decided = int(hits[place]), int(decided[place])
    box = Box(found, rate(n_hits, n_decided), rate(n_hits, int(inside.sum())), 0)
    unknown = int((members(box, positions) & ~known).sum())
    return Box(box.limits, box.density, box.coverage, unknown)


def _ranges(size: int, ordered: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last position of every range along an axis."""
    low, high = np.triu_indices(size)
    if not ordered:
        kept = (low == high) | ((low == 0) & (high == size - 1))
        low, high = low[kept], high[kept]
    return low.astype(np.int64), high.astype(np.int64)


def _counts(positions: NDArray[np.int64], sizes: Sequence[int], ranges: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> NDArray[np.int64]:
    """int64[ranges of axis 0, ranges of axis 1, ...]: how many of the cells lie in each box."""
    table = np.zeros(tuple(sizes), np.int64)
    np.add.at(table, tuple(positions.T), 1)
    for axis, (low, high) in enumerate(ranges):
        summed = np.insert(np.cumsum(table, axis=axis), 0, 0, axis=axis)
        table = np.take(summed, high + 1, axis=axis) - np.take(summed, low, axis=axis)
    return table


def _shape(sizes: Sequence[int], ranges: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """How many ends each box cuts off, and its share of the grid."""
    shape = tuple(len(low) for low, _ in ranges)
    limits, width = np.zeros(shape, np.int64), np.ones(shape)
    for axis, ((low, high), size) in enumerate(zip(ranges, sizes, strict=True)):
        view = [1] * len(shape)
        view[axis] = -1
        limits = limits + ((low > 0).astype(np.int64) + (high < size - 1)).reshape(view)
        width = width * ((high - low + 1) / size).reshape(view)
    return limits, width
