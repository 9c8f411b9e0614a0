"""Projection: what of a sweep MLflow shows, as plain records. No MLflow in here, so it can be read and tested alone.

sweep     experiment  highwater/<name>
study     parent run  one policy in one cell
trial     child run   one params vector
map       parent run  the picture, the page and the tables
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from sweep.arms import PARAM
from sweep.intervals import rate
from sweep.mlflowdb import PREFIX
from sweep.notes import experiment_note, map_note, study_note
from sweep.verdict import FINDINGS, Verdict

if TYPE_CHECKING:
    import pandas as pd

    from sweep.results import Results

ALL_BELOW: Final = 2000  # from here on, MLflow's pages get slow with one run a trial
CHARTS: Final = "highwater"  # identifier of the section with the charts
TrialRuns = Literal["auto", "all", "pareto", "none"]

# Means over replicates: metric name -> (column, divisor).
COUNTERS: Final[Mapping[str, tuple[str, float]]] = {
    "stall_p99_ms": ("stall_ns_p99", 1e6),
    "stall_total_ms": ("stall_ns_total", 1e6),
    "allocstall": ("allocstall", 1),
    "pgscan_direct": ("pgscan_direct", 1),
    "pswpout": ("pswpout", 1),
    "nr_vmscan_write": ("nr_vmscan_write", 1),
    "refault_file": ("workingset_refault_file", 1),
    "refault_anon": ("workingset_refault_anon", 1),
}


@dataclass(frozen=True)
class Record:
    """One MLflow run.

    Attributes:
        uid: the same whenever and wherever the sweep is published; the tag `trial.uid`.
        parent: uid of the parent run, empty at the top.
        name: shown in the table.
        params: immutable once published.
        metrics: finite numbers only.
        tags: searchable words.
    """

    uid: str
    parent: str
    name: str
    params: tuple[tuple[str, str], ...]
    metrics: tuple[tuple[str, float], ...]
    tags: tuple[tuple[str, str], ...]

    @property
    def content(self) -> str:
        """Digest of everything above: a published run with the same one needs no visit."""
        whole = [self.name, self.params, self.metrics, self.tags]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Projection:
    """Everything to publish: parents come before their children."""

    experiment: str
    tags: tuple[tuple[str, str], ...]
    records: tuple[Record, ...]
    n_trials: int
    n_hidden: int


def project(results: Results, verdicts: Mapping[int, Verdict] | None = None, trial_runs: TrialRuns = "auto", top_k: int = 10) -> Projection:
    """The records of a finished or partial sweep. A trial that has a run keeps it: a partial sweep shows a part of what the finished one does.

    Args:
        results: the sweep.
        verdicts: tuned verdicts by cell, for tags and notes; None if nothing is compared yet.
        trial_runs, top_k: which trials have runs of their own, see ``config.Mlflow``.
    """
    trials = results.trials
    if trial_runs == "auto":
        trial_runs = "all" if planned_trials(results) < ALL_BELOW else "pareto"
    kept = trials if trial_runs == "all" else trials[_matters(trials, top_k)] if trial_runs == "pareto" else trials[:0]
    context = _Context(results, verdicts or {})
    shown = set(kept.index)
    records = [context.map_record()]
    for (cell, policy), group in trials.sort_values(["cell", "policy", "trial"]).groupby(["cell", "policy"], sort=True):
        rows = group.to_dict("records")
        records.append(context.study(int(cell), str(policy), rows))
        records += [context.trial(row) for index, row in zip(group.index, rows, strict=True) if index in shown]
    return Projection(
        experiment=f"{PREFIX}{results.name}",
        tags=(
            ("mlflow.note.content", experiment_note(results, list(context.verdicts.values()))),
            ("mlflow.experiment.primaryMetric.name", "oom_rate"),
            ("mlflow.experiment.primaryMetric.greaterIsBetter", "False"),
            ("mlflow.experimentKind", "custom_model_development"),
            ("config.sha256", results.config_sha256),
        ),
        records=tuple(records),
        n_trials=len(trials),
        n_hidden=len(trials) - len(kept),
    )


def planned_trials(results: Results) -> int:
    """How many trials the sweep has when it is complete, at most."""
    return len(results.cells) * len(results.config["policies"]) * int(results.config["search"]["trials"])


def _matters(trials: pd.DataFrame, top_k: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which trials are defaults, or best, among the best, or beaten by none in their study; of equal ones the first. Only complete studies tell."""
    kept = np.array(trials["is_default"] | trials["is_best"], dtype=bool)
    ranked = trials.assign(place=np.arange(len(trials))).sort_values(
        ["cell", "policy", "oom_rate", "throughput", "trial"], ascending=[True, True, True, False, True], kind="stable"
    )
    for _, study in ranked.groupby(["cell", "policy"], sort=False):
        if not study["is_best"].any():
            continue
        throughput = study["throughput"].to_numpy()
        before = np.concatenate([[-np.inf], np.maximum.accumulate(throughput)[:-1]])  # by any trial with an OOM rate as low
        kept[study["place"].to_numpy()[(throughput > before) | (np.arange(len(study)) < max(top_k, 1))]] = True
    return kept


def view(projection: Projection, *, of_trials: bool = False) -> str:
    """State of MLflow's runs table and charts (a shared view, as JSON): OOM rate and throughput first, and charts of all runs instead of bars of the first ten.

    Args:
        projection: what is published.
        of_trials: trials alone, the fastest first: MLflow hides children below their parents, and leaves them out of its charts, as long as runs are
            sorted by date.
    """
    knobs = sorted({name for record in projection.records for name, _ in record.params} - {"policy", "cell"})
    metrics = ("oom_rate", "throughput", "oom_rate_ci_hi", "confirm/oom_rate", "confirm/throughput", "stall_p99_ms")
    columns = [f"metrics.`{name}`" for name in metrics] + ["tags.`verdict`", "tags.`policy`", "tags.`cell`"]
    columns += [f"params.`{name}`" for name in knobs]
    state = {
        "selectedColumns": columns,
        "columnOrder": ["attributes.`Run Name`", *columns],
        "columnWidths": {"attributes.`Run Name`": 320} | dict.fromkeys(columns[2:5], 160),
        "searchFilter": "tags.level = 'trial'" if of_trials else "",
        "orderByKey": "metrics.`throughput`" if of_trials else "attributes.start_time",
        "orderByAsc": False,
        "runsHiddenMode": "SHOW_ALL",
        "isAccordionReordered": True,
        "compareRunSections": [{"uuid": CHARTS, "name": "Highwater", "display": True, "isReordered": True, "deleted": False, "isGenerated": False}],
        "compareRunCharts": charts(knobs),
    }
    return json.dumps(state)


def charts(knobs: Sequence[str]) -> list[dict[str, Any]]:
    """Charts that stay readable with hundreds of runs: points and parallel coordinates, not a bar a run."""
    common = {"deleted": False, "isGenerated": False, "metricSectionId": CHARTS, "runsCountToCompare": ALL_BELOW}
    found: list[dict[str, Any]] = [
        common | {"type": "SCATTER", "uuid": f"{CHARTS}-{x}-{y}", "xaxis": {"key": x, "type": "METRIC"}, "yaxis": {"key": y, "type": "METRIC"}}
        for x, y in (("oom_rate", "throughput"), ("stall_p99_ms", "throughput"))
    ]
    if knobs:
        lines = {"type": "PARALLEL", "uuid": f"{CHARTS}-settings", "selectedParams": list(knobs[:4]), "selectedMetrics": ["throughput", "oom_rate"]}
        found.append(common | lines | {"showAllRuns": True})
    return found


class _Context:
    """What every record of a sweep needs: means of its replicates, labels, and the common tags."""

    def __init__(self, results: Results, verdicts: Mapping[int, Verdict]) -> None:
        self.results = results
        self.verdicts = verdicts
        self.cells: dict[int, dict[str, Any]] = {int(r["cell"]): r for r in _rows(results.cells.reset_index())}
        self.axes = [axis["name"] for axis in results.config.get("axes") or ()]
        columns = [column for column, _ in COUNTERS.values() if column in results.replicates]
        keys = ["cell", "policy", "trial", "phase"]
        frame = results.replicates.assign(dead=results.replicates["oom"] | results.replicates["deadlock"])
        grouped = frame.groupby(keys, sort=False)
        means = grouped[["throughput", *columns]].mean()
        counts = grouped["dead"].agg(["size", "sum"])
        self.means = dict(zip(means.index, means.to_dict("records"), strict=True))
        self.counts = {k: (int(n), int(dead)) for k, n, dead in counts.itertuples()}
        self.common = (("sweep", results.name), ("config.sha256", results.config_sha256))

    def uid(self, *parts: object) -> str:
        """The same for the same trial of the same configuration, wherever it is published."""
        return "/".join([self.results.config_sha256[:16], *map(str, parts)])

    def trial(self, row: Mapping[str, Any]) -> Record:
        """A child run."""
        cell, policy, trial = int(row["cell"]), str(row["policy"]), int(row["trial"])
        knobs = {k.removeprefix(PARAM): int(v) for k, v in row.items() if k.startswith(PARAM) and str(v).isdigit()}
        role = "best" if row["is_best"] else "default" if row["is_default"] else "search"
        metrics = {
            **self._outcome((cell, policy, trial, "search"), ""),
            **self._outcome((cell, policy, trial, "confirm"), "confirm/"),
            **{f"x/{name}": float(value) for name, value in knobs.items()},
            **self._axes(cell),
        }
        dead = self.counts.get((cell, policy, trial, "search"), (0, 0))
        tags = [*self._tags(cell, policy), ("role", role), ("default", str(bool(row["is_default"])).lower())]
        return Record(
            uid=self.uid(cell, policy, trial),
            parent=self.uid(cell, policy, "study"),
            name=f"trial {trial}" + (f" ({role})" if role != "search" else ""),
            params=(("policy", policy), ("cell", self._label(cell)), *((k, str(v)) for k, v in knobs.items())),
            metrics=_finite(metrics),
            tags=(*tags, ("status_reason", f"oom {dead[1]}/{dead[0]}" if dead[1] else "ok"), ("level", "trial")),
        )

    def study(self, cell: int, policy: str, trials: list[dict[str, Any]]) -> Record:
        """A parent run; its oom_rate and throughput are those of its best trial so far."""
        best = min(trials, key=lambda row: (not row["is_best"], row["oom_rate"], -row["throughput"], row["trial"]))
        verdict = self.verdicts.get(cell)
        judged = verdict is not None and policy in (verdict.challenger, verdict.baseline)
        tags = [*self._tags(cell, policy), ("level", "study")]
        if verdict is not None and judged:
            theirs: Mapping[str, str] = {} if policy == verdict.challenger else {"win": "loss", "loss": "win"}
            tags.append(("verdict", theirs.get(verdict.finding, verdict.finding)))
        confirmed = self._outcome((cell, policy, int(best["trial"]), "confirm"), "confirm/")
        return Record(
            uid=self.uid(cell, policy, "study"),
            parent="",
            name=f"{policy} · {self._label(cell)}",
            params=(("policy", policy), ("cell", self._label(cell))),
            metrics=_finite(
                {
                    **self._outcome((cell, policy, int(best["trial"]), "search"), ""),
                    **confirmed,
                    "n_trials": float(len(trials)),
                    "best_trial": float(best["trial"]),
                    **self._axes(cell),
                }
            ),
            tags=(*tags, ("mlflow.note.content", study_note(policy, self._label(cell), verdict if judged else None))),
        )

    def map_record(self) -> Record:
        """The run that carries the map and the tables."""
        findings = [verdict.finding for verdict in self.verdicts.values()]
        # All four, zeros too: MLflow never forgets a metric, so one that is left out later would stay wrong.
        counts = {f"cells_{finding}": float(findings.count(finding)) for finding in FINDINGS if findings}
        note = map_note(list(self.verdicts.values()))
        return Record(
            uid=self.uid("map"),
            parent="",
            name="map",
            params=(),
            metrics=_finite({**counts, "n_trials": float(len(self.results.trials))}),
            tags=(*self.common, ("level", "map"), ("mlflow.note.content", note)),
        )

    def _outcome(self, key: tuple[int, str, int, str], prefix: str) -> dict[str, float]:
        """OOM rate with its exact interval and mean throughput; the counters for search replicates only."""
        if key not in self.counts:
            return {}
        n, dead = self.counts[key]
        found, means = rate(dead, n), self.means[key]
        values = {"oom_rate": found.value, "throughput": means["throughput"], "oom_rate_ci_lo": found.low}
        values |= {"oom_rate_ci_hi": found.high, "n_replicates": float(n)}
        if not prefix:
            values |= {name: means[col] / div for name, (col, div) in COUNTERS.items() if col in means}
        return {f"{prefix}{name}": value for name, value in values.items()}

    def _axes(self, cell: int) -> dict[str, float]:
        """Where a cell of the grid lies on the axes of numbers: tags and params are words, which no filter can compare as numbers."""
        row = self.cells[cell]
        return {f"axis/{name}": float(row[name]) for name in self.axes if isinstance(row[name], (int, float)) and not isinstance(row[name], bool)}

    def _label(self, cell: int) -> str:
        return str(self.cells[cell]["label"])

    def _tags(self, cell: int, policy: str) -> list[tuple[str, str]]:
        row = self.cells[cell]
        axes = [(f"axis.{name}", f"{row[name]:g}" if isinstance(row[name], float) else str(row[name])) for name in self.axes]
        known = [(name, value) for name, value in axes if value != "nan"]
        return [*self.common, ("policy", policy), ("cell", self._label(cell)), ("cell.kind", str(row["kind"])), *known]


def _rows(frame: Any) -> Iterator[dict[str, Any]]:
    yield from frame.to_dict("records")


def _finite(values: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Six digits, which its tables can show; MLflow stores infinity as a huge number, so that is left out."""
    return tuple((name, float(f"{value:.6g}")) for name, value in values.items() if math.isfinite(value))
