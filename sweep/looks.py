"""Looks: more confirm replicates where the verdict is undecided, and nowhere else.

With ``search.confirm_max`` above ``search.confirm`` the number of confirm replicates of the best trial is doubled while the two policies of
``compare`` are undecided in a cell, up to that maximum. Who looks k times has k chances to be fooled, so with k looks planned every p is
multiplied by k and every interval is widened to 1 - 0.05/k, at the last look and at the first (Bonferroni over the looks; verdict.py does
the same). So a false win is no likelier than with one look, whatever the rule that stops.

A cell is decided here, where the other cells are not known yet, if it will be decided whatever they show: its p passes at the level divided by
the number of cells, which false-discovery control over the map can only relax, or it is a tie.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sweep.trial import TrialRow


def looks(confirm: int, most: int | None) -> tuple[int, ...]:
    """Confirm replicates after each look: ``confirm``, then twice as many, up to ``most``."""
    found = [confirm]
    while found[-1] < (most or confirm):
        found.append(min(2 * found[-1], most or confirm))
    return tuple(found)


@dataclass(frozen=True)
class Seen:
    """Confirm replicates of one trial.

    Attributes:
        trial: number in its study.
        replicates, streams, oom, throughput: as in ``arms.Arm``.
    """

    trial: int = 0
    replicates: tuple[int, ...] = ()
    streams: tuple[str, ...] = ()
    oom: tuple[bool, ...] = ()
    throughput: tuple[float, ...] = ()

    def plus(self, row: TrialRow) -> Seen:
        """With the replicates of one more look."""
        rows = row.replicates
        return Seen(
            row.number,
            (*self.replicates, *(r.replicate.number for r in rows)),
            (*self.streams, *(r.stream_digest for r in rows)),
            (*self.oom, *(r.oom or r.deadlock for r in rows)),
            (*self.throughput, *(r.throughput for r in rows)),
        )


def wants_more(first: Seen, second: Seen, n_cells: int, n_looks: int) -> bool:
    """Whether a cell is undecided.

    Args:
        first, second: the best of challenger and baseline.
        n_cells: of the map.
        n_looks: planned.
    """
    from sweep.arms import Arm
    from sweep.verdict import FDR, compare, judged_alone

    if not set(first.replicates) & set(second.replicates):
        return False  # one of them could not be run; more of the same would show nothing

    arms = [Arm(0, "", seen.trial, (), seen.replicates, seen.streams, seen.oom, seen.throughput) for seen in (first, second)]
    verdict = compare(arms[0], arms[1], (0, "", "challenger", "baseline", "tuned"), n_looks)
    return not judged_alone(verdict, FDR / n_cells).decided
