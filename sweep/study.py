"""A study: the search for one policy in one cell, as a chain of batches; the next follows from the finished trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweep.cells import Cell
from sweep.config import Search
from sweep.poison import Poison
from sweep.search import Score, ask
from sweep.seeds import CONFIRM, SEARCH, replicate_seed, study_seed
from sweep.space import Dimension
from sweep.trial import Replicate, TrialRow, run_trial

Chosen = tuple[tuple[int, tuple[tuple[str, int], ...]], ...]  # number and params of trials


@dataclass(frozen=True)
class Study:
    """What never changes during a search.

    Attributes:
        cell: where.
        policy: what.
        space: which tunables are searched; empty: only the defaults are tried.
        search: how, and the budget.
        seed: the sweep's seed.
    """

    cell: Cell
    policy: str
    space: tuple[Dimension, ...]
    search: Search
    seed: int

    @property
    def key(self) -> tuple[int, str]:
        """Identity in the sweep: index of the cell and name of the policy."""
        return self.cell.index, self.policy

    @property
    def n_trials(self) -> int:
        """Trials of the whole search."""
        return self.search.trials if self.space else 1

    @property
    def n_batches(self) -> int:
        """Batches of the whole study, the confirm batch included."""
        return -(-self.n_trials // self.search.batch) + 1

    def replicates(self, phase: str) -> tuple[Replicate, ...]:
        """The replicates of a phase: the same for every policy and trial of the cell."""
        count = self.search.replicates if phase == SEARCH else self.search.confirm
        return tuple(Replicate(phase, n, replicate_seed(self.seed, self.cell.key, phase, n)) for n in range(count))


@dataclass(frozen=True)
class Task:
    """One batch of one study to be computed, with all it depends on.

    Attributes:
        study: of which study.
        batch: number of the batch in the study.
        phase: "search" or "confirm".
        history: the finished trials of the study, in trial order.
    """

    study: Study
    batch: int
    phase: str
    history: tuple[Score, ...]

    @property
    def n_trials(self) -> int:
        """How many trials the task has."""
        if self.phase == CONFIRM:
            return len(confirmed_trials(self.history))
        return min(self.study.search.batch, self.study.n_trials - len(self.history))

    @property
    def n_simulations(self) -> int:
        """How many simulations the task takes."""
        return self.n_trials * (self.study.search.confirm if self.phase == CONFIRM else self.study.search.replicates)

    def run(self) -> Batch:
        """Compute it; see ``work.Work``."""
        return run_task(self)

    def failure(self, reason: str) -> str:
        """The line for a user, when it failed for ``reason``."""
        cell = self.study.cell
        return f"cell {cell.index} ({cell.label}), policy {self.study.policy}, batch {self.batch}: {reason}; what was committed before is kept"


@dataclass(frozen=True)
class Batch:
    """A finished task: what the driver commits in one transaction.

    Attributes:
        poison: trials that could not be computed, with their reasons; they are not among ``trials``.
    """

    cell: int
    policy: str
    batch: int
    phase: str
    trials: tuple[TrialRow, ...]
    poison: tuple[Poison, ...] = ()


def best(history: Sequence[Score]) -> Score:
    """The trial with the lowest OOM rate, among those the fastest, among those the first."""
    return min(history, key=lambda score: (score.oom_rate, -score.throughput, score.trial))


def confirmed_trials(history: Sequence[Score]) -> tuple[Score, ...]:
    """The trials that are run again on fresh replicates: the defaults (trial 0) and the best."""
    winner = best(history)
    return (winner,) if winner.trial == 0 else (history[0], winner)


def score(study: Study, row: TrialRow) -> Score:
    """A finished search trial as the search sees it."""
    params = dict(row.params)
    return Score(row.number, tuple((d.name, params[d.name]) for d in study.space), row.oom_rate, row.throughput)


def scores(study: Study, batch: Batch) -> tuple[Score, ...]:
    """A finished search batch as the search sees it, in trial order; a poison trial is as bad as can be, so that none is chosen."""
    found = [score(study, row) for row in batch.trials] + [poison_score(study, one) for one in batch.poison]
    return tuple(sorted(found, key=lambda one: one.trial))


def poison_score(study: Study, poison: Poison) -> Score:
    """A poison trial as the search sees it; it is in no table of results."""
    params = dict(poison.params)
    return Score(poison.number, tuple((d.name, params.get(d.name, d.low)) for d in study.space), 1.0, 0.0)


def next_task(study: Study, history: tuple[Score, ...], is_confirmed: bool) -> Task | None:
    """The batch that continues the study, or None when it is complete."""
    if is_confirmed:
        return None
    batch = len(history) // study.search.batch
    if len(history) < study.n_trials:
        return Task(study, batch, SEARCH, history)
    return Task(study, study.n_batches - 1, CONFIRM, history)


def run_task(task: Task) -> Batch:
    """Compute one batch: ask, simulate, and return the rows. Runs on a worker; pure."""
    return finished(task, run_chosen(task, chosen(task)))


def chosen(task: Task) -> Chosen:
    """Number and params of each trial of the batch; asks Optuna. Runs on a worker; pure."""
    if task.phase == SEARCH:
        return tuple((number, tuple(params.items())) for number, params in _asked(task))
    return tuple((score.trial, score.params) for score in confirmed_trials(task.history))


def run_chosen(task: Task, trials: Chosen) -> tuple[TrialRow, ...]:
    """Simulate some of the batch's trials; each row is the same whichever others are asked for."""
    replicates = task.study.replicates(task.phase)
    return tuple(run_trial(task.study.cell, task.study.policy, number, dict(params), replicates) for number, params in trials)


def finished(task: Task, rows: Sequence[TrialRow], poison: Sequence[Poison] = ()) -> Batch:
    """The batch of a task from its rows, in any order."""
    ordered = tuple(sorted(rows, key=lambda row: row.number))
    named = tuple(sorted(poison, key=lambda one: one.number))
    return Batch(task.study.cell.index, task.study.policy, task.batch, task.phase, ordered, named)


def _asked(task: Task) -> list[tuple[int, dict[str, int]]]:
    """Number and params of each trial of a search batch; trial 0 is the kernel's defaults."""
    study, first = task.study, len(task.history)
    count = min(study.search.batch, study.n_trials - first)
    enqueued: list[dict[str, int]] = [{}] if first == 0 else []
    wanted = count - len(enqueued)
    seed = study_seed(study.seed, study.cell.key, study.policy)
    asked = ask(study.search, study.space, task.history, seed, task.batch, wanted) if wanted else []
    return list(enumerate([*enqueued, *asked], start=first))
