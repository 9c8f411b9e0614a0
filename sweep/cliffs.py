"""Cliffs: the edges between cells of a map where half of the runs of a policy start to run out of memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sweep.maps import Facet
    from sweep.verdict import Verdict

HALF: Final = 0.5  # OOM rate on the cliff
SIDES: Final = ("a", "b")  # of the challenger, of the baseline


@dataclass(frozen=True)
class Edge:
    """One edge of a cell.

    Attributes:
        side: 0: challenger's cliff, 1: the baseline's.
        row, column: the cell, as in ``Facet.rows``.
        upward: the edge towards the next row; else the one towards the next column.
    """

    side: int
    row: int
    column: int
    upward: bool


def dies(verdict: Verdict, side: int) -> bool | None:
    """Whether at least half of the runs of one of the two policies ran out of memory; None: not known."""
    return verdict.oom[side].value >= HALF if verdict.n else None


def cliffs(facet: Facet, verdicts: Mapping[int, Verdict]) -> Iterator[Edge]:
    """Every edge of one plane of the map that a cliff runs along."""
    rows = facet.rows
    for j, row in enumerate(rows):
        for i, cell in enumerate(row):
            right = row[i + 1] if i + 1 < len(row) else None
            above = rows[j + 1][i] if j + 1 < len(rows) else None
            for other, upward in ((right, False), (above, True)):
                if cell is None or other is None:
                    continue
                for side in range(2):
                    states = dies(verdicts[cell], side), dies(verdicts[other], side)
                    if None not in states and states[0] != states[1]:
                        yield Edge(side, j, i, upward)


def cliff_words(policy: str) -> str:
    """A cliff as a legend."""
    return f"{policy}: half of the runs out of memory"
