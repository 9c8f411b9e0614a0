"""Telling cells: which cells of a map, or of a search's gains, a report explains, and the time lines of each as the report shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from sweep.arms import At
from sweep.cliffs import dies
from sweep.errors import HighwaterError
from sweep.marks import FINDING_MARKS, finding_words
from sweep.verdict import Finding, Verdict
from sweep.why import BETWEEN_TITLES, Between

if TYPE_CHECKING:
    from sweep.gains import Gain
    from sweep.maps import Map
    from sweep.results import Results
    from sweep.sentences import Grid

MOST: Final = 40  # cells explained unless asked for more; the boundary and the extremes always are
_CLOSE: Final = 1e-9

Key = tuple[Between, int]  # what is compared, and the cell


@dataclass(frozen=True)
class Agenda:
    """What a report may explain.

    Attributes:
        verdicts: of every cell that was confirmed, the most telling ones first.
        must: so many of them are explained in any case.
        also: policies shown beside the best and the worst.
        notes: sentences that belong to a verdict.
    """

    verdicts: Mapping[Key, Verdict]
    must: int
    also: tuple[str, ...] = ()
    notes: Mapping[Key, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Panel:
    """One run in a report: a name for files, what it is, how it ended, its picture as SVG, and what there was at the end."""

    name: str
    words: str
    ending: str
    drawing: str
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """One cell of a report explained.

    Attributes:
        id: identifier in the page.
        title: the cell and what is compared.
        finding, symbol, evidence: its verdict.
        sides: the best one first.
        command: that says the same in a terminal.
    """

    id: str
    title: str
    finding: Finding
    symbol: str
    evidence: str
    sides: tuple[Panel, ...]
    command: str


def of_map(drawn: Map) -> Agenda:
    """The cells of a map.

    First the largest win and the largest loss with each policy at its tuned best, then every two neighbours between which one of the two policies starts to run
    out of memory, and these are a must; the other cells; and the same at kernel defaults.
    """
    tuned, default = drawn.verdicts["tuned"], drawn.verdicts["default"]
    first = [*_largest(tuned), *boundary_cells(drawn.grid, tuned)]
    keys: list[tuple[At, int]] = [("tuned", cell) for cell in (*first, *tuned)]
    keys += [("default", cell) for cell in (*_largest(default), *boundary_cells(drawn.grid, default), *default)]
    return Agenda(_confirmed({(at, cell): drawn.verdicts[at][cell] for at, cell in keys}), len(set(first)), (drawn.challenger, drawn.baseline))


def of_gains(found: Sequence[Gain]) -> Agenda:
    """The cells of a sweep with one policy whose search found better settings than the defaults: the largest win and loss, a must; the others."""
    judged = {one.verdict.cell: one.verdict for one in found if one.verdict}
    first = _largest(judged)
    sets: dict[Key, str] = {("search", one.verdict.cell): ", ".join(f"{name} = {value}" for name, value in one.changed) for one in found if one.verdict}
    notes = {key: f"Unlike the defaults, {changed}." for key, changed in sets.items()}
    return Agenda(_confirmed({("search", cell): judged[cell] for cell in (*first, *judged)}), len(first), notes=notes)


def _confirmed(verdicts: Mapping[Key, Verdict]) -> dict[Key, Verdict]:
    return {key: verdict for key, verdict in verdicts.items() if verdict.n}


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


def tell(
    results: Results, agenda: Agenda, most: int = MOST, room: int = 10_000_000, tick: Callable[[str], None] = lambda _: None
) -> tuple[dict[Key, Told], str]:
    """Simulate the most telling cells again and draw them.

    Args:
        results: the sweep.
        agenda: its cells.
        most: how many of them, if those that are a must are not more already; 0: none.
        room: bytes that they may take.
        tick: is told what is being done.

    Returns:
        What was told, by cell, and a sentence about what is left out (empty: nothing is).
    """
    if not most:
        return {}, ""
    found: dict[Key, Told] = {}
    taken = 0
    for between, cell in list(agenda.verdicts)[: max(most, agenda.must)]:
        tick(f"why, cell {cell}, {BETWEEN_TITLES[between]}")
        try:
            told = _told(results, agenda, between, cell)
        except HighwaterError as error:
            return found, f"No further time lines: {error}"
        taken += sum(len(side.drawing) for side in told.sides)
        if taken > room:
            break
        found[between, cell] = told
    left = len(agenda.verdicts) - len(found)
    where, option = (", tuned or at defaults", " [--defaults]") if any(between == "default" for between, _ in agenda.verdicts) else ("", "")
    return found, f"Cells without time lines here{where}: {left}. Any of them: highwater why {results.name} CELL{option}." if left else ""


def _told(results: Results, agenda: Agenda, between: Between, cell: int) -> Told:
    from sweep.mechanism import at_the_end, ending
    from sweep.timepicture import scales, timeline_svg
    from sweep.why import why

    verdict = agenda.verdicts[between, cell]
    found = why(results, cell, between, also=agenda.also)
    shared = scales([side.line for side in found.sides])
    sides: Sequence[Panel] = [
        Panel(
            side.arm.policy if len(found.policies) > 1 else f"{side.arm.policy}-{'best' if side.arm.trial else 'defaults'}",
            f"{side.arm.words}: OOM {side.arm.n_oom}/{side.arm.n}, {side.arm.mean_throughput:,.0f} operations/s",
            f"Here {ending(side.line.outcome)}.",
            timeline_svg(side.line, shared, f"why {between} {cell} {side.arm.words}"),
            tuple(at_the_end(side.line)),
        )
        for side in found.sides
    ]
    words = finding_words(verdict.finding, verdict.challenger, verdict.baseline)
    return Told(
        id=f"why-{between}-{cell}",
        title=found.title,
        finding=verdict.finding,
        symbol=FINDING_MARKS[verdict.finding].symbol,
        evidence=f"{words}: {verdict.reason}. {agenda.notes.get((between, cell), '')}".rstrip(),
        sides=tuple(sides),
        command=f"highwater why {results.name} {cell}" + (" --defaults" if between == "default" else ""),
    )
