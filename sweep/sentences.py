"""Sentences: what a map says, in words that can be quoted, with the numbers that they rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sweep.arms import AT_TITLES, Arm, At, pairs
from sweep.boundary import Boundary, Box, Limit, boundary
from sweep.cells import REFINED
from sweep.config import are_numbers
from sweep.intervals import Rate
from sweep.sensitivity import Share, net_wins, shares
from sweep.verdict import Finding, Verdict

if TYPE_CHECKING:
    from sweep.results import Results

_VERBS: Final[Mapping[Finding, tuple[str, str]]] = {"win": ("wins", "wins"), "loss": ("loses", "losses")}


@dataclass(frozen=True)
class Grid:
    """The cells of a sweep's grid and where each lies.

    Attributes:
        names: of the axes that have more than one value, as in the sweep file.
        values: of each axis, ascending if they are numbers.
        cells: index of every cell of the grid.
        positions: int64[cells, axes].
        refined: index of every cell between those of the grid.
        where: float64[cells then refined, axes], coordinates: one step a value, read linearly between.
    """

    names: tuple[str, ...]
    values: tuple[tuple[object, ...], ...]
    cells: tuple[int, ...]
    positions: NDArray[np.int64]
    refined: tuple[int, ...]
    where: NDArray[np.float64]

    @property
    def ordered(self) -> tuple[bool, ...]:
        """Which axes are numbers."""
        return tuple(are_numbers(values) for values in self.values)

    def table(self, measure: Mapping[int, float]) -> NDArray[np.float64]:
        """float64[values of axis 0, ...]: the measure of each cell, NaN where there is none."""
        found = np.full(tuple(len(values) for values in self.values), np.nan)
        for cell, place in zip(self.cells, self.positions, strict=True):
            found[tuple(place)] = measure.get(cell, np.nan)
        return found


def grid(results: Results) -> Grid:
    """The grid of a sweep; named points have no place in it."""
    axes = [axis for axis in results.config.get("axes") or () if len(axis["values"]) > 1]
    values = tuple(_ascending(axis["values"]) for axis in axes)
    keys = [{value_key(value): i for i, value in enumerate(along)} for along in values]
    frame = results.cells.reset_index()
    rows, between = (frame[frame["kind"] == kind].to_dict("records") if axes else [] for kind in ("grid", REFINED))
    names = tuple(str(axis["name"]) for axis in axes)
    positions = [[key[value_key(row[name])] for name, key in zip(names, keys, strict=True)] for row in rows]
    where = positions + [[_coordinate(row[name], along) for name, along in zip(names, values, strict=True)] for row in between]
    return Grid(
        names,
        values,
        tuple(int(row["cell"]) for row in rows),
        np.array(positions, np.int64).reshape(len(rows), len(axes)),
        tuple(int(row["cell"]) for row in between),
        np.array(where, float).reshape(len(where), len(axes)),
    )


def _coordinate(value: object, along: Sequence[object]) -> float:
    """Where a value lies among those of its axis: between two numbers, or at a name."""
    if not are_numbers(along):
        return float([value_key(other) for other in along].index(value_key(value)))
    return float(np.interp(float(str(value)), [float(str(other)) for other in along], range(len(along))))


def _ascending(values: Sequence[object]) -> tuple[object, ...]:
    return tuple(sorted(values, key=lambda value: float(str(value)))) if are_numbers(values) else tuple(values)


def value_key(value: object) -> str:
    """Text by which a value of the sweep file is found in the table, where 1000 may have become 1000.0."""
    try:
        return f"{float(str(value)):.12g}"
    except ValueError:
        return str(value)


def sentences(grid: Grid, verdicts: Mapping[int, Verdict]) -> tuple[str, ...]:
    """Where the challenger wins and where it loses, one sentence each, for the verdicts of one map; empty for a sweep without a grid."""
    if not grid.cells:
        return ()
    known = np.array([verdicts[cell].decided for cell in grid.cells])
    if not known.any():
        return ("No cell of the grid is decided yet.",)
    found = []
    for finding in ("win", "loss"):
        inside = np.array([verdicts[cell].finding == finding for cell in grid.cells])
        edge = boundary(grid.positions, [len(values) for values in grid.values], grid.ordered, inside, known)
        found.append(_sentence(grid, edge, verdicts, finding))
    return tuple(found)


def _sentence(grid: Grid, edge: Boundary, verdicts: Mapping[int, Verdict], finding: Finding) -> str:
    verb, plural = _VERBS[finding]
    head = verdicts[grid.cells[0]]
    who = f"With {AT_TITLES[head.at]}, {head.challenger} {verb} against {head.baseline}"
    if not edge.total:
        return f"{who} in none of the {edge.decided} decided cells of the grid."
    if not edge.boxes:
        return f"{who} in {edge.total} of {edge.decided} decided cells of the grid, and no box over its axes tells them from the others."
    first = edge.boxes[0]
    if not first.limits:
        return f"{who} everywhere: in {edge.total} of {edge.decided} decided cells of the grid."
    clauses = [_box(grid, box, plural, verdicts, finding) for box in edge.boxes]
    return f"{who} when {'; or when '.join(clauses)}. Together these hold {edge.held} of the {edge.total} {plural}."


def _box(grid: Grid, box: Box, plural: str, verdicts: Mapping[int, Verdict], finding: Finding) -> str:
    limits = " and ".join(_limit(grid, box, limit, verdicts, finding) for limit in box.limits)
    unknown = f", {box.undecided} more are undecided" if box.undecided else ""
    return f"{limits} ({box.coverage} of the {plural}; {_percent(box.density)} of the {box.density.n} decided cells there{unknown})"


def _limit(grid: Grid, box: Box, limit: Limit, verdicts: Mapping[int, Verdict], finding: Finding) -> str:
    """What an axis must be; the boundary lies between two values that were tried, so both are named."""
    name, values = grid.names[limit.axis], grid.values[limit.axis]
    if limit.low == limit.high or not are_numbers(values):
        return f"{name} = {values[limit.low]}"
    below, low = _edge(grid, box, limit, verdicts, finding, upward=True) if limit.low > 0 else (None, None)
    above, high = _edge(grid, box, limit, verdicts, finding, upward=False) if limit.high < len(values) - 1 else (None, None)
    if below is None:
        return f"{name} ≤ {high} (tried next: {above})"
    if above is None:
        return f"{name} ≥ {low} (tried next: {below})"
    return f"{name} from {low} to {high} (tried next: {below}, {above})"


def _edge(grid: Grid, box: Box, limit: Limit, verdicts: Mapping[int, Verdict], finding: Finding, *, upward: bool) -> tuple[object, object]:
    """The last value outside and the first inside one end of a limit; refined cells within the other limits draw the two together."""
    values = grid.values[limit.axis]
    end = limit.low if upward else limit.high
    outer = end - 1 if upward else end + 1
    between = _between(grid, box, limit, (min(end, outer), max(end, outer)))
    seen = sorted(((where, verdicts[cell].finding == finding) for where, cell in between if verdicts[cell].decided), reverse=not upward)
    # From outside to inside: the split that sorts most of them rightly, between two coordinates that differ.
    splits = [k for k in range(len(seen) + 1) if k in (0, len(seen)) or seen[k - 1][0] != seen[k][0]]
    best = max(splits, key=lambda k: sum(not hit for _, hit in seen[:k]) + sum(hit for _, hit in seen[k:]))
    outside = values[outer] if best == 0 else _value(values, seen[best - 1][0])
    inside = values[end] if best == len(seen) else _value(values, seen[best][0])
    return outside, inside


def _between(grid: Grid, box: Box, limit: Limit, span: tuple[int, int]) -> list[tuple[float, int]]:
    """Coordinate and index of the refined cells between two neighbours of an axis, within the other limits of the box."""
    others = [other for other in box.limits if other.axis != limit.axis]
    found = []
    for cell, where in zip(grid.refined, grid.where[len(grid.cells) :], strict=True):
        inside = all(other.low <= where[other.axis] <= other.high for other in others)
        if inside and span[0] < where[limit.axis] < span[1]:
            found.append((float(where[limit.axis]), cell))
    return found


def _value(values: Sequence[object], coordinate: float) -> str:
    """The value at a coordinate of an axis of numbers."""
    return f"{np.interp(coordinate, range(len(values)), [float(str(value)) for value in values]):.4g}"


def _percent(rate: Rate) -> str:
    return f"{100 * rate.value:.0f} % [{100 * rate.low:.0f}, {100 * rate.high:.0f}]"


@dataclass(frozen=True)
class Weight:
    """How much an axis decides between two policies."""

    axis: str
    share: Share


def weights(grid: Grid, arms: Mapping[tuple[int, str], Arm], challenger: str, baseline: str) -> tuple[Weight, ...]:
    """The axes by how much they decide, the heaviest first; empty if the grid has holes or no axis makes a difference."""
    measure = {cell: net_wins(pairs(arms.get((cell, challenger)), arms.get((cell, baseline)))) for cell in grid.cells}
    found = shares(grid.table(measure)) if grid.names else None
    return tuple(sorted((Weight(name, share) for name, share in zip(grid.names, found or (), strict=bool(found))), key=lambda w: -w.share.total))


def weight_sentence(found: Sequence[Weight], at: At) -> str:
    """Which axis matters how much, in one sentence; empty if none was weighed."""
    if not found:
        return ""
    words = "; ".join(f"{weight.axis} {100 * weight.share.total:.0f} % ({100 * weight.share.alone:.0f} % alone)" for weight in found)
    return f"With {AT_TITLES[at]}, of the variance of the net chance to win over the grid: {words}."
