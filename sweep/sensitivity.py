"""Sensitivity: which axis decides, with runs out of memory as data like any other.

The measure of a cell is its net chance of winning: over pairs of replicates, +1 where only the baseline ran out of memory or the challenger is faster beyond
the tie margin, -1 the other way round, 0 otherwise. A death is the worst result of a pair, not a missing number. The variance of this measure over the
grid is split among the axes exactly, since the grid is complete (functional analysis of variance: Sobol', "Global sensitivity indices for nonlinear
mathematical models", Mathematics and Computers in Simulation 55, 2001).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log1p
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sweep.arms import Pair
from sweep.verdict import TIE_MARGIN

_FLAT: Final = 1e-12  # variance below this is none


@dataclass(frozen=True)
class Share:
    """What an axis does to the measure.

    Attributes:
        alone: share of the variance that the axis explains by itself, in [0, 1].
        total: the same with all its interactions, in [0, 1]; the totals of all axes may sum to more than 1.
    """

    alone: float
    total: float


def net_wins(pairs: Sequence[Pair]) -> float:
    """Net chance that the first of the two does better on a pair of replicates, in [-1, 1]; NaN without pairs."""
    return sum(map(_won, pairs)) / len(pairs) if pairs else float("nan")


def _won(pair: Pair) -> int:
    if pair.oom[0] != pair.oom[1]:
        return 1 if pair.oom[1] else -1
    first, second = pair.throughput
    if pair.oom[0] or min(first, second) <= 0:
        return 0
    ratio = np.log(first / second)
    return int(np.sign(ratio)) if abs(ratio) > log1p(TIE_MARGIN) else 0


def shares(table: NDArray[np.float64]) -> tuple[Share, ...] | None:
    """The share of each axis of ``table``, a complete grid of one measure.

    Args:
        table: float64[values of axis 0, values of axis 1, ...].

    Returns:
        One share per axis; None if a cell is missing (NaN) or nothing differs.
    """
    if not np.isfinite(table).all() or table.var() < _FLAT:
        return None
    total = table.var()
    found = []
    for axis in range(table.ndim):
        others = tuple(i for i in range(table.ndim) if i != axis)
        alone = table.mean(axis=others).var() / total
        # What is left of the variance when the axis is averaged out is what the other axes explain without it.
        without = table.mean(axis=axis).var() / total
        found.append(Share(float(alone), max(float(1 - without), 0.0)))
    return tuple(found)
