"""Whole-sweep trials per second beside pure compute of the same simulations, in one run.

    python benchmarks/platform/overhead.py [SWEEP.yaml] [--rounds 3] [--set KEY=VALUE]

Each round measures every line of the table once, so a busy minute of the machine hits all of them. Pure compute is a
loop around `core.simulate` with streams that are compiled already; on two workers it is that loop in two processes at
once. A sweep adds asking Optuna, compiling streams, sending tasks and results, and committing each batch to the store:
that is "added", in CPU time of a worker. Each executor runs the sweep twice on new stores: "first" includes starting the
workers, "warm" does not.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from rich.console import Console
from rich.table import Table

from core import Streams, policies, simulate
from sweep.cells import Cell
from sweep.executor import Executor, Kind, SerialExecutor, make
from sweep.plan import Plan, load_plan
from sweep.runner import Runner, open_store
from sweep.stopping import Stop
from sweep.store import Store
from sweep.study import Batch
from sweep.workloads import compile_streams

SMALL = Path(__file__).with_name("small.yaml")


@dataclass(frozen=True)
class Simulation:
    """One simulation of the sweep: what goes in, and the digest of what came out."""

    cell: Cell
    policy: str
    params: tuple[tuple[str, int], ...]
    seed: int
    digest: str

    def run(self, streams: Streams) -> None:
        """Simulate, and check that it is the same simulation."""
        outcome = simulate(self.cell.machine, policies.load(self.policy), dict(self.params), streams)
        if outcome.digest != self.digest:
            raise SystemExit(f"cell {self.cell.label}, policy {self.policy}: another outcome than in the sweep")


def pure(work: Sequence[Simulation]) -> Callable[[], float]:
    """Prepare a loop over the simulations, streams compiled and code warm; calling it gives its seconds."""
    streams = {key: compile_streams(one.cell.workload, one.cell.machine, one.seed) for key, one in _by_stream(work).items()}
    pairs = [(one, streams[one.cell.key, one.seed]) for one in work]
    for one, stream in {one.policy: (one, stream) for one, stream in pairs}.values():
        one.run(stream)

    def loop() -> float:
        began = time.perf_counter()
        for one, stream in pairs:
            one.run(stream)
        return time.perf_counter() - began

    return loop


def _by_stream(work: Sequence[Simulation]) -> dict[tuple[str, int], Simulation]:
    return {(one.cell.key, one.seed): one for one in work}


def _serve(connection: Connection, work: Sequence[Simulation]) -> None:
    """The other process of `pure_in_processes`: says when it is ready, then runs once for each word it gets."""
    loop = pure(work)
    connection.send(0.0)
    while connection.recv():
        connection.send(loop())


class PureInProcesses:
    """The pure loop, divided over processes that all start at the same moment."""

    def __init__(self, work: Sequence[Simulation], workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._ends: list[Connection] = []
        self._processes = []
        for start in range(workers):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, work[start::workers]), daemon=True)
            process.start()
            self._ends.append(ours)
            self._processes.append(process)
        for end in self._ends:
            end.recv()

    def __call__(self) -> float:
        """Seconds until the last process has finished its share, scaled to equal shares."""
        for end in self._ends:
            end.send(True)
        return float(statistics.mean(end.recv() for end in self._ends))

    def close(self) -> None:
        """End the processes."""
        for end in self._ends:
            end.send(False)
        for process in self._processes:
            process.join()


class Recorder(SerialExecutor[Batch]):
    """A serial executor that keeps what it computed."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Batch] = []

    def next(self, timeout_s: float) -> Batch | None:
        """A finished batch; see Executor."""
        batch = super().next(timeout_s)
        if batch is not None:
            self.batches.append(batch)
        return batch


def run_sweep(plan: Plan, executor: Executor[Batch]) -> float:
    """Seconds of a whole sweep on a new store."""
    with tempfile.TemporaryDirectory() as directory, Store(Path(directory)) as store, Stop("") as stop:
        began = time.perf_counter()
        open_store(plan, store)
        Runner(plan, store, executor, lambda tally: None).run(stop)
        return time.perf_counter() - began


def simulations(plan: Plan) -> list[Simulation]:
    """Every simulation of the sweep, from running it."""
    recorder = Recorder()
    run_sweep(plan, recorder)
    cells = {cell.index: cell for cell in plan.cells}
    return [
        Simulation(cells[batch.cell], batch.policy, trial.params, row.replicate.seed, row.digest)
        for batch in recorder.batches
        for trial in batch.trials
        for row in trial.replicates
    ]


@dataclass(frozen=True)
class Line:
    """One line of the table: seconds of each round."""

    name: str
    workers: int
    seconds: list[float]
    starts: list[float]


def measure(plan: Plan, work: Sequence[Simulation], rounds: int) -> list[Line]:
    """Every line, `rounds` times, side by side."""
    alone = pure(work)
    lines = [Line("pure compute", 1, [], []), Line("sweep, serial", 1, [], []), Line("pure compute", 2, [], [])]
    kinds: tuple[Kind, ...] = ("process", "ray")
    lines += [Line(f"sweep, {kind}", 2, [], []) for kind in kinds]
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        lines[0].seconds.append(alone())
        lines[1].seconds.append(run_sweep(plan, SerialExecutor()))
        lines[2].seconds.append(_both_at_once(work))
        for line, kind in zip(lines[3:], kinds, strict=True):
            first, warm = _first_and_warm(plan, kind, line.workers)
            line.starts.append(first)
            line.seconds.append(warm)
    return lines


def _both_at_once(work: Sequence[Simulation]) -> float:
    both = PureInProcesses(work, 2)
    seconds = both()
    both.close()
    return seconds


def _first_and_warm(plan: Plan, kind: Kind, workers: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as scratch:
        began = time.perf_counter()
        executor = make(kind, workers, None, Path(scratch))
        run_sweep(plan, executor)
        first = time.perf_counter() - began
        warm = run_sweep(plan, executor)
        executor.close()
        return first, warm


def show(lines: Sequence[Line], trials: int, count: int) -> None:
    """Print the table: medians over the rounds, and each sweep as a share of the pure compute on as many workers."""
    table = Table(title=f"{trials} trials, {count} simulations; medians of {len(lines[0].seconds)} rounds")
    for heading in ("", "workers", "first s", "warm s", "trials/s", "runs/s", "of pure", "added ms/trial"):
        table.add_column(heading, justify="left" if heading == "" else "right")
    reference = {line.workers: statistics.median(line.seconds) for line in lines if line.name == "pure compute"}
    for line in lines:
        seconds = statistics.median(line.seconds)
        share = statistics.median(p / s for p, s in zip(_pure_of(lines, line), line.seconds, strict=True))
        overhead = 1000 * line.workers * (seconds - reference[line.workers]) / trials
        first = f"{statistics.median(line.starts):.2f}" if line.starts else "-"
        rates = f"{trials / seconds:.1f}", f"{count / seconds:.1f}"
        table.add_row(line.name, str(line.workers), first, f"{seconds:.2f}", *rates, f"{share:.1%}", f"{overhead:.1f}")
    Console(width=100).print(table)


def _pure_of(lines: Sequence[Line], line: Line) -> list[float]:
    return next(other.seconds for other in lines if other.name == "pure compute" and other.workers == line.workers)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", type=Path, nargs="?", default=SMALL, help="default: small.yaml beside this file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], dest="sets", metavar="KEY=VALUE", help="as for `highwater run`")
    options = parser.parse_args()
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # one for every cluster that is started here
    plan = load_plan(options.sweep, options.sets)
    print("running the sweep once to know its simulations", file=sys.stderr, flush=True)
    work = simulations(plan)
    lines = measure(plan, work, options.rounds)
    show(lines, sum(study.n_trials for study in plan.studies), len(work))


if __name__ == "__main__":
    main()
