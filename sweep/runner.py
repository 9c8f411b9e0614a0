"""The loop of a sweep, on one screen: submit, collect, commit, go on. The driver does nothing else for a trial."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from core import Outcome
from sweep.errors import ConfigError
from sweep.executor import Executor
from sweep.plan import Plan
from sweep.progress import Tally
from sweep.provenance import changed, made_by
from sweep.search import Score
from sweep.seeds import CONFIRM
from sweep.stopping import Stop
from sweep.store import Store
from sweep.study import Batch, Study, Task, next_task, score

POLL_S = 0.25
IN_FLIGHT = 2  # tasks per worker: one that runs and one that waits, so that no worker waits for the driver


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
            self.history += tuple(score(self.study, row) for row in batch.trials)

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
    file = {"file": str(plan.file.resolve())}
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
    finished, confirmed = store.finished(), store.confirmed()
    found = {}
    for study in plan.studies:
        searched = {dimension.name for dimension in study.space}
        scores = (
            Score(trial, tuple(item for item in params if item[0] in searched), oom_rate, throughput)
            for trial, params, oom_rate, throughput in finished.get(study.key, [])
        )
        found[study.key] = Ledger(study, tuple(scores), study.key in confirmed)
    return found


def is_complete(plan: Plan, store: Store) -> bool:
    """Whether everything of the plan is in the store."""
    return all(ledger.is_confirmed for ledger in ledgers(plan, store).values())


class Runner:
    """Runs what is left of a plan."""

    def __init__(self, plan: Plan, store: Store, executor: Executor[Batch], report: Callable[[Tally], None]) -> None:
        """``report`` is called with how far the sweep is, after every batch and at least every second."""
        self._store, self._executor, self._report = store, executor, report
        self._ledgers = ledgers(plan, store)
        self._ready = deque(key for key, ledger in self._ledgers.items() if ledger.task())
        self._in_flight: set[tuple[int, str]] = set()
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
        """
        self._began = time.monotonic()
        while self._ready or self._in_flight:
            while self._ready and not stop.requested and len(self._in_flight) < IN_FLIGHT * self._executor.workers:
                self._submit(self._ready.popleft())
            if stop.requested and (not self._in_flight or stop.is_overdue):
                raise stop.interrupted()
            batch = self._executor.next(POLL_S)
            if batch is not None:
                self._store.commit(batch)
                self._collect(batch)
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

    def _submit(self, key: tuple[int, str]) -> None:
        task = self._ledgers[key].task()
        assert task is not None
        self._in_flight.add(key)
        self._executor.submit(task)

    def _collect(self, batch: Batch) -> None:
        key = (batch.cell, batch.policy)
        ledger = self._ledgers[key]
        before = ledger.remaining()
        ledger.add(batch)
        self._in_flight.discard(key)
        self._done += sum(len(trial.replicates) for trial in batch.trials)
        self._remaining += ledger.remaining() - before
        self._studies_done += ledger.is_confirmed
        self._open[batch.cell] -= ledger.is_confirmed
        if not ledger.is_confirmed:
            self._ready.appendleft(key)  # depth first: a cell is decided early and its streams stay warm
