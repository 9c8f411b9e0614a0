"""Refining a sweep: its verdicts so far to the cells that it should have next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sweep.config import Scalar, Sweep, are_numbers
from sweep.refine import Gap, gaps, next_points
from sweep.sentences import Grid, grid, value_key
from sweep.verdict import Verdict, verdicts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sweep.results import Results

Place = tuple[tuple[str, Scalar], ...]


def next_places(sweep: Sweep, results: Results) -> tuple[Place, ...]:
    """The values of all axes of the next batch of cells; empty if the budget is spent or no boundary is left to refine.

    An axis of names makes a map of each name, and the maps share the budget by their longest gaps.
    """
    refine, compare = sweep.refine, sweep.compare
    if refine is None or compare is None:
        return ()
    laid = grid(results)
    found = {verdict.cell: verdict for verdict in verdicts(results, compare.challenger, compare.baseline, refine.at)}
    left = min(refine.batch, refine.cells - len(laid.refined))
    wanted: list[tuple[float, Place]] = []
    for cells in _planes(laid).values():
        wanted += _of_plane(sweep, laid, found, cells, left)
    places = [place for _, place in sorted(wanted, key=lambda pair: -pair[0])]
    return tuple(dict.fromkeys(places))[: max(left, 0)]


def _planes(laid: Grid) -> dict[tuple[float, ...], list[int]]:
    """Rows of ``laid.where`` that share their names."""
    names = [axis for axis, ordered in enumerate(laid.ordered) if not ordered]
    found: dict[tuple[float, ...], list[int]] = {}
    for row, where in enumerate(laid.where):
        found.setdefault(tuple(float(where[axis]) for axis in names), []).append(row)
    return found


def _of_plane(sweep: Sweep, laid: Grid, found: Mapping[int, Verdict], rows: list[int], count: int) -> list[tuple[float, Place]]:
    """Places of one map with the length of the gaps that they halve."""
    assert sweep.refine is not None
    numbers = [axis for axis, ordered in enumerate(laid.ordered) if ordered]
    everywhere = laid.cells + laid.refined
    points = laid.where[np.ix_(rows, numbers)]
    findings = [found[everywhere[row]].finding for row in rows]
    known = {_key(place) for place in (_place(sweep, laid, laid.where[row]) for row in range(len(everywhere)))}
    wanted = []
    for point in next_points(points, findings, max(count, 0), sweep.refine.finest):
        where = laid.where[rows[0]].copy()
        where[numbers] = point
        place = _place(sweep, laid, where)
        if _key(place) not in known:  # between two whole numbers there may be none
            wanted.append((_gap(points, findings, point), place))
    return wanted


def _gap(points: NDArray[np.float64], findings: Sequence[str], point: NDArray[np.float64]) -> float:
    """Length of the gap whose middle lies nearest to a point."""

    def off(gap: Gap) -> float:
        return float(np.linalg.norm((points[gap.ends[0]] + points[gap.ends[1]]) / 2 - point))

    return min(gaps(points, findings), key=off).length


def _place(sweep: Sweep, laid: Grid, where: NDArray[np.float64]) -> Place:
    """The value of every axis at a coordinate; whole numbers where the axis has only those."""
    at = dict(zip(laid.names, where, strict=True))
    place: list[tuple[str, Scalar]] = []
    for axis in sweep.axes:
        if axis.name not in at:
            place.append((axis.name, axis.values[0]))
            continue
        values = laid.values[laid.names.index(axis.name)]
        if not are_numbers(values):
            place.append((axis.name, axis.values[round(float(at[axis.name]))]))
            continue
        value = float(np.interp(at[axis.name], range(len(values)), [float(str(one)) for one in values]))
        whole = all(isinstance(one, int) for one in values)
        place.append((axis.name, round(value) if whole else float(f"{value:.6g}")))
    return tuple(place)


def _key(place: Place) -> tuple[str, ...]:
    return tuple(value_key(value) for _, value in place)
