"""The loop of a sweep, on one screen: submit, collect, commit, go on. The driver does nothing else for a trial."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core import Outcome
from sweep.book import Book
from sweep.errors import ConfigError, WorkerError
from sweep.executor import Executor
from sweep.pieces import LIMIT_S, WORTH_S, Alone, Ask, Chain, Part, Piece, parts
from sweep.plan import Plan
from sweep.poison import Poison
from sweep.progress import Tally
from sweep.provenance import changed, made_by
from sweep.stopping import Stop
from sweep.store import Store, StudyKey
from sweep.study import Batch, Chosen, Task, finished
from sweep.trial import TrialRow
from sweep.work import Ended, Lost

POLL_S = 0.25
IN_FLIGHT = 2  # pieces per worker: one that runs and one that waits, so that no worker waits for the driver
SUSPICIOUS = 2  # workers lost with a batch: from now on its trials are suspects
ALL_POISON = 10  # trials given up before any was computed: not they are to blame
MAX_LOSSES = 20  # workers lost in a row with pieces that cannot be to blame: something is wrong with the machines


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


def is_complete(plan: Plan, store: Store) -> bool:
    """Whether everything of the plan is in the store."""
    return Book(plan, store).is_complete


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
        self._book = Book(plan, store)
        self._ready = deque(self._book.ready())
        self._waiting: deque[Piece] = deque()  # pieces of batches that were begun
        self._cuts: dict[StudyKey, Cut] = {}
        self._losses: Counter[int] = Counter()  # workers lost with a piece, by its id
        self._seconds: dict[StudyKey, float] = {}  # that the last batch took
        self._flying = 0
        self._given_up = 0
        self._held = store.count_replicates()
        self._done = 0
        self._remaining = self._book.remaining()
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
                woken = {key: None for batch in batches for key in self._collect(batch)}
                # Depth first: a cell is decided early and its streams stay warm.
                self._ready.extendleft(key for key in woken if self._book.task(key))
            self._report(self.tally())
        return self.tally()

    def tally(self) -> Tally:
        """How far the sweep is."""
        return Tally(
            studies_done=self._book.studies_done,
            studies=self._book.studies,
            simulations_done=self._held + self._done,
            simulations=self._held + self._done + self._remaining,
            simulations_now=self._done,
            cells_complete=self._book.cells_complete,
            cells=self._book.cells,
            elapsed_s=time.monotonic() - self._began,
        )

    def _begin(self, key: StudyKey) -> Piece:
        """The first piece of a study's next batch: all of it, or the question which trials it has, if there are CPUs for several pieces."""
        task = self._book.task(key)
        assert task is not None
        share = self._executor.workers // max(1, self._book.studies - self._book.studies_done)
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
            self._given_up += isinstance(found, Poison)
            if self._given_up >= ALL_POISON and not self._done and isinstance(found, Poison):
                raise WorkerError(piece.failure(f"{found.reason}; the first {self._given_up} trials could not be computed, and none could"))
            return self._add(key, (), (found,)) if isinstance(found, Poison) else self._add(key, (found,), ())
        return []

    def _cut(self, key: StudyKey, trials: Chosen) -> None:
        """Pieces for the trials of a batch."""
        cut = self._cuts[key]
        cut.waiting = len(trials)
        if cut.suspects:
            self._waiting.extend(Alone(cut.task, self._limit_s, (one,)) for one in trials)
        else:
            share = max(1, self._executor.workers // max(1, self._book.studies - self._book.studies_done))
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

    def _collect(self, batch: Batch) -> list[StudyKey]:
        """Take in a batch; the studies that can go on because of it."""
        before = self._book.remaining_of(batch.cell)
        woken = self._book.add(batch)
        self._done += sum(len(trial.replicates) for trial in batch.trials)
        self._remaining += self._book.remaining_of(batch.cell) - before
        return woken
