"""What the driver costs: trials per second and CPU per trial with simulations that do nothing, and over a long sweep.

    python benchmarks/platform/driver.py noop [--workers 1 2 64] [--executor process] [--trials 20000]
    python benchmarks/platform/driver.py flat [--trials 10000] [--results DIRECTORY]

noop: random search; workers ask Optuna and make up the rows, so that nothing is left but asking, sending, committing each batch to the store
with full synchronisation, and counting. flat: a real sweep of short simulations (peers.yaml with 1 s), published to
MLflow on the way, with the driver's CPU time and memory at points; the search is what the file says for that budget.
"""

from __future__ import annotations

import argparse
import os
import resource
import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.platform.ready import ready
from core import Outcome, policies
from sweep.config import Mlflow
from sweep.executor import make
from sweep.follower import Follower
from sweep.mlflowdb import local_uri
from sweep.pieces import Chain, Piece
from sweep.plan import Plan, load_plan
from sweep.progress import Tally
from sweep.runner import Runner, open_store
from sweep.stopping import Stop
from sweep.store import Store, StudyKey
from sweep.study import Task, chosen
from sweep.trial import Replicate, ReplicateRow, TrialRow
from sweep.warm import warm
from tests.faulty import mlflow_server

PEERS = Path(__file__).with_name("peers.yaml")
NAMES = Outcome.fields()


@dataclass(frozen=True)
class Nothing(Chain):
    """A chain of batches whose simulations do nothing."""

    def rows(self, task: Task) -> list[TrialRow]:
        """What a simulation without any cost would have given: numbers of the size of real ones."""
        found = []
        policy = policies.load(task.study.policy)
        for number, params in chosen(task):
            replicates = task.study.replicates(task.phase)
            values = tuple(1_000_003 * (number + 1) % (n + 7) * 1000 for n in range(len(NAMES)))
            resolved = tuple(policy.resolve(task.study.cell.machine, dict(params)).items())
            found.append(TrialRow(number, resolved, tuple(self._row(one, values, number) for one in replicates)))
        return found

    @staticmethod
    def _row(replicate: Replicate, values: tuple[int, ...], number: int) -> ReplicateRow:
        return ReplicateRow(replicate, "0" * 64, f"{number:064x}", False, False, 1000.0 + number % 97, values)


class NothingRunner(Runner):
    """Sends no simulation."""

    def _begin(self, key: StudyKey) -> Piece:
        task = self._book.task(key)
        assert task is not None
        return Nothing(task, None)


@dataclass
class Points:
    """The driver's CPU time and memory against trials, sampled as they come."""

    every: int
    replicates: int
    rows: list[tuple[int, float, float, float]]

    def __call__(self, tally: Tally) -> None:
        """Called after every commit."""
        trials = tally.simulations_now // self.replicates
        if not self.rows or trials >= self.rows[-1][0] + self.every:
            self.rows.append((trials, time.process_time(), time.perf_counter(), _resident_mib()))


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def measured(plan: Plan, directory: Path, kind: Any, workers: int, runner: type[Runner], points: Points) -> tuple[float, float, int]:
    """Seconds, driver's CPU seconds and simulations of a sweep on a new store, workers ready beforehand."""
    with Store(directory) as store, Stop("") as stop:
        open_store(plan, store)
        executor = make(kind, workers, None, directory)
        ready(executor, workers)
        began, cpu = time.perf_counter(), time.process_time()
        tally = runner(plan, store, executor, points).run(stop)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        executor.close()
        return seconds, cpu, tally.simulations_now


def noop(kind: str, workers: list[int], trials: int) -> None:
    """Print a line for each number of workers."""
    studies = 8
    sets = [f"search.trials={trials // studies}", "search.sampler=random", "search.replicates=1", "search.confirm=1", "search.batch=50"]
    plan = load_plan(PEERS, sets)
    print("| executor | workers | trials | s | trials/s committed | driver CPU, ms a trial |\n|---|---|---|---|---|---|")
    for n in workers:
        with tempfile.TemporaryDirectory() as name:
            seconds, cpu, _ = measured(plan, Path(name), kind, n, NothingRunner, Points(trials, 1, []))
        done = sum(study.n_trials for study in plan.studies)
        print(f"| {kind} | {n} | {done} | {seconds:.1f} | {done / seconds:.0f} | {1000 * cpu / done:.3f} |", flush=True)


def flat(kind: str, trials: int, directory: Path) -> None:
    """Print the driver's cost per trial on the way, and how long MLflow's server takes to show the sweep."""
    sets = [f"search.trials={trials // 8}", "search.sampler=auto", "search.replicates=1", "search.confirm=1", "workload.duration_s=1", "search.batch=20"]
    plan = load_plan(PEERS, sets)
    for policy in plan.sweep.policies:
        warm(policy)
    points = Points(max(trials // 20, 1), 1, [])
    follower = Follower(directory, local_uri(directory), Mlflow(trial_runs="all"))
    seconds, cpu, count = measured(plan, directory, kind, 2, Runner, points)
    began = time.perf_counter()
    done = follower.finish(None)
    if "error" in done:
        raise SystemExit(done["error"])
    after_s = time.perf_counter() - began
    print(f"{count} simulations in {seconds:.0f} s, driver {1000 * cpu / count:.2f} ms each; in MLflow {after_s:.0f} s later\n")
    print("| trials | driver CPU, ms a trial since the line above | trials/s | resident, MiB |\n|---|---|---|---|")
    for before, after in zip(points.rows, points.rows[1:], strict=False):
        n = after[0] - before[0]
        print(f"| {after[0]} | {1000 * (after[1] - before[1]) / n:.3f} | {n / (after[2] - before[2]):.0f} | {after[3]:.0f} |")
    _browse(directory, str(done["experiment_id"]))


def _browse(directory: Path, experiment: str) -> None:
    """Time what the pages ask a real server for: the first hundred runs, the best, and a filter."""
    from mlflow import MlflowClient

    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    with mlflow_server(local_uri(directory), directory / "served") as port:
        client = MlflowClient(f"http://127.0.0.1:{port}")
        print("\n| asked of the server | runs | s |\n|---|---|---|")
        for what, text, order in (
            ("the first 100 runs", "", []),
            ("the 100 best", "", ["metrics.throughput DESC"]),
            ("a filter", "metrics.oom_rate < 0.01 and metrics.throughput > 0", []),
        ):
            began = time.perf_counter()
            found = client.search_runs([experiment], text, max_results=100, order_by=order)
            print(f"| {what} | {len(found)} | {time.perf_counter() - began:.2f} |")
        began, count, token = time.perf_counter(), 0, None
        while token != "":
            page = client.search_runs([experiment], max_results=1000, page_token=token)
            count, token = count + len(page), page.token or ""
        print(f"| all of them | {count} | {time.perf_counter() - began:.2f} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["noop", "flat"])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 64])
    parser.add_argument("--executor", choices=["process", "ray"], default="process")
    parser.add_argument("--trials", type=int)
    parser.add_argument("--results", type=Path, help="of flat: a new directory to keep, for `highwater ui`")
    options = parser.parse_args()
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    if options.what == "noop":
        noop(options.executor, options.workers, options.trials or 20_000)
    else:
        with tempfile.TemporaryDirectory() as name:
            flat(options.executor, options.trials or 10_000, options.results or Path(name))


if __name__ == "__main__":
    from benchmarks.platform import driver  # workers find its classes by this name

    driver.main()
