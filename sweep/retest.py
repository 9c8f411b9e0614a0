"""Retest: run a setting on fresh streams, which neither the search nor the confirm replicates have seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sweep.arms import Arm
from sweep.candidates import Params
from sweep.fresh import Fresh, Question, Run

if TYPE_CHECKING:
    from sweep.cells import Cell
    from sweep.executor import Executor
    from sweep.results import Results
    from sweep.stopping import Stop

PHASE: Final = "retest"
TRYOUT: Final = "tryout"  # other streams, to choose what is retested
POLL_S: Final = 0.25


@dataclass(frozen=True)
class Work:
    """One simulation, as work for an executor: a setting in a cell with the seed of its streams."""

    cell: Cell
    policy: str
    params: Params
    seed: int

    def run(self) -> Run:
        """Do it."""
        from sweep.trial import Replicate, run_trial

        row = run_trial(self.cell, self.policy, 0, dict(self.params), [Replicate(PHASE, 0, self.seed)]).replicates[0]
        return Run(self.seed, row.stream_digest, row.oom or row.deadlock, row.throughput)

    def failure(self, reason: str) -> str:
        """The line for a user, when it failed for ``reason``."""
        return f"retest in {self.cell.label}, policy {self.policy}, seed {self.seed}: {reason}"


@dataclass
class Bench:
    """What all retests of a recommendation share.

    Attributes:
        kept: what was run before; None: nothing is kept.
        executor: where simulations run; None: here, one at a time.
        stop: asked to stop; what is in flight is kept.
        progress: told the number of simulations done after each one.
        done: that number.
    """

    kept: Fresh | None = None
    executor: Executor[Any] | None = None
    stop: Stop | None = None
    progress: Callable[[int], None] | None = None
    done: int = 0

    def run(self, works: list[Work]) -> dict[int, Run]:
        """All of them, by seed; those that are kept are not run again.

        Raises:
            Interrupted: asked to stop; what was done is kept.
            ValueError: the policy refuses the params.
        """
        if not works:
            return {}
        question = Question(works[0].cell.key, works[0].policy, works[0].params)
        found = self.kept.held(question, [work.seed for work in works]) if self.kept else {}
        left = [work for work in works if work.seed not in found]
        for run in self._here(left) if self.executor is None or len(left) < 2 else self._there(left):
            found[run.seed] = run
            if self.kept:
                self.kept.keep(question, run)
            self.done += 1
            if self.progress:
                self.progress(self.done)
        return found

    def _here(self, works: list[Work]) -> Iterator[Run]:
        for work in works:
            self._check()
            yield work.run()

    def _there(self, works: list[Work]) -> Iterator[Run]:
        assert self.executor is not None
        waiting, flying = list(reversed(works)), 0
        while waiting or flying:
            stops = self.stop is not None and self.stop.requested
            while waiting and not stops and flying < 2 * self.executor.workers:
                self.executor.submit(waiting.pop())
                flying += 1
            run = self.executor.next(POLL_S) if flying else None
            if run is not None:
                flying -= 1
                yield run
            if stops and not flying:
                self._check()

    def _check(self) -> None:
        if self.stop is not None and self.stop.requested:
            raise self.stop.interrupted()


class Retester:
    """Runs replicates of any setting in any cell of a sweep; hand it to `sweep.recommend.recommend` as `retest`.

    The streams of replicate i of a cell are the same for every setting, and the same on every machine and day.
    """

    def __init__(
        self,
        results: Results,
        n: int,
        beside: Path | None = None,
        progress: Callable[[int], None] | None = None,
        bench: Bench | None = None,
        phase: str = PHASE,
    ) -> None:
        """Prepare to run, without running anything.

        Args:
            results: the sweep.
            n: replicates a setting and cell; `sweep.intervals.clean_replicates(bound)` is what a bound takes at least.
            beside: the sweep file; recorded traces are looked for beside it, then among the shipped ones.
            progress: told the number of simulations done after each one; a bench has its own.
            bench: shared with other retesters of the same sweep.
            phase: which streams; equal phases have equal streams.
        """
        self._results = results
        self._n = n
        self._beside = beside or Path("sweep.yaml")
        self._bench = bench or Bench(progress=progress)
        self._phase = phase
        self._cells: dict[int, Cell] = {}

    def tryout(self, n: int) -> Retester:
        """One with other streams, which the retest never sees."""
        return Retester(self._results, n, self._beside, bench=self._bench, phase=TRYOUT)

    def __call__(self, cell: int, policy: str, params: Params) -> Arm:
        """Replicates of the params in the cell.

        Raises:
            ConfigError: a recorded trace that cannot be found.
            ValueError: the policy refuses the params.
        """
        from core import policies

        if cell not in self._cells:
            self._cells[cell] = self._cell(cell)
        where = self._cells[cell]
        policies.load(policy).resolve(where.machine, dict(params))
        seeds = self._seeds(where)
        runs = self._bench.run([Work(where, policy, params, seed) for seed in seeds])
        found = [runs[seed] for seed in seeds]
        return Arm(
            cell=cell,
            policy=policy,
            trial=-1,
            params=params,
            replicates=tuple(range(self._n)),
            streams=tuple(run.stream for run in found),
            oom=tuple(run.oom for run in found),
            throughput=tuple(run.throughput for run in found),
        )

    def _seeds(self, where: Cell) -> list[int]:
        from sweep.seeds import replicate_seed

        return [replicate_seed(int(self._results.config["seed"]), where.key, self._phase, number) for number in range(self._n)]

    def _cell(self, cell: int) -> Cell:
        """The cell as it was when the sweep ran.

        Raises:
            ConfigError: the trace is missing, or another one than the sweep ran.
        """
        from core import Machine
        from sweep import workloads
        from sweep.cells import Cell
        from sweep.errors import ConfigError
        from sweep.fields import build

        row = self._results.cells.loc[cell]
        identity = self._results.config["cells"][cell]
        machine = build(Machine, json.loads(str(row["machine"])))
        try:
            workload = workloads.load(json.loads(str(row["workload"])), self._beside)
        except ValueError as error:
            raise ConfigError(f"cell {row['label']}: {error}") from None
        return Cell(cell, str(row["label"]), str(row["kind"]), (), machine, workload, identity["key"])
