"""Gains: what the search found over the kernel's defaults, policy by policy and cell by cell, on the confirm replicates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweep.arms import Arm, arms
from sweep.verdict import FDR, FINDINGS, Verdict, compare, judge, labels, planned_looks

if TYPE_CHECKING:
    from sweep.results import Results


@dataclass(frozen=True)
class Gain:
    """One policy in one cell.

    Attributes:
        label: the cell in words.
        policy: name of the policy.
        verdict: its tuned best against its kernel defaults; None where the defaults are the best that the search found.
        changed: what the tuned best sets unlike the defaults.
    """

    label: str
    policy: str
    verdict: Verdict | None
    changed: tuple[tuple[str, int], ...] = ()


def gains(results: Results, fdr: float = FDR) -> tuple[Gain, ...]:
    """Every policy in every cell that was confirmed, false discoveries controlled over all of them."""
    tuned, default = arms(results, "tuned"), arms(results, "default")
    looks = planned_looks(results, "tuned")
    places = [(cell, label, policy) for cell, label in labels(results) for policy in map(str, results.config["policies"])]
    raw: dict[tuple[int, str], Verdict] = {}
    for cell, label, policy in places:
        best, plain = tuned.get((cell, policy)), default.get((cell, policy))
        if best and plain and best.trial != plain.trial:
            raw[cell, policy] = compare(best, plain, (cell, label, "tuned settings", "kernel defaults", "tuned"), looks)
    judged = dict(zip(raw, judge(list(raw.values()), fdr), strict=True))
    return tuple(
        Gain(label, policy, judged.get((cell, policy)), _changed(tuned.get((cell, policy)), default.get((cell, policy)))) for cell, label, policy in places
    )


def gain_summary(found: tuple[Gain, ...]) -> str:
    """One sentence that can be quoted."""
    counts = {finding: sum(one.verdict is not None and one.verdict.finding == finding for one in found) for finding in FINDINGS}
    kept = sum(one.verdict is None for one in found)
    return (
        f"The best that the search found is better than the kernel's defaults in {counts['win']} of {len(found)} cells and worse in {counts['loss']}; "
        f"{counts['tie']} tie, {counts['undecided']} undecided, in {kept} nothing better than the defaults was found."
    )


def _changed(best: Arm | None, plain: Arm | None) -> tuple[tuple[str, int], ...]:
    if best is None or plain is None:
        return ()
    before = dict(plain.params)
    return tuple((name, value) for name, value in best.params if before.get(name) != value)
