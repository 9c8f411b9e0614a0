"""Objection: what speaks against a setting, from its evidence in all the cells asked for; see `sweep.recommend` for the three demands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweep.evidence import Evidence, gather, mean_effect
from sweep.sysctl import Kernel, problem

if TYPE_CHECKING:
    from sweep.candidates import Candidates, Params
    from sweep.recommend import Goal


@dataclass(frozen=True)
class Weighed:
    """A candidate with its evidence.

    Attributes:
        changes: sysctls unlike the default.
        evidence: per cell.
        objection: why it is not recommended; empty if nothing speaks against it.
    """

    changes: Params
    evidence: tuple[Evidence, ...]
    objection: str

    def gain(self, goal: Goal) -> float:
        """What it is worth; a cell without a comparison of throughputs counts 0."""
        values = [e.effect.value if e.effect else 0.0 for e in self.evidence]
        return (min(values) if goal == "worst" else sum(values) / len(values)) if values else -1.0


def weigh(candidates: Candidates, changes: Params, chosen: Mapping[int, str], confidence: float, oom_bound: float, kernel: Kernel | None = None) -> Weighed:
    """Evidence about one setting in all the cells asked for, up to the first cell that rules it out."""
    ram_kib = 1024 * candidates.ram_mib(next(iter(chosen)))
    refused = [trouble for n, v in changes if (trouble := problem(n, v, candidates.era, ram_kib, kernel))]
    if refused:
        return Weighed(changes, (), refused[0])
    found: list[Evidence] = []
    missing = []
    for cell, label in chosen.items():
        arm, default = candidates.arm(cell, changes), candidates.default_arm(cell)
        if arm is None or default is None:
            missing.append((cell, label))
            continue
        found.append(gather(label, arm, default, confidence))
        if against := veto(found[-1], len(chosen), oom_bound):
            return Weighed(changes, tuple(found), against)
    return Weighed(changes, tuple(found), _missing(candidates, missing) or objection(found, oom_bound))


def _missing(candidates: Candidates, missing: Sequence[tuple[int, str]]) -> str:
    """What was not run, in words; empty if nothing is missing."""
    if not missing:
        return ""
    cell, label = missing[0]
    if foreign := candidates.foreign(cell):
        names = ", ".join(f"{name} = {value}" for name, value in foreign)
        return f"the tuned best of {label} also needs {names}, which no sysctl sets; its sysctls alone were not run"
    more = f" and {len(missing) - 1} more cells" if len(missing) > 1 else ""
    return f"no setting was confirmed in all cells asked for: the best candidate was not run in {label}{more}"


def objection(evidence: Sequence[Evidence], oom_bound: float) -> str:
    """Why a setting is not recommended; empty if nothing speaks against it.

    Args:
        evidence: one entry per cell asked for, at least one.
        oom_bound: largest OOM rate tolerated.
    """
    for e in evidence:
        if against := veto(e, len(evidence), oom_bound):
            return against
    if any(e.saves(len(evidence)) for e in evidence):
        return ""
    overall = mean_effect(evidence)
    if overall is None:
        return "too few replicates survive to compare throughput"
    return "" if overall.low > 0 else f"it is not faster beyond the interval: throughput {overall}"


def veto(e: Evidence, n_cells: int, oom_bound: float) -> str:
    """What in one cell rules a setting out, whatever it does in others; empty if nothing does."""
    if e.kills:
        return f"it runs out of memory more often than the default in {e.label}: {e.oom} vs {e.oom_default}"
    if e.upper > oom_bound:
        shown = f"OOM {e.oom} in {e.label} only shows a rate below {100 * e.upper:.0f} %"
        return f"{shown}, and the bound is {100 * oom_bound:.3g} %"
    if e.slows and not e.saves(n_cells):
        return f"it is slower than the default in {e.label}: throughput {e.effect}"
    return ""
