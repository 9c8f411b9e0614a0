"""Planted sweeps:

result tables with a truth that the test chose, in the shape that `sweep.results.load_results` returns.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sweep.library import load_named
from sweep.results import Results

POLICIES = ("inline", "postponed", "flusher_only")
DEFAULTS = {"min_free_kbytes": 1448, "dirty_background_ratio": 10, "dirty_ratio": 20, "swappiness": 60}
COUNTERS = (
    "elapsed_ns",
    "ops_done",
    "stall_ns_p99",
    "pgscan_direct",
    "allocstall",
    "pswpout",
    "workingset_refault_file",
)


@dataclass(frozen=True)
class Truth:
    """Chance of OOM and mean operations per second of one arm."""

    oom: float = 0.0
    speed: float = 50_000.0


Plan = Callable[[Mapping[str, object], str, bool], Truth]  # (axis values or {"point": name}, policy, tuned?) -> truth


def same(_cell: Mapping[str, object], _policy: str, _tuned: bool) -> Truth:
    """Nothing makes any difference."""
    return Truth()


def planted(
    plan: Plan = same,
    *,
    axes: Mapping[str, Sequence[object]] | None = None,
    points: Sequence[str] = (),
    refined: Sequence[Mapping[str, object]] = (),
    policies: Sequence[str] = POLICIES,
    trials: int = 3,
    confirm: int = 8,
    noise: float = 0.01,
    between: float = 0.2,
    seed: int = 1,
    name: str = "planted",
) -> Results:
    """A finished sweep with the truths of `plan`.

    Args:
        plan: truth of an arm from the cell's axis values, the policy and whether it is tuned.
        axes: axis name -> values of the grid.
        points: named cells beside the grid.
        refined: axis values of cells between those of the grid.
        policies: names of the policies; the first two are compared, the second one is the challenger; one alone is not compared.
        trials: trials of each study, the default among them.
        confirm: confirm replicates.
        noise: standard deviation of the log throughput of one run.
        between: standard deviation of what the runs of one replicate share.
        seed: of the planted noise.
        name: of the sweep.
    """
    axes = {"anon_share": [0.2, 0.5, 0.8], "w_alloc_milli": [0, 1000]} if axes is None else axes
    rng = np.random.default_rng(seed)
    cells = _cells(axes, points, refined)
    trial_rows: list[dict[str, object]] = []
    replicate_rows: list[dict[str, object]] = []
    for cell in cells.to_dict("records"):
        where = {"point": cell["label"]} if cell["kind"] == "point" else {axis: cell[axis] for axis in axes}
        shared = rng.normal(0, between, confirm)
        luck = rng.random(confirm)
        for policy in policies:
            for trial in range(trials):
                is_best = trial == trials - 1
                truth = plan(where, policy, is_best)
                trial_rows.append(_trial(cell["cell"], policy, trial, trials, truth))
                phases = ["search"] * 2 + ["confirm"] * (confirm if trial in (0, trials - 1) else 0)
                for i, phase in enumerate(phases):
                    r = i if phase == "search" else i - 2
                    speed = truth.speed * float(np.exp(shared[r % confirm] + rng.normal(0, noise)))
                    oom = bool(luck[r % confirm] < truth.oom)
                    replicate_rows.append(_replicate(cell["cell"], policy, trial, phase, r, oom, speed))
    config = _config(name, axes, points, policies, trials, confirm)
    text = json.dumps(config, sort_keys=True)
    trials_frame = pd.DataFrame(trial_rows).astype({f"param:{p}": "Int64" for p in (*DEFAULTS, "watermark_scale_factor")})
    return Results(
        name=name,
        config=config,
        config_sha256=hashlib.sha256(text.encode()).hexdigest(),
        cells=cells.set_index("cell"),
        trials=trials_frame,
        replicates=pd.DataFrame(replicate_rows),
    )


def _cells(axes: Mapping[str, Sequence[object]], points: Sequence[str], refined: Sequence[Mapping[str, object]] = ()) -> pd.DataFrame:
    grid: list[dict[str, object]] = [{}]
    for axis, values in axes.items():
        grid = [{**cell, axis: value} for cell in grid for value in values]
    machine = load_named("machine", "pc-2007-128m", Path("planted.yaml"))[0]
    placed = [(cell, "grid") for cell in grid if axes] + [(dict(cell), "refined") for cell in refined]
    rows = [{"label": " ".join(f"{k}={v}" for k, v in cell.items()), "kind": kind, **cell} for cell, kind in placed] + [
        {"label": point, "kind": "point", **dict.fromkeys(axes, np.nan)} for point in points
    ]
    frame = pd.DataFrame(rows)
    frame.insert(0, "cell", range(len(frame)))
    frame["machine"] = json.dumps(machine)
    frame["workload"] = json.dumps({"kind": "mix"})
    return frame


def _config(
    name: str,
    axes: Mapping[str, Sequence[object]],
    points: Sequence[str],
    policies: Sequence[str],
    trials: int,
    confirm: int,
) -> dict[str, object]:
    return {
        "name": name,
        "seed": 2007,
        "machine": "pc-2007-128m",
        "workload": "mix",
        "policies": list(policies),
        "compare": {"challenger": policies[1], "baseline": policies[0]} if len(policies) > 1 else None,
        "axes": [{"name": axis, "set": f"workload.{axis}", "values": list(values)} for axis, values in axes.items()],
        "points": [{"name": point, "set": {}} for point in points],
        "search": {"sampler": "tpe", "trials": trials, "batch": 2, "replicates": 2, "confirm": confirm},
    }


def _trial(cell: object, policy: str, trial: int, trials: int, truth: Truth) -> dict[str, object]:
    modern = policy == "flusher_only"
    tuned = {"min_free_kbytes": 1448 + 700 * trial, "dirty_ratio": 20 + trial}
    values = DEFAULTS | (tuned if trial else {})
    return {
        "cell": cell,
        "policy": policy,
        "trial": trial,
        "is_default": trial == 0,
        "is_best": trial == trials - 1,
        "n_search": 2,
        "n_oom_search": round(2 * truth.oom),
        "oom_rate": truth.oom,
        "throughput": truth.speed,
        **{f"param:{key}": value for key, value in values.items()},
        "param:watermark_scale_factor": 10 + 40 * trial if modern else pd.NA,
    }


def _replicate(cell: object, policy: str, trial: int, phase: str, r: int, oom: bool, speed: float) -> dict[str, object]:
    stream = hashlib.sha256(f"{cell} {phase} {r}".encode()).hexdigest()
    digest = hashlib.sha256(f"{stream} {policy} {trial}".encode()).hexdigest()
    row: dict[str, object] = {"cell": cell, "policy": policy, "trial": trial, "phase": phase, "replicate": r}
    row |= {"stream_digest": stream, "digest": digest, "oom": oom, "deadlock": False, "throughput": speed}
    return row | {name: int(speed) for name in COUNTERS} | {"oom_kills": int(oom)}
