"""From the stores of the shipped study to docs/findings/: tables, sentences and pictures, small enough to be committed.

    highwater run laundry && highwater run defaults
    python -m benchmarks.study.collect [RESULTS]

Each map judges every policy against `inline` as `highwater map` does (verdict.py: one family for each pair of policies), and for "who is best where" every
pair of policies as one family (ranking.py). Published settings and the kernel's defaults are pairs of search replicates of the same streams, which nobody
picked: one family over all settings and cells of `defaults`. Those verdicts are at the defaults' side "default", with one look.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.study.panels import panels_svg
from core import policies
from sweep.arms import AT, Arm, arms
from sweep.graded import compared, judged
from sweep.library import sweep_file
from sweep.plan import Plan, load_plans
from sweep.provenance import PREFIX, highwater_version
from sweep.ranking import standings
from sweep.results import Results, load_results
from sweep.sentences import grid, sentences, weight_sentence, weights
from sweep.verdict import Verdict, verdicts

OUT: Final = Path(__file__).parents[2] / "docs" / "findings"
LAUNDRY_COLUMNS: Final = (
    "map", "at", "cell", "kind", "label", "policy", "verdict", "place", "oom", "n", "oom_baseline", "effect", "low", "high", "q", "throughput", "params",
)  # fmt: skip
DEFAULTS_COLUMNS: Final = (
    "map", "cell", "label", "setting", "verdict", "oom", "oom_default", "n", "effect", "low", "high", "q", "stall_p99_ms", "stall_p99_default_ms", "params",
)  # fmt: skip
Row = Sequence[object]


def collect(results: Path) -> None:
    """Write everything."""
    OUT.mkdir(parents=True, exist_ok=True)
    laundry = [(plan, load_results(results / plan.sweep.name)) for plan in load_plans(sweep_file("laundry"))]
    published = [(plan, load_results(results / plan.sweep.name)) for plan in load_plans(sweep_file("defaults"))]
    _write("laundry.csv", LAUNDRY_COLUMNS, (row for plan, found in laundry for row in _laundry(plan, found)))
    _write("sentences.csv", ("map", "at", "policy", "sentence"), (row for plan, found in laundry for row in _sentences(plan, found)))
    _write("defaults.csv", DEFAULTS_COLUMNS, _published(published))
    _write("left-out.csv", ("map", "setting", "why"), sorted({row for plan, found in published for row in _left_out(plan.sweep.name, found)}))
    _write("provenance.csv", ("sweep", "what", "value"), (row for _, found in laundry + published for row in _provenance(found)))
    for plan, found in laundry:
        assert plan.sweep.compare is not None
        every = _challengers(plan)
        for name, shown, columns in (("", every, 3), ("-narrow", every, 1), ("-postponed", [plan.sweep.compare.challenger], 1)):
            (OUT / f"{plan.sweep.name}{name}.svg").write_text(panels_svg(found, shown, _baseline(plan), columns), encoding="utf-8")


def _write(name: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    with (OUT / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _baseline(plan: Plan) -> str:
    assert plan.sweep.compare is not None
    return plan.sweep.compare.baseline


def _challengers(plan: Plan) -> list[str]:
    return [policy for policy in plan.sweep.policies if policy != _baseline(plan)]


def _laundry(plan: Plan, results: Results) -> Iterator[Row]:
    kinds: dict[int, str] = {int(str(cell)): str(kind) for cell, kind in results.cells["kind"].items()}
    for at in AT:
        confirmed = arms(results, at)
        places = {(standing.cell, standing.policy): standing for standing in standings(results, at)}
        found = {policy: {v.cell: v for v in verdicts(results, policy, _baseline(plan), at)} for policy in _challengers(plan)}
        for (cell, policy), standing in places.items():
            arm = confirmed.get((cell, policy))
            verdict = found.get(policy, {}).get(cell)
            head = (plan.sweep.name, at, cell, kinds[cell], standing.label, policy, verdict.finding if verdict else "", standing.place)
            params = _changed(plan, policy, arm) if arm else ""
            yield *head, *_figures(verdict, standing.oom.count, standing.oom.n), f"{standing.throughput:.1f}", params


def _figures(verdict: Verdict | None, count: int, n: int) -> tuple[object, ...]:
    """oom, n, oom_baseline, effect, low, high, q."""
    if verdict is None:
        return count, n, count, "", "", "", ""
    first, second = verdict.oom
    return first.count, verdict.n, second.count, *_effect(verdict), f"{verdict.q:.4g}"


def _effect(verdict: Verdict) -> tuple[str, str, str]:
    if verdict.effect is None:
        return "", "", ""
    return f"{verdict.effect.value:.4f}", f"{verdict.effect.low:.4f}", f"{verdict.effect.high:.4f}"


def _changed(plan: Plan, policy: str, arm: Arm) -> str:
    """What an arm sets unlike the kernel's defaults, or unlike what the axes fix."""
    cell = next((cell for cell in plan.cells if cell.index == arm.cell), plan.cells[0])  # refined cells have the machine of the others
    default = policies.load(policy).resolve(cell.machine, dict(cell.params))
    return _words((name, value) for name, value in arm.params if default[name] != value)


def _words(params: Iterable[tuple[str, int]]) -> str:
    return " ".join(f"{name}={value}" for name, value in params)


def _sentences(plan: Plan, results: Results) -> Iterator[Row]:
    laid = grid(results)
    for at in AT:
        confirmed = arms(results, at)
        for policy in _challengers(plan):
            found = {verdict.cell: verdict for verdict in verdicts(results, policy, _baseline(plan), at)}
            weighed = weight_sentence(weights(laid, confirmed, policy, _baseline(plan)), at)
            for sentence in (*sentences(laid, found), *([weighed] if weighed else [])):
                yield plan.sweep.name, at, policy, sentence


def _published(found: Sequence[tuple[Plan, Results]]) -> Iterator[Row]:
    """One family over all settings and cells of all maps."""
    named = [(plan.sweep.name, one) for plan, results in found for one in compared(results) if one.params]
    for (name, _), one in zip(named, judged([one for _, one in named]), strict=True):
        verdict = one.verdict
        assert verdict is not None, "the study ran to its end"
        first, second = verdict.oom
        head = (name, verdict.cell, verdict.label, one.setting, verdict.finding, first.count, second.count, verdict.n)
        stall, before = one.stalls_ms
        yield *head, *_effect(verdict), f"{verdict.q:.4g}", f"{stall:.2f}", f"{before:.2f}", _words(one.params)


def _left_out(name: str, results: Results) -> Iterator[tuple[str, str, str]]:
    for one in compared(results):
        if not one.params:
            yield name, one.setting, one.why_not


def _provenance(results: Results) -> Iterator[Row]:
    made: Mapping[str, str] = {key.removeprefix(PREFIX): value for key, value in results.meta.items() if key.startswith(PREFIX)}
    facts = {"highwater": highwater_version(), "seed": results.config["seed"], "config_sha256": results.config_sha256, **made}
    counts = {"cells": len(results.cells), "trials": len(results.trials), "simulations": len(results.replicates)}
    for what, value in {**facts, **counts}.items():
        yield results.name, what, value


if __name__ == "__main__":
    collect(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("results"))
