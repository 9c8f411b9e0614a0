"""Run a scenario: every row on the same replicates, then measures, paired ratios and what does not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from sweep.executor import Executor, ProcessExecutor, SerialExecutor
from sweep.expectation import Interval, word_holds
from sweep.measure import median, ratio, value
from sweep.scenario import Row, Scenario
from sweep.trial import Replicate, ReplicateRow, run_trial

PHASE: Final = "compare"
POLL_S: Final = 0.25


@dataclass(frozen=True)
class Run:
    """One replicate of one row, as work for an executor.

    Attributes:
        row: which row, from 0.
        of: the row.
        seed: number of the replicate and seed of its streams, so that rows with the same machine and workload have the same streams.
    """

    row: int
    of: Row
    seed: int

    def run(self) -> tuple[int, ReplicateRow]:
        """Number of the row, and what the simulation did."""
        trial = run_trial(self.of.cell, self.of.policy, 0, self.of.params, (Replicate(PHASE, self.seed, self.seed),))
        return self.row, trial.replicates[0]

    def failure(self, reason: str) -> str:
        """The line for a user, when it failed for ``reason``."""
        return f'row "{self.of.name}", policy {self.of.policy}, seed {self.seed}: {reason}'


@dataclass(frozen=True)
class RowResult:
    """What the replicates of a row did.

    Attributes:
        row: of the scenario.
        replicates: in the order of their seeds.
        baseline: the same replicates of the row that it is compared with; None: of no row.
    """

    row: Row
    replicates: tuple[ReplicateRow, ...]
    baseline: tuple[ReplicateRow, ...] | None

    def values(self, measure: str) -> list[float | None]:
        """A measure of each replicate; None where it is undefined."""
        return [value(measure, replicate) for replicate in self.replicates]

    def median(self, measure: str) -> float | None:
        """Over the replicates where the measure is defined."""
        return median(self.values(measure))

    def count(self, measure: str) -> int:
        """Replicates in which the measure is above 0."""
        return sum((v or 0) > 0 for v in self.values(measure))

    def ratio(self, measure: str) -> float | None:
        """Median of the ratios against the baseline, replicate by replicate; None without a baseline, or if it is undefined."""
        bases = (value(measure, replicate) for replicate in self.baseline or ())
        return median(ratio(v, base) for v, base in zip(self.values(measure), bases, strict=False))

    def failures(self) -> Iterator[str]:
        """What does not hold and is no known miss, each in words."""
        return (f"{measure}: {words}" for measure, words in self._unmet() if measure not in self.row.missed)

    def known_misses(self) -> Iterator[str]:
        """What does not hold as was known, each with its reason."""
        return (f"{measure}: {self.row.missed[measure]}" for measure in dict.fromkeys(m for m, _ in self._unmet()) if measure in self.row.missed)

    def mended(self) -> Iterator[str]:
        """Known misses that hold, each in words."""
        unmet = {measure for measure, _ in self._unmet()}
        return (f"{measure}: as expected, but recorded as missed; allowed: without the key missed" for measure in self.row.missed if measure not in unmet)

    def _unmet(self) -> Iterator[tuple[str, str]]:
        of = len(self.replicates)
        for measure, expected in self.row.expect.items():
            if isinstance(expected, Interval):
                found = self.ratio(measure)
                if not expected.holds(found):
                    yield measure, f'{_number(found)} times that of "{self.row.baseline}"; expected: {expected}'
            elif not word_holds(expected, self.count(measure), of):
                yield measure, f"{self.count(measure)} of {of} replicates; expected: {expected}"
        for measure, interval in self.row.expect_median.items():
            if not interval.holds(found := self.median(measure)):
                yield measure, f"median {_number(found)}; expected: {interval}"


def compare(scenario: Scenario, jobs: int = 1, report: Callable[[int], None] = lambda done: None) -> list[RowResult]:
    """Run every replicate of every row.

    Args:
        scenario: what to run.
        jobs: processes; the results are the same whatever the number.
        report: called with the number of simulations done, after each and several times a second.

    Raises:
        WorkerError: a simulation failed, which is a defect; a killed task or a deadlock is a result.
    """
    # Seed by seed, so that the streams which rows share are used while a worker has them.
    runs = [Run(number, row, seed) for seed in range(scenario.seeds) for number, row in enumerate(scenario.rows)]
    jobs = min(jobs, len(runs))
    executor: Executor[tuple[int, ReplicateRow]] = SerialExecutor() if jobs == 1 else ProcessExecutor(jobs)
    found: list[list[ReplicateRow]] = [[] for _ in scenario.rows]
    done = 0
    try:
        for run in runs:
            executor.submit(run)
        while done < len(runs):
            if (result := executor.next(POLL_S)) is not None:
                found[result[0]].append(result[1])
                done += 1
            report(done)
    finally:
        executor.close()
    replicates = {row.name: _ordered(rows) for row, rows in zip(scenario.rows, found, strict=True)}
    return [RowResult(row, replicates[row.name], replicates[row.baseline] if row.baseline else None) for row in scenario.rows]


def _ordered(rows: list[ReplicateRow]) -> tuple[ReplicateRow, ...]:
    return tuple(sorted(rows, key=lambda row: row.replicate.number))


def _number(found: float | None) -> str:
    return "undefined" if found is None else f"{found:.4g}"
