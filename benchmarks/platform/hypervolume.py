"""How good a search is for its trials: hypervolume at equal numbers of trials, of each sampler beside Optuna's default TPE.

    python benchmarks/platform/hypervolume.py RECORDS.jsonl [--seeds 20] [--trials 64] [--problem NAME] [--method NAME]

Every trial is a real simulation of a cell of configs/sweeps/duel.yaml. All methods search the same space on the same streams, begin with the
kernel's defaults, and differ in their seed alone from run to run. "default" is `TPESampler()` of Optuna as it comes, asked and told one trial
at a time, so it sees every result before the next trial; "default in batches" is the same asked for a batch before it is told any. The others
are `search.sampler` of a sweep file, a batch at a time. The volume is that of what the front dominates, each objective scaled to what any
method found on the problem (but for 1 % at each end, which count as the end); the score is the volume after 32 and after all trials.

Runs are kept in RECORDS.jsonl, one a line; those that are there are not run again, so a campaign can be stopped and go on. The table is printed
from the records: the mean of each method, and its difference from "default" with the 95 % interval of Welch's t.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna._hypervolume import compute_hypervolume
from scipy import stats

from core import policies
from sweep.config import Search
from sweep.history import MAXIMISED, Past, Score
from sweep.library import sweep_file
from sweep.plan import load_plan
from sweep.search import ask
from sweep.seeds import SEARCH
from sweep.space import Space
from sweep.study import Study, Task, learned, run_chosen, score

BATCH = 8
EARLY = 32
OUTLIERS = 0.01  # of the trials at each end do not stretch the scale: a run that dies early may have done its few operations fast
REFERENCE = 1.01  # of each objective, a little worse than the worst seen, so that the ends of a front count
METHODS = ("default", "default in batches", "tpe", "nsga2", "qmc", "random")
Losses = list[tuple[float, ...]]


@dataclass(frozen=True)
class Problem:
    """One search: a cell and a policy of the duel, and what is searched for."""

    name: str
    cell: str
    policy: str
    replicates: int
    objectives: tuple[str, ...]


PROBLEMS = (
    Problem("cliff", "anon_share=1.0 w_alloc_milli=250", "postponed", 3, ("oom_rate", "throughput")),
    Problem("four objectives", "anon_share=0.8 w_alloc_milli=0", "flusher_only", 2, ("oom_rate", "throughput", "stall_p99_ns", "idle_kbytes")),
    Problem("price of speed", "sqlite", "inline", 2, ("throughput", "idle_kbytes")),
)


def study_of(problem: Problem, trials: int) -> Study:
    """The study of a problem, as a sweep would run it."""
    plan = load_plan(sweep_file("duel"))
    (study,) = (s for s in plan.studies if s.cell.label == problem.cell and s.policy == problem.policy)
    keys = {"objectives": problem.objectives, "replicates": problem.replicates, "trials": trials, "batch": BATCH}
    return replace(study, search=Search.model_validate(study.search.model_dump() | keys, strict=False))


def searched(study: Study, method: str, seed: int, trials: int) -> tuple[list[Score], float]:
    """The trials of one run in order, and the CPU seconds that asking took."""
    if method.startswith("default"):
        return by_default(study, seed, trials, BATCH if method == "default in batches" else 1)
    search = study.search.model_copy(update={"sampler": method})
    study = replace(study, search=search)
    space = Space(policies.load(study.policy), study.cell.machine, study.space)
    past, found, asking = Past(), list[Score](), 0.0
    while past.count < trials:
        wanted = BATCH - (past.count == 0)
        began = time.process_time()
        asked = ask(search, space, past, seed, past.count // BATCH, wanted)
        asking += time.process_time() - began
        batch = [{}, *asked] if past.count == 0 else asked
        rows = run_chosen(Task(study, 0, SEARCH, Past()), tuple((past.count + n, tuple(params.items())) for n, params in enumerate(batch)))
        found += [score(study, row) for row in rows]
        past = learned(study, past, rows)
    return found, asking


def by_default(study: Study, seed: int, trials: int, batch: int) -> tuple[list[Score], float]:
    """The same with Optuna's own loop and its sampler as it comes."""
    objectives = study.search.objectives
    directions = ["maximize" if name in MAXIMISED else "minimize" for name in objectives]
    engine = optuna.create_study(directions=directions, sampler=optuna.samplers.TPESampler(seed=seed))  # type: ignore[arg-type]
    space = {d.name: optuna.distributions.IntDistribution(d.low, d.high, log=d.log) for d in study.space}
    task = Task(study, 0, SEARCH, Past())
    found, asking = list[Score](), 0.0
    while len(found) < trials:
        began = time.process_time()
        asked = [engine.ask(fixed_distributions=dict(space)) for _ in range(min(batch, trials - len(found)) if found else 0)]
        asking += time.process_time() - began
        params = [tuple(one.params.items()) for one in asked] or [()]
        rows = run_chosen(task, tuple((len(found) + n, values) for n, values in enumerate(params)))
        new = [score(study, row) for row in rows]
        began = time.process_time()
        for one, result in zip(asked, new, strict=bool(asked)):
            engine.tell(one, [result.value(name) for name in objectives])
        if not found and all(d.holds(dict(new[0].params)[d.name]) for d in study.space):
            values = [new[0].value(name) for name in objectives]
            known = {d.name: dict(new[0].params)[d.name] for d in study.space}
            engine.add_trial(optuna.trial.create_trial(values=values, params=known, distributions=dict(space)))
        asking += time.process_time() - began
        found += new
    return found, asking


def campaign(path: Path, problems: Sequence[Problem], methods: Sequence[str], seeds: int, trials: int) -> None:
    """Run what is not recorded yet."""
    done = {(r["problem"], r["method"], r["seed"], r["trials"]) for r in recorded(path)}
    for problem in problems:
        study = study_of(problem, trials)
        for seed in range(seeds):  # seed by seed, so that a busy minute hits every method
            for method in methods:
                if (problem.name, method, seed, trials) in done:
                    continue
                began = time.process_time()
                found, asking = searched(study, method, seed, trials)
                record = {
                    "problem": problem.name,
                    "method": method,
                    "seed": seed,
                    "trials": trials,
                    "asking_s": round(asking, 4),
                    "cpu_s": round(time.process_time() - began, 4),
                    "losses": [one.losses(study.search) for one in found],
                }
                with path.open("a") as file:
                    file.write(json.dumps(record) + "\n")
            print(f"{problem.name}: seed {seed + 1} of {seeds}", file=sys.stderr, flush=True)


def recorded(path: Path) -> list[dict[str, object]]:
    """The runs that are on record."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def volume(losses: Losses, best: NDArray[np.float64], worst: NDArray[np.float64]) -> float:
    """Share of the box from best to worst that the trials dominate."""
    span = np.where(worst > best, worst - best, 1.0)
    points = np.clip((np.array(losses) - best) / span, 0.0, 1.0)
    found: float = compute_hypervolume(np.unique(points, axis=0), np.full(points.shape[1], REFERENCE))
    return float(found / REFERENCE ** points.shape[1])


def table(path: Path, trials: int) -> str:
    """Mean volume of each method on each problem, and its difference from the default, in Markdown."""
    runs = [r for r in recorded(path) if r["trials"] == trials]
    lines = [
        f"| problem | method | seeds | after {EARLY} | difference | after {trials} | difference | asking, ms a trial |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for problem in dict.fromkeys(str(r["problem"]) for r in runs):
        of = [r for r in runs if r["problem"] == problem]
        points = np.array([loss for r in of for loss in r["losses"]])  # type: ignore[attr-defined]
        best, worst = np.quantile(points, OUTLIERS, axis=0), np.quantile(points, 1 - OUTLIERS, axis=0)
        volumes: dict[tuple[str, int], list[float]] = {}
        for r in of:
            for count in (EARLY, trials):
                volumes.setdefault((str(r["method"]), count), []).append(volume(r["losses"][:count], best, worst))  # type: ignore[index]
        for method in dict.fromkeys(str(r["method"]) for r in of):
            asking = [1000 * float(str(r["asking_s"])) / trials for r in of if r["method"] == method]
            cells = [problem, method, str(len(volumes[method, trials]))]
            for count in (EARLY, trials):
                ours, default = volumes[method, count], volumes["default", count]
                cells += [f"{np.mean(ours):.4f}", "" if method == "default" else difference(ours, default)]
            lines.append("| " + " | ".join([*cells, f"{np.median(asking):.1f}"]) + " |")
    return "\n".join(lines)


def difference(ours: Sequence[float], default: Sequence[float]) -> str:
    """Mean difference with the 95 % interval of Welch's t."""
    found = stats.ttest_ind(ours, default, equal_var=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interval = found.confidence_interval(0.95)
    mean = float(np.mean(ours) - np.mean(default))
    low, high = (mean if math.isnan(end) else float(end) for end in (interval.low, interval.high))
    return f"{mean:+.4f} [{low:+.4f}, {high:+.4f}]"


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", type=Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=64)
    parser.add_argument("--problem", action="append", choices=[problem.name for problem in PROBLEMS])
    parser.add_argument("--method", action="append", choices=METHODS)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    problems = [problem for problem in PROBLEMS if problem.name in (options.problem or [problem.name])]
    campaign(options.records, problems, options.method or METHODS, options.seeds, options.trials)
    print(table(options.records, options.trials))


if __name__ == "__main__":
    main()
