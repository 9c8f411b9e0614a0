"""Telling cells: which cells of a map a report explains, and the time lines of each as the report shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from sweep.arms import AT_TITLES, At
from sweep.cliffs import dies
from sweep.errors import HighwaterError
from sweep.marks import FINDING_MARKS, finding_words
from sweep.verdict import Finding, Verdict

if TYPE_CHECKING:
    from sweep.maps import Map
    from sweep.results import Results
    from sweep.sentences import Grid

MOST: Final = 40  # cells explained unless asked for more; the boundary and the extremes always are
_CLOSE: Final = 1e-9

Key = tuple[At, int]  # tuned or default, and the cell


@dataclass(frozen=True)
class Panel:
    """One policy's run in a report: what it is, how it ended, its picture as SVG, and what there was at the end."""

    policy: str
    words: str
    ending: str
    drawing: str
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """One cell of a report explained.

    Attributes:
        id: identifier in the page.
        title: the cell and the policies.
        finding, symbol, evidence: its verdict.
        sides: the best policy first.
        command: that says the same in a terminal.
    """

    id: str
    title: str
    finding: Finding
    symbol: str
    evidence: str
    sides: tuple[Panel, ...]
    command: str


def order(drawn: Map) -> tuple[list[Key], int]:
    """All cells, the most telling ones first, and how many of them a report must have.

    First the largest win and the largest loss with each policy at its tuned best, then every two neighbours between which one of the two policies starts to run
    out of memory; the other cells; and the same at kernel defaults.
    """
    tuned, default = drawn.verdicts["tuned"], drawn.verdicts["default"]
    first = [*_largest(tuned), *boundary_cells(drawn.grid, tuned)]
    must = list(dict.fromkeys(("tuned", cell) for cell in first))
    rest: list[Key] = [("tuned", cell) for cell in tuned]
    rest += [("default", cell) for cell in (*_largest(default), *boundary_cells(drawn.grid, default), *default)]
    return list(dict.fromkeys([*must, *rest])), len(must)  # type: ignore[list-item]


def _largest(verdicts: Mapping[int, Verdict]) -> list[int]:
    """The largest win and the largest loss: by OOM rates, then by throughput."""

    def size(verdict: Verdict) -> tuple[float, float]:
        deaths = abs(verdict.oom[0].value - verdict.oom[1].value) if verdict.n else 0.0
        return deaths, abs(np.log1p(verdict.effect.value)) if verdict.effect else 0.0

    found = ([v for v in verdicts.values() if v.finding == finding] for finding in ("win", "loss"))
    return [max(some, key=size).cell for some in found if some]


def boundary_cells(grid: Grid, verdicts: Mapping[int, Verdict]) -> list[int]:
    """Cells of every pair of neighbours, a step of the grid apart or less, between which the OOM rate of either policy passes one half."""
    everywhere = grid.cells + grid.refined
    apart = np.linalg.norm(grid.where[:, None, :] - grid.where[None, :, :], axis=2)
    found = []
    for i, j in np.argwhere(np.triu(apart <= 1 + _CLOSE, 1)).tolist():
        first, second = verdicts[everywhere[i]], verdicts[everywhere[j]]
        if any(None not in (states := (dies(first, side), dies(second, side))) and states[0] != states[1] for side in range(2)):
            found += [everywhere[i], everywhere[j]]
    return list(dict.fromkeys(found))


def tell(results: Results, drawn: Map, most: int = MOST, room: int = 10_000_000, tick: Callable[[str], None] = lambda _: None) -> tuple[dict[Key, Told], str]:
    """Simulate the most telling cells again and draw them.

    Args:
        results: the sweep.
        drawn: its map.
        most: how many cells, if the largest win and loss and the boundary are not more already; 0: none.
        room: bytes that they may take.
        tick: is told what is being done.

    Returns:
        What was told, by cell, and a sentence about what is left out (empty: nothing is).
    """
    keys, must = order(drawn)
    if not most:
        return {}, ""
    found: dict[Key, Told] = {}
    taken = 0
    for at, cell in keys[: max(most, must)]:
        if not drawn.verdicts[at][cell].n:
            continue
        tick(f"why, cell {cell}, {AT_TITLES[at]}")
        try:
            told = _told(results, drawn, at, cell)
        except HighwaterError as error:
            return found, f"No further time lines: {error}"
        taken += sum(len(side.drawing) for side in told.sides)
        if taken > room:
            break
        found[at, cell] = told
    left = sum(1 for at, cell in keys if (at, cell) not in found and drawn.verdicts[at][cell].n)
    return found, f"Cells without time lines here, tuned or at defaults: {left}. Any of them: highwater why {results.name} CELL [--defaults]." if left else ""


def _told(results: Results, drawn: Map, at: At, cell: int) -> Told:
    from sweep.mechanism import at_the_end, ending
    from sweep.timepicture import scales, timeline_svg
    from sweep.why import why

    verdict = drawn.verdicts[at][cell]
    found = why(results, cell, at, also=(drawn.challenger, drawn.baseline))
    shared = scales([side.line for side in found.sides])
    sides: Sequence[Panel] = [
        Panel(
            side.arm.policy,
            f"{side.words}: OOM {side.arm.n_oom}/{side.arm.n}, {side.arm.mean_throughput:,.0f} operations/s",
            f"Here {ending(side.line.outcome)}.",
            timeline_svg(side.line, shared, f"why {at} {cell} {side.arm.policy}"),
            tuple(at_the_end(side.line)),
        )
        for side in found.sides
    ]
    words = finding_words(verdict.finding, drawn.challenger, drawn.baseline)
    return Told(
        id=f"why-{at}-{cell}",
        title=found.title,
        finding=verdict.finding,
        symbol=FINDING_MARKS[verdict.finding].symbol,
        evidence=f"{words}: {verdict.reason}.",
        sides=tuple(sides),
        command=f"highwater why {results.name} {cell}" + (" --defaults" if at == "default" else ""),
    )
