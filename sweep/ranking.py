"""Ranking: which policy is best in which cell, for any number of policies.

Every pair of policies is compared in every cell, and all these comparisons are one family for false-discovery control.
No policy is picked first and tested afterwards, so being the luckiest of many earns nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final, Literal

from sweep.arms import Arm, At, arms
from sweep.intervals import Rate, rate
from sweep.verdict import FDR, Verdict, compare, judge, labels, planned_looks

if TYPE_CHECKING:
    from sweep.results import Results

Place = Literal["best", "shared", "beaten", "fails", "unknown"]
PLACES: Final[tuple[Place, ...]] = ("best", "shared", "beaten", "fails", "unknown")


@dataclass(frozen=True)
class Standing:
    """How one policy stands among all policies in one cell.

    Attributes:
        cell: index of the cell.
        label: the cell in words.
        policy: name of the policy.
        place: "best" (wins against every other), "shared" (no other wins against it), "beaten" (another wins),
            "fails" (out of memory in every replicate) or "unknown" (not confirmed yet).
        beaten_by: the policies that win against it.
        oom: its OOM rate with an exact interval.
        throughput: mean operations per second over its confirm replicates.
        relative: throughput relative to the fastest policy of the cell that never ran out of memory, minus 1; None if
            all of them did.
    """

    cell: int
    label: str
    policy: str
    place: Place
    beaten_by: tuple[str, ...]
    oom: Rate
    throughput: float
    relative: float | None


def standings(results: Results, at: At = "tuned", fdr: float = FDR) -> tuple[Standing, ...]:
    """The standing of every policy in every cell, cell by cell, policies in the order of the sweep file."""
    policies = [str(policy) for policy in results.config["policies"]]
    found, n_looks = arms(results, at), planned_looks(results, at)
    family = [
        compare(found.get((cell, first)), found.get((cell, second)), (cell, label, first, second, at), n_looks)
        for cell, label in labels(results)
        for first, second in combinations(policies, 2)
    ]
    judged = judge(family, fdr)
    return tuple(
        _standing(label, policy, _wins(judged, cell), {p: found.get((cell, p)) for p in policies}, cell)
        for cell, label in labels(results)
        for policy in policies
    )


def _wins(judged: tuple[Verdict, ...], cell: int) -> set[tuple[str, str]]:
    """(winner, loser) of every decided comparison of the cell."""
    pair = {"win": lambda v: (v.challenger, v.baseline), "loss": lambda v: (v.baseline, v.challenger)}
    return {pair[v.finding](v) for v in judged if v.cell == cell and v.finding in pair}


def _standing(label: str, policy: str, wins: set[tuple[str, str]], rivals: dict[str, Arm | None], cell: int) -> Standing:
    arm = rivals[policy]
    if arm is None or arm.n == 0:
        return Standing(cell, label, policy, "unknown", (), rate(0, 0), 0.0, None)
    beaten_by = tuple(rival for rival in rivals if (rival, policy) in wins)
    won = sum((policy, rival) in wins for rival in rivals)
    if arm.n_oom == arm.n:
        place: Place = "fails"
    elif beaten_by:
        place = "beaten"
    else:
        place = "best" if won == len(rivals) - 1 and won > 0 else "shared"
    lasting = [a.mean_throughput for a in rivals.values() if a is not None and a.n and not a.n_oom]
    relative = arm.mean_throughput / max(lasting) - 1 if lasting and max(lasting) > 0 else None
    return Standing(cell, label, policy, place, beaten_by, rate(arm.n_oom, arm.n), arm.mean_throughput, relative)
