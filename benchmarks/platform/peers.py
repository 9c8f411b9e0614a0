"""Highwater beside its peers: the same compiled simulations, driven four ways, in one run.

    python benchmarks/platform/peers.py [--rounds 3] [--trials 60] [--peer-trials 24]

Replicated: 8 studies of 60 trials with 8 replicates (peers.yaml), in (a) a bare loop in two processes and (d) Highwater on Ray with two
workers, TPE and MLflow on SQLite. The loop runs exactly the simulations that Highwater ran, streams compiled beforehand, and compares digests.
The clocks of both start when their workers have imported and loaded everything; Highwater's compiles its streams on the way and ends when everything
is in the store. What it takes from nothing to the first trial and what is left to publish after the sweep have columns of their own.

Single: trials of one replicate in (a), (b) Ray Tune with OptunaSearch and MLflowLoggerCallback, (c) Optuna's study.optimize with two threads and
one MLflow run for each trial, and (d). All on two cores, MLflow on SQLite. Medians over the rounds.
"""

from __future__ import annotations

import argparse
import os
import secrets
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.platform.pure import Pure, simulations
from benchmarks.platform.ready import ready
from core import policies, simulate
from sweep.config import Mlflow
from sweep.executor import make
from sweep.follower import Follower
from sweep.mlflowdb import local_uri
from sweep.plan import Plan, load_plan
from sweep.runner import Runner, open_store
from sweep.stopping import Stop
from sweep.store import Store
from sweep.warm import warm
from sweep.workloads import compile_streams

HERE = Path(__file__).parent
WORKERS = 2
SPACE = {"min_free_kbytes": (500, 16000), "dirty_ratio": (11, 80)}


@dataclass
class Line:
    """One line of the table."""

    name: str
    trials: int = 0
    simulations: int = 0
    seconds: list[float] = field(default_factory=list)
    more: dict[str, list[float]] = field(default_factory=dict)

    def add(self, seconds: float, trials: int, count: int, **more: float) -> None:
        """One round."""
        self.seconds.append(seconds)
        self.trials, self.simulations = trials, count
        for name, value in more.items():
            self.more.setdefault(name, []).append(value)

    @property
    def rate(self) -> float:
        """Trials per second."""
        return self.trials / statistics.median(self.seconds)


def highwater(plan: Plan, directory: Path, line: Line) -> None:
    """(d): a whole sweep on a new store, on a Ray cluster of its own."""
    first: list[float] = []
    began = time.perf_counter()
    with Store(directory) as store, Stop("") as stop:
        open_store(plan, store)
        follower = Follower(directory, local_uri(directory), Mlflow(trial_runs="all"))
        executor = make("ray", WORKERS, None, directory)
        ready(executor, WORKERS, plan.sweep.policies)
        started, cpu = time.perf_counter(), time.process_time()

        def report(tally: Any) -> None:
            if tally.simulations_now and not first:
                first.append(time.perf_counter() - began)

        tally = Runner(plan, store, executor, report).run(stop)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        executor.close()
        ended = time.perf_counter()
        follower.finish(None)
        follower.close()
        trials = sum(study.n_trials for study in plan.studies)
        line.add(
            seconds, trials, tally.simulations_now,
            first_trial_s=first[0], publish_after_s=time.perf_counter() - ended, driver_ms_per_trial=1000 * cpu / trials,
        )  # fmt: skip


class Trial:
    """One simulation of a cell as peers would write it: streams and code are kept from call to call."""

    def __init__(self, sweep: str, sets: list[str]) -> None:
        self._arguments = (sweep, sets)
        self._ready: tuple[Any, ...] | None = None

    def __getstate__(self) -> Mapping[str, Any]:
        return {"_arguments": self._arguments, "_ready": None}

    def __call__(self, params: Mapping[str, int]) -> tuple[float, float]:
        """OOM (0 or 1) and operations per second."""
        if self._ready is None:
            cell = load_plan(Path(self._arguments[0]), self._arguments[1]).cells[0]
            self._ready = cell.machine, policies.load("flusher_only"), compile_streams(cell.workload, cell.machine, 1)
        machine, policy, streams = self._ready
        outcome = simulate(machine, policy, dict(params), streams)
        return float(outcome.oom), float(outcome.throughput)


def ray_tune(trial: Trial, trials: int, directory: Path, line: Line) -> None:
    """(b): the stack that Ray's documentation shows."""
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    import ray
    from ray import tune
    from ray.air.integrations.mlflow import MLflowLoggerCallback
    from ray.tune.search.optuna import OptunaSearch

    def objective(config: dict[str, int]) -> None:
        oom, throughput = trial(config)
        tune.report({"oom": oom, "throughput": throughput})

    ray.init(address="local", num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level=40, _node_ip_address="127.0.0.1")
    try:
        space = {"min_free_kbytes": tune.lograndint(*SPACE["min_free_kbytes"]), "dirty_ratio": tune.randint(*SPACE["dirty_ratio"])}
        callback = MLflowLoggerCallback(tracking_uri=local_uri(directory), experiment_name="tune")
        search = OptunaSearch(metric=["oom", "throughput"], mode=["min", "max"])
        config = tune.TuneConfig(search_alg=search, num_samples=trials, max_concurrent_trials=WORKERS)
        run = tune.RunConfig(callbacks=[callback], storage_path=str(directory), verbose=0)
        tuner = tune.Tuner(objective, param_space=space, tune_config=config, run_config=run)
        began = time.perf_counter()
        found = tuner.fit()
        seconds = time.perf_counter() - began
        if found.num_errors or len(found) != trials:
            raise SystemExit(f"ray tune: {found.num_errors} errors, {len(found)} of {trials} trials")
        line.add(seconds, trials, trials)
    finally:
        ray.shutdown()


def optuna_mlflow(trial: Trial, trials: int, directory: Path, line: Line) -> None:
    """(c): Optuna's own loop in two threads (the simulation lets go of the GIL) and a run of MLflow for each trial."""
    import optuna
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    client = MlflowClient(tracking_uri=local_uri(directory))
    experiment = client.create_experiment("optuna")

    def objective(one: optuna.Trial) -> tuple[float, float]:
        params = {"min_free_kbytes": one.suggest_int("min_free_kbytes", *SPACE["min_free_kbytes"], log=True)}
        params["dirty_ratio"] = one.suggest_int("dirty_ratio", *SPACE["dirty_ratio"])
        oom, throughput = trial(params)
        run = client.create_run(experiment).info.run_id
        now = int(time.time() * 1000)
        metrics = [Metric("oom", oom, now, 0), Metric("throughput", throughput, now, 0)]
        client.log_batch(run, metrics=metrics, params=[Param(name, str(value)) for name, value in params.items()])
        client.set_terminated(run)
        return oom, throughput

    study = optuna.create_study(directions=["minimize", "maximize"], sampler=optuna.samplers.TPESampler(seed=1))
    trial({"dirty_ratio": 20})
    began = time.perf_counter()
    study.optimize(objective, n_trials=trials, n_jobs=WORKERS)
    line.add(time.perf_counter() - began, trials, trials)


def _new(body: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        body(Path(directory))


def replicated(rounds: int, trials: int) -> list[Line]:
    """8 replicates a trial: (a) and (d), one after the other in each round."""
    plan = load_plan(HERE / "peers.yaml", [f"search.trials={trials}"])
    loop, ours = Line("(a) bare loop, 2 processes"), Line("(d) Highwater, Ray, 2 workers")

    def one_round(directory: Path) -> None:
        highwater(plan, directory, ours)
        work = simulations(plan, directory)
        pure = Pure(work, WORKERS)
        loop.add(pure(), ours.trials, len(work))
        pure.close()

    for number in range(rounds):
        print(f"replicated: round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        _new(one_round)
    return [loop, ours]


def single(rounds: int, trials: int, peer_trials: int) -> list[Line]:
    """1 replicate a trial: all four."""
    sets = [f"search.trials={trials}", "search.replicates=1", "search.confirm=1"]
    plan = load_plan(HERE / "peers.yaml", sets)
    trial = Trial(str(HERE / "peers.yaml"), sets)
    loop, tune, optuna, ours = (
        Line("(a) bare loop, 2 processes"),
        Line("(b) Ray Tune + OptunaSearch + MLflowLoggerCallback"),
        Line("(c) Optuna study.optimize + MLflow run a trial"),
        Line("(d) Highwater, Ray, 2 workers"),
    )

    def ours_and_loop(directory: Path) -> None:
        highwater(plan, directory, ours)
        work = simulations(plan, directory)
        pure = Pure(work, WORKERS)
        loop.add(pure(), len(work), len(work))
        pure.close()

    for number in range(rounds):
        print(f"single: round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        _new(ours_and_loop)
        _new(lambda directory: optuna_mlflow(trial, 4 * peer_trials, directory, optuna))
        _new(lambda directory: ray_tune(trial, peer_trials, directory, tune))
    return [loop, tune, optuna, ours]


def show(title: str, lines: list[Line]) -> None:
    """Print a table in Markdown."""
    more = list(dict.fromkeys(name for line in lines for name in line.more))
    print(f"\n{title}\n\n| | trials | simulations | s | trials/s | simulations/s | of (a) | {' | '.join(name.replace('_', ' ') for name in more)} |")
    print("|---|" + "---|" * (6 + len(more)))
    base = lines[0].simulations / statistics.median(lines[0].seconds)
    for line in lines:
        seconds = statistics.median(line.seconds)
        extra = [f"{statistics.median(line.more[name]):.2f}" if name in line.more else "" for name in more]
        rate = line.simulations / seconds
        cells = [line.name, line.trials, line.simulations, f"{seconds:.1f}", f"{line.rate:.2f}", f"{rate:.1f}", f"{rate / base:.1%}", *extra]
        print("| " + " | ".join(map(str, cells)) + " |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=60, help="of each study")
    parser.add_argument("--peer-trials", type=int, default=24, help="of Ray Tune; Optuna's loop gets four times as many")
    parser.add_argument("--only", choices=["replicated", "single"])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # one for every cluster that is started here
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    for policy in ("inline", "flusher_only"):
        warm(policy)
    if options.only != "single":
        show("8 replicates a trial", replicated(options.rounds, options.trials))
    if options.only != "replicated":
        lines = single(options.rounds, options.trials, options.peer_trials)
        show("1 replicate a trial", lines)
        print(f"\n(d) does {lines[3].rate / lines[1].rate:.0f} times the trials/s of (b), {lines[3].rate / lines[2].rate:.1f} times those of (c)")


if __name__ == "__main__":
    main()
