"""Published settings graded: each against the kernel's defaults, in every cell of a sweep that ran them (`search.baselines`).

They are trials that nobody picked, so their search replicates judge them without bias; the pairs are of equal streams.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sweep.arms import Arm, trial_params
from sweep.baselines import Baseline, place
from sweep.verdict import FDR, Verdict, compare, judge, labels

if TYPE_CHECKING:
    import pandas as pd

    from sweep.results import Results


@dataclass(frozen=True)
class Graded:
    """A published setting in a cell.

    Attributes:
        policy, setting, label: what, and the cell in words.
        params: what is set; empty if it is not run.
        why_not: why it is not run.
        verdict: against the kernel's defaults; None if it is not run, or not yet.
        stalls_ms: the 99th percentile of stalls, mean over the replicates, with it and with the defaults.
    """

    policy: str
    setting: str
    label: str
    params: tuple[tuple[str, int], ...] = ()
    why_not: str = ""
    verdict: Verdict | None = None
    stalls_ms: tuple[float, float] = (0.0, 0.0)


def graded(results: Results, fdr: float = FDR) -> tuple[Graded, ...]:
    """All of them, false discoveries controlled over the sweep."""
    return judged(compared(results), fdr)


def judged(found: Sequence[Graded], fdr: float = FDR) -> tuple[Graded, ...]:
    """The same with findings: one family over all that were run."""
    ran = [one.verdict for one in found if one.verdict is not None]
    findings = iter(judge(ran, fdr))
    return tuple(one if one.verdict is None else replace(one, verdict=next(findings)) for one in found)


def compared(results: Results) -> list[Graded]:
    """All of them, compared and not yet judged, in the order of policies, cells and trials; none if the sweep names no published settings."""
    from core import Machine, policies
    from sweep.fields import build

    known = {name: Baseline.model_validate(values) for name, values in (results.config.get("baselines") or {}).items()}
    named = [name for name in results.config["search"].get("baselines", ()) if name in known]
    baselines = {name: known[name] for name in named or sorted(known)}
    rows = results.replicates[results.replicates["phase"] == "search"]
    groups = {(int(cell), str(policy), int(trial)): group for (cell, policy, trial), group in rows.groupby(["cell", "policy", "trial"], sort=False)}
    found = []
    for name in map(str, results.config["policies"] if baselines else ()):
        policy = policies.load(name)
        for cell, label in labels(results):
            machine = build(Machine, json.loads(str(results.cells.loc[cell, "machine"])))
            trials = _trials(results, cell, name)
            for one in place(baselines, policy, machine):
                number = trials.get(tuple(sorted(policy.resolve(machine, dict(one.params)).items()))) if one.params else None
                pair = [groups.get((cell, name, trial)) for trial in (number, 0)] if number else []
                found.append(Graded(name, one.name, label, one.params, one.why_not, *(_against((cell, label, one.name), pair) if pair else ())))
    return found


def _trials(results: Results, cell: int, policy: str) -> dict[tuple[tuple[str, int], ...], int]:
    """The first trial of each params vector of a study."""
    here = results.trials[(results.trials["cell"] == cell) & (results.trials["policy"] == policy)]
    found: dict[tuple[tuple[str, int], ...], int] = {}
    for row in here.sort_values("trial").to_dict("records"):
        found.setdefault(tuple(sorted(trial_params(row))), int(row["trial"]))
    return found


def _against(head: tuple[int, str, str], pair: Sequence[pd.DataFrame | None]) -> tuple[Verdict | None, tuple[float, float]]:
    first, second = pair
    if first is None or second is None:
        return None, (0.0, 0.0)
    cell, label, name = head
    verdict = compare(_arm(cell, name, first), _arm(cell, "default", second), (cell, label, name, "default", "default"))
    return verdict, (float(first["stall_ns_p99"].mean()) / 1e6, float(second["stall_ns_p99"].mean()) / 1e6)


def _arm(cell: int, name: str, group: pd.DataFrame) -> Arm:
    group = group.sort_values("replicate")
    oom = tuple(bool(one) for one in group["oom"] | group["deadlock"])
    numbers, digests = tuple(int(one) for one in group["replicate"]), tuple(str(one) for one in group["stream_digest"])
    return Arm(cell, name, 0, (), numbers, digests, oom, tuple(float(one) for one in group["throughput"]))
