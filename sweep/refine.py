"""Refinement: where a map should look next, so that cells are spent along the boundary and not on what is clear.

Judged cells are points of a plane (or a space), one unit apart along each axis as they are drawn. Delaunay's triangulation says which are neighbours; where
two neighbours have different findings a boundary runs between them, and the longest such gap is the one that it is known worst in. Its middle is the next cell.
The same triangulation, read linearly, says what the map shows between its cells.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import Delaunay

_CLOSE: Final = 1e-9


@dataclass(frozen=True)
class Gap:
    """Two neighbours with different findings.

    Attributes:
        ends: their indices.
        length: distance, in steps of the grid.
    """

    ends: tuple[int, int]
    length: float


def gaps(points: NDArray[np.float64], findings: Sequence[str]) -> tuple[Gap, ...]:
    """Neighbours that differ, the longest first, then in the order of the points.

    Args:
        points: float64[cells, axes], in steps of the grid.
        findings: one for each.
    """
    found = {pair: float(np.linalg.norm(points[pair[0]] - points[pair[1]])) for pair in _neighbours(points) if findings[pair[0]] != findings[pair[1]]}
    return tuple(Gap(pair, length) for pair, length in sorted(found.items(), key=lambda item: (-round(item[1], 9), item[0])))


def _neighbours(points: NDArray[np.float64]) -> set[tuple[int, int]]:
    """Every edge of the triangulation; along a single axis, every two that follow one another."""
    if points.shape[1] == 1:
        order = np.argsort(points[:, 0], kind="stable")
        return {(min(a, b), max(a, b)) for a, b in itertools.pairwise(map(int, order))}
    simplices = Delaunay(points, qhull_options="Qbb Qc Qz Q12").simplices
    return {(int(min(a, b)), int(max(a, b))) for simplex in simplices for a, b in itertools.combinations(simplex, 2)}


def next_points(points: NDArray[np.float64], findings: Sequence[str], count: int, finest: float) -> NDArray[np.float64]:
    """Where to look next.

    Args:
        points: float64[cells, axes], in steps of the grid.
        findings: one for each.
        count: at most so many.
        finest: gaps that are not longer are left, in steps of the grid; new points lie on multiples of half of it.

    Returns:
        float64[up to count, axes]; empty when no boundary is left to refine.
    """
    taken = [*points]
    chosen: list[NDArray[np.float64]] = []
    for gap in gaps(points, findings):
        if len(chosen) == count or gap.length <= finest + _CLOSE:
            break
        middle = np.round((points[gap.ends[0]] + points[gap.ends[1]]) / finest) * finest / 2
        # In one batch nothing is known yet of the points beside: keep away from them by half of the gap.
        apart = min(float(np.linalg.norm(middle - other)) for other in chosen) if chosen else np.inf
        if apart < gap.length / 2 - _CLOSE or min(float(np.linalg.norm(middle - other)) for other in taken) < finest / 2 - _CLOSE:
            continue
        chosen.append(middle)
    return np.array(chosen).reshape(len(chosen), points.shape[1])


def between(points: NDArray[np.float64], findings: Sequence[str], where: NDArray[np.float64]) -> list[str]:
    """What the map shows at ``where``: the finding with the greatest linear share, the nearest cell's outside of the cells.

    Args:
        points: float64[cells, axes], in steps of the grid.
        findings: one for each.
        where: float64[places, axes].
    """
    kinds = sorted(set(findings))
    marks = np.array([[finding == kind for kind in kinds] for finding in findings], float)
    if points.shape[1] == 1:
        order = np.argsort(points[:, 0], kind="stable")
        read = np.stack([np.interp(where[:, 0], points[order, 0], marks[order, k]) for k in range(len(kinds))], axis=1)
    else:
        read = LinearNDInterpolator(points, marks)(where)
    outside = np.isnan(read).any(axis=1)
    for i in np.flatnonzero(outside):
        read[i] = marks[np.linalg.norm(points - where[i], axis=1).argmin()]
    return [kinds[k] for k in read.argmax(axis=1)]
