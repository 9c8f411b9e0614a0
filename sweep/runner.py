"""The loop of a sweep, on one screen: submit, collect, commit, go on. The driver does nothing else for a trial."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core import Outcome
from sweep.errors import ConfigError, WorkerError
from sweep.executor import Executor
from sweep.pieces import LIMIT_S, WORTH_S, Alone, Ask, Chain, Part, Piece, parts
from sweep.plan import Plan
from sweep.poison import Poison
from sweep.progress import Tally
from sweep.provenance import changed, made_by
from sweep.search import Score
from sweep.seeds import CONFIRM, SEARCH
from sweep.stopping import Stop
from sweep.store import Store, StudyKey
from sweep.study import Batch, Chosen, Study, Task, finished, next_task, poison_score, scores
from sweep.trial import TrialRow
from sweep.work import Ended, Lost

POLL_S = 0.25
IN_FLIGHT = 2  # pieces per worker: one that runs and one that waits, so that no worker waits for the driver
SUSPICIOUS = 2  # workers lost with a batch: from now on its trials are suspects
MAX_LOSSES = 20  # workers lost in a row with pieces that cannot be to blame: something is wrong with the machines


@dataclass
class Ledger:
    """Which trials of a study are in.

    Attributes:
        study: of which.
        history: scores of the finished search trials, in trial order.
        is_confirmed: the confirm batch is in.
    """

    study: Study
    history: tuple[Score, ...] = ()
    is_confirmed: bool = False

    def task(self) -> Task | None:
        """The batch that continues the study, or None when it is complete."""
        return next_task(self.study, self.history, self.is_confirmed)

    def add(self, batch: Batch) -> None:
        """Take in a finished batch."""
        if batch.phase == CONFIRM:
            self.is_confirmed = True
        else:
            self.history += scores(self.study, batch)

    def remaining(self) -> int:
        """Simulations still to do; the confirm batch of an unfinished search counts in full."""
        search = self.study.search
        if self.is_confirmed:
            return 0
        if len(self.history) < self.study.n_trials:
            unfinished = self.study.n_trials - len(self.history)
            return unfinished * search.replicates + min(self.study.n_trials, 2) * search.confirm
        task = self.task()
        return task.n_simulations if task else 0


def open_store(plan: Plan, store: Store) -> bool:
    """Make ``store`` the plan's; True if it already was, so that the run resumes.

    Raises:
        ConfigError: it holds another sweep, or was computed by another simulator or library version.
    """
    now = made_by()
    meta = {"name": plan.sweep.name, "config": plan.config, "config_sha256": plan.config_sha256}
    file = {"file": str(plan.file.resolve()), "mlflow": plan.sweep.mlflow.model_dump_json()}
    fields = {"outcome_fields": _json_list(Outcome.fields())}
    if store.begin(meta | file | fields | now, plan.cells):
        return False
    held = store.meta()
    way_out = "allowed: --results with a new directory, or move this one away"
    if held["config_sha256"] != plan.config_sha256:
        ours, theirs = plan.config_sha256[:12], held["config_sha256"][:12]
        raise ConfigError(f"{store.path}: holds results of another configuration ({theirs}, {plan.file} now is {ours}); {way_out}")
    differing = changed(held, now)
    if differing:
        raise ConfigError(f"{store.path}: was computed by another version ({'; '.join(differing)}); {way_out}")
    return True


def _json_list(names: tuple[str, ...]) -> str:
    return "[" + ",".join(f'"{name}"' for name in names) + "]"


def ledgers(plan: Plan, store: Store) -> dict[tuple[int, str], Ledger]:
    """Where every study of the plan stands, from the store."""
    held, poison, confirmed = store.finished(), store.poison(), store.confirmed()
    found = {}
    for study in plan.studies:
        searched = {dimension.name for dimension in study.space}
        history = [
            Score(trial, tuple(item for item in params if item[0] in searched), oom_rate, throughput)
            for trial, params, oom_rate, throughput in held.get(study.key, [])
        ]
        history += [poison_score(study, one) for one in poison.get(study.key, []) if one.phase == SEARCH]
        found[study.key] = Ledger(study, tuple(sorted(history, key=lambda one: one.trial)), study.key in confirmed)
    return found


def is_complete(plan: Plan, store: Store) -> bool:
    """Whether everything of the plan is in the store."""
    return all(ledger.is_confirmed for ledger in ledgers(plan, store).values())


@dataclass
class Cut:
    """A batch that is computed in several pieces.

    Attributes:
        task: the batch.
        rows, poison: what is in.
        waiting: how many trials are not.
        suspects: a worker was lost with it, so its trials are run alone.
        seconds: that the pieces took in all.
    """

    task: Task
    suspects: bool = False
    waiting: int = 0
    rows: list[TrialRow] = field(default_factory=list)
    poison: list[Poison] = field(default_factory=list)
    seconds: float = 0.0


class Runner:
    """Runs what is left of a plan."""

    def __init__(self, plan: Plan, store: Store, executor: Executor[Any], report: Callable[[Tally], None], limit_s: float | None = LIMIT_S) -> None:
        """``report`` is called with how far the sweep is, after every commit and at least every second; ``limit_s`` is what a trial may take."""
        self._store, self._executor, self._report, self._limit_s = store, executor, report, limit_s
        self._ledgers = ledgers(plan, store)
        self._ready = deque(key for key, ledger in self._ledgers.items() if ledger.task())
        self._open_studies = len(self._ready)
        self._waiting: deque[Piece] = deque()  # pieces of batches that were begun
        self._cuts: dict[StudyKey, Cut] = {}
        self._losses: Counter[int] = Counter()  # workers lost with a piece, by its id
        self._seconds: dict[StudyKey, float] = {}  # that the last batch took
        self._flying = 0
        self._held = store.count_replicates()
        self._done = 0
        self._remaining = sum(ledger.remaining() for ledger in self._ledgers.values())
        self._studies_done = sum(ledger.is_confirmed for ledger in self._ledgers.values())
        self._open = dict.fromkeys((cell for cell, _ in self._ledgers), 0)
        for (cell, _), ledger in self._ledgers.items():
            self._open[cell] += not ledger.is_confirmed
        self._began = time.monotonic()

    def run(self, stop: Stop) -> Tally:
        """Until everything is in, or ``stop`` is requested.

        Raises:
            Interrupted: stopped before the end; everything that arrived in time is committed.
            WorkerError: a batch cannot even be asked for, or workers are lost again and again.
        """
        self._began = time.monotonic()
        while self._ready or self._waiting or self._flying:
            while not stop.requested and self._flying < IN_FLIGHT * self._executor.workers and (self._waiting or self._ready):
                self._executor.submit(self._waiting.popleft() if self._waiting else self._begin(self._ready.popleft()))
                self._flying += 1
            if stop.requested and (not self._flying or stop.is_overdue):
                raise stop.interrupted()
            batches = [batch for ended in self._executor.collect(POLL_S) for batch in self._taken(ended)]
            if batches:
                self._store.commit(*batches)
                for batch in batches:
                    self._collect(batch)
                # Depth first: a cell is decided early and its streams stay warm.
                self._ready.extendleft(key for key in {(b.cell, b.policy): None for b in batches} if not self._ledgers[key].is_confirmed)
            self._report(self.tally())
        return self.tally()

    def tally(self) -> Tally:
        """How far the sweep is."""
        return Tally(
            studies_done=self._studies_done,
            studies=len(self._ledgers),
            simulations_done=self._held + self._done,
            simulations=self._held + self._done + self._remaining,
            simulations_now=self._done,
            cells_complete=sum(count == 0 for count in self._open.values()),
            cells=len(self._open),
            elapsed_s=time.monotonic() - self._began,
        )

    def _begin(self, key: StudyKey) -> Piece:
        """The first piece of a study's next batch: all of it, or the question which trials it has, if there are CPUs for several pieces."""
        task = self._ledgers[key].task()
        assert task is not None
        share = self._executor.workers // max(1, self._open_studies)
        if share > 1 and task.n_trials > 1 and self._seconds.get(key, 2 * WORTH_S) > WORTH_S:
            self._cuts[key] = Cut(task)
            return Ask(task, self._limit_s)
        return Chain(task, self._limit_s)

    def _taken(self, ended: Ended) -> list[Batch]:
        """The batches that are complete with this."""
        self._flying -= 1
        piece = ended.work
        assert isinstance(piece, Piece)
        key = piece.task.study.key
        if isinstance(ended, Lost):
            self._lose(key, piece, ended)
            return []
        self._losses.pop(id(piece), None)
        if isinstance(piece, Chain):
            batches, self._seconds[key] = ended.result
            return list(batches)
        if isinstance(piece, Ask):
            self._cut(key, ended.result)
        elif isinstance(piece, Part):
            rows, seconds = ended.result
            return self._add(key, rows, (), seconds)
        else:
            found = ended.result
            return self._add(key, (), (found,)) if isinstance(found, Poison) else self._add(key, (found,), ())
        return []

    def _cut(self, key: StudyKey, trials: Chosen) -> None:
        """Pieces for the trials of a batch."""
        cut = self._cuts[key]
        cut.waiting = len(trials)
        if cut.suspects:
            self._waiting.extend(Alone(cut.task, self._limit_s, (one,)) for one in trials)
        else:
            share = max(1, self._executor.workers // max(1, self._open_studies))
            worth = max(1, int(self._seconds[key] / WORTH_S)) if key in self._seconds else len(trials)
            self._waiting.extend(parts(cut.task, trials, min(share, worth), self._limit_s))

    def _add(self, key: StudyKey, rows: Sequence[TrialRow], poison: Sequence[Poison], seconds: float = 0.0) -> list[Batch]:
        cut = self._cuts[key]
        cut.rows += rows
        cut.poison += poison
        cut.seconds += seconds
        cut.waiting -= len(rows) + len(poison)
        if cut.waiting:
            return []
        del self._cuts[key]
        self._seconds[key] = cut.seconds
        return [finished(cut.task, cut.rows, cut.poison)]

    def _lose(self, key: StudyKey, piece: Piece, lost: Lost[Any]) -> None:
        """Try again what was lost with its worker once; then, or if it raised an error, run each trial alone."""
        self._losses[id(piece)] += 1
        losses = self._losses[id(piece)]
        if isinstance(piece, Ask | Alone):
            # Neither runs a trial in the worker's own process, so the worker was lost to something else.
            if not lost.is_worker or losses > MAX_LOSSES:
                raise WorkerError(piece.failure(lost.reason))
            self._waiting.appendleft(piece)
        elif lost.is_worker and losses < SUSPICIOUS:
            self._waiting.append(piece)
        elif isinstance(piece, Part):
            del self._losses[id(piece)]
            self._waiting.extend(Alone(piece.task, self._limit_s, (one,)) for one in piece.trials)
        else:
            del self._losses[id(piece)]
            self._cuts[key] = Cut(piece.task, suspects=True)
            self._waiting.append(Ask(piece.task, self._limit_s))

    def _collect(self, batch: Batch) -> None:
        key = (batch.cell, batch.policy)
        ledger = self._ledgers[key]
        before = ledger.remaining()
        ledger.add(batch)
        self._done += sum(len(trial.replicates) for trial in batch.trials)
        self._remaining += ledger.remaining() - before
        self._studies_done += ledger.is_confirmed
        self._open_studies -= ledger.is_confirmed
        self._open[batch.cell] -= ledger.is_confirmed
