"""A study: the search for one policy in one cell, as a chain of batches; the next follows from the finished trials.

``chosen`` asks the sampler once for all trials of a batch, ``run_chosen`` simulates any of them, anywhere and in any order, and ``finished``
puts their rows together; ``run_task`` does all three in one place, with the same result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from core import policies
from sweep.cells import Cell
from sweep.config import Search
from sweep.history import Past, Score
from sweep.looks import looks
from sweep.poison import Poison
from sweep.racing import race
from sweep.search import ask
from sweep.seeds import CONFIRM, SEARCH, replicate_seed, study_seed
from sweep.space import Dimension, Space, idle_kbytes
from sweep.trial import Replicate, TrialRow, run_trial

_policy = cache(policies.load)  # looking for its file takes longer than all else that the driver does for a trial
Chosen = tuple[tuple[int, tuple[tuple[str, int], ...]], ...]  # number and params of trials


@dataclass(frozen=True)
class Study:
    """What never changes during a search.

    Attributes:
        cell: where.
        policy: what.
        space: which tunables are searched; empty: only the enqueued trials are run.
        search: how, and the budget.
        seed: the sweep's seed.
        baselines: params of the published settings that are run after the kernel's defaults.
    """

    cell: Cell
    policy: str
    space: tuple[Dimension, ...]
    search: Search
    seed: int
    baselines: tuple[tuple[tuple[str, int], ...], ...] = ()

    @property
    def key(self) -> tuple[int, str]:
        """Identity in the sweep: index of the cell and name of the policy."""
        return self.cell.index, self.policy

    @property
    def enqueued(self) -> tuple[dict[str, int], ...]:
        """Params of the first trials: the kernel's defaults, then the baselines."""
        return {}, *(dict(params) for params in self.baselines)

    @property
    def n_trials(self) -> int:
        """Trials of the whole search."""
        return max(self.search.trials, len(self.enqueued)) if self.space else len(self.enqueued)

    @property
    def n_search_batches(self) -> int:
        """Batches of the search."""
        return -(-self.n_trials // self.search.batch)

    @property
    def looks(self) -> tuple[int, ...]:
        """How many confirm replicates the best trial has after each look at the verdict: doubled while it is undecided."""
        return looks(self.search.confirm, self.search.confirm_max)

    def replicates(self, phase: str, look: int = 0) -> tuple[Replicate, ...]:
        """The replicates of a phase, for a later look only those that it adds: the same for every policy and trial of the cell."""
        if phase == SEARCH:
            first, last = 0, self.search.replicates
        else:
            first, last = (0, *self.looks)[look], self.looks[look]
        return tuple(Replicate(phase, n, replicate_seed(self.seed, self.cell.key, phase, n)) for n in range(first, last))


@dataclass(frozen=True)
class Task:
    """One batch of one study to be computed, with all it depends on.

    Attributes:
        study: of which study.
        batch: number of the batch in the study.
        phase: "search" or "confirm".
        past: the finished trials of the study.
        look: of a confirm batch, which one it is.
    """

    study: Study
    batch: int
    phase: str
    past: Past
    look: int = 0

    @property
    def n_trials(self) -> int:
        """How many trials the task has."""
        if self.phase == CONFIRM:
            return len(confirmed_trials(self.past, self.look))
        return min(self.study.search.batch, self.study.n_trials - self.past.count)

    @property
    def n_simulations(self) -> int:
        """How many simulations the task takes; fewer, if trials are given up early."""
        return self.n_trials * len(self.study.replicates(self.phase, self.look))

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


def confirmed_trials(past: Past, look: int = 0) -> tuple[Score, ...]:
    """The trials that are run again on fresh replicates: the defaults (trial 0) and the best; in later looks the best alone."""
    if past.first is None or past.best is None:
        raise ValueError("confirm: no finished trial; allowed: after the search")
    return (past.best,) if past.best.trial == 0 or look else (past.first, past.best)


def score(study: Study, row: TrialRow) -> Score:
    """A finished search trial as the search sees it."""
    params = dict(row.params)
    idle = idle_kbytes(_policy(study.policy), study.cell.machine, params)
    searched = tuple((d.name, params[d.name]) for d in study.space)
    # Of a baseline, what is not searched matters too: it is confirmed with all its params.
    kept = searched if row.number >= len(study.enqueued) else tuple(params.items())
    return Score(row.number, kept, row.oom_rate, row.throughput, row.stall_p99_ns, float(idle), row.is_stopped)


def poison_score(study: Study, poison: Poison) -> Score:
    """A poison trial as the search sees it: given up, and as bad as can be; it is in no table of results."""
    params = dict(poison.params)
    return Score(poison.number, tuple((d.name, params.get(d.name, d.low)) for d in study.space), 1.0, 0.0, is_stopped=True)


def learned(study: Study, past: Past, trials: Sequence[TrialRow], poison: Sequence[Poison] = ()) -> Past:
    """What a study remembers, with some more search trials."""
    found = [(score(study, row), row.bar) for row in trials]
    found += [(poison_score(study, one), ()) for one in poison]
    for one, bar in sorted(found, key=lambda pair: pair[0].trial):
        past = past.plus(one, bar, study.search)
    return past


def next_task(study: Study, past: Past, looked: int, wants_more: bool = False) -> Task | None:
    """The batch that continues the study, or None when it is complete.

    Args:
        study: which.
        past: its finished search trials.
        looked: confirm batches that are in.
        wants_more: the verdict is undecided after them.
    """
    if past.count < study.n_trials:
        return Task(study, past.count // study.search.batch, SEARCH, past)
    if looked == 0 or (wants_more and looked < len(study.looks)):
        return Task(study, study.n_search_batches + looked, CONFIRM, past, looked)
    return None


def run_task(task: Task) -> Batch:
    """Compute one batch: ask, simulate, and return the rows. Runs on a worker; pure."""
    return finished(task, run_chosen(task, chosen(task)))


def chosen(task: Task) -> Chosen:
    """Number and params of each trial of the batch; asks the sampler once for all of them. Runs on a worker; pure."""
    if task.phase == CONFIRM:
        return tuple((score.trial, score.params) for score in confirmed_trials(task.past, task.look))
    study, first = task.study, task.past.count
    enqueued = list(study.enqueued[first : first + task.n_trials])
    asked: list[dict[str, int]] = []
    if wanted := task.n_trials - len(enqueued):
        space = Space(_policy(study.policy), study.cell.machine, study.space, dict(study.cell.params))
        seed = study_seed(study.seed, study.cell.key, study.policy)
        asked = ask(study.search, space, task.past, seed, task.batch, wanted)
    return tuple((number, tuple(params.items())) for number, params in enumerate([*enqueued, *asked], start=first))


def run_chosen(task: Task, trials: Chosen) -> tuple[TrialRow, ...]:
    """Simulate some of the batch's trials; each row is the same whichever others are asked for."""
    study = task.study
    replicates = study.replicates(task.phase, task.look)
    racing = race(study.search, task.past.bar) if task.phase == SEARCH else None
    n_full = len(study.enqueued)  # the defaults and the baselines are run in full, whatever they do
    return tuple(run_trial(study.cell, study.policy, number, dict(params), replicates, racing if number >= n_full else None) for number, params in trials)


def finished(task: Task, rows: Sequence[TrialRow], poison: Sequence[Poison] = ()) -> Batch:
    """The batch of a task from its rows, in any order."""
    ordered = tuple(sorted(rows, key=lambda row: row.number))
    named = tuple(sorted(poison, key=lambda one: one.number))
    return Batch(task.study.cell.index, task.study.policy, task.batch, task.phase, ordered, named)
