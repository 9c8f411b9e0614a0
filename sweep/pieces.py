"""Pieces: how the batches of a study are cut into work for executors. The cut changes when a result arrives, never what it is.

Short batches are run one after another in one piece, so that a piece takes long enough to be worth sending. Where CPUs outnumber studies a
batch is asked for in one piece and simulated in several. A batch that a worker was lost with is cut into single trials, each in a
process of its own, until it is known which of them is poison.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from sweep.poison import TRIES, Poison
from sweep.seeds import CONFIRM
from sweep.study import Batch, Chosen, Task, chosen, finished, learned, next_task, run_chosen
from sweep.trial import TrialRow
from sweep.ward import admit
from sweep.warm import warm
from sweep.watch import arm

WORTH_S: Final = 0.5  # a piece shorter than this costs more to send than it should
LIMIT_S: Final = 600.0  # of one trial, all its replicates


@dataclass(frozen=True)
class Piece(ABC):
    """Base of all pieces.

    Attributes:
        task: the batch it belongs to.
        limit_s: CPU time after which one trial is given up; None: never.
    """

    task: Task
    limit_s: float | None = LIMIT_S

    @abstractmethod
    def run(self) -> Any:
        """Compute it. Runs on a worker."""

    def failure(self, reason: str) -> str:
        """The line for a user, when it failed for ``reason``."""
        return self.task.failure(reason)


@dataclass(frozen=True)
class Chain(Piece):
    """A batch, and those of the same study that follow it, until the piece is worth its sending."""

    worth_s: float = WORTH_S

    def run(self) -> tuple[tuple[Batch, ...], float]:
        """The batches, and the seconds that the last one took."""
        warm(self.task.study.policy)
        began = time.monotonic()
        found: list[Batch] = []
        task: Task | None = self.task
        took = 0.0
        while task is not None:
            before = time.monotonic()
            found.append(finished(task, self.rows(task)))
            took = time.monotonic() - before
            if time.monotonic() - began >= self.worth_s or task.phase == CONFIRM:
                break
            task = next_task(task.study, learned(task.study, task.past, found[-1].trials), 0)
        return tuple(found), took

    def rows(self, task: Task) -> list[TrialRow]:
        """Those of one batch."""
        return [row for one in chosen(task) for row in _simulated(task, (one,), self.limit_s)]


@dataclass(frozen=True)
class Ask(Piece):
    """Which trials a batch has."""

    def run(self) -> Chosen:
        """Number and params of each."""
        return chosen(self.task)


@dataclass(frozen=True)
class Part(Piece):
    """Some trials of a batch."""

    trials: Chosen = ()

    def run(self) -> tuple[tuple[TrialRow, ...], float]:
        """Their rows, and the seconds that they took."""
        warm(self.task.study.policy)
        began = time.monotonic()
        rows = tuple(row for one in self.trials for row in _simulated(self.task, (one,), self.limit_s))
        return rows, time.monotonic() - began


@dataclass(frozen=True)
class Alone(Piece):
    """One suspicious trial, in a process of its own."""

    trials: Chosen = ()

    def run(self) -> TrialRow | Poison:
        """Its row, or why it was given up."""
        tries, reason, is_worth_trying = 0, "", True
        while is_worth_trying and tries < TRIES:
            tries += 1
            found = admit(self)
            if isinstance(found, TrialRow):
                return found
            reason, is_worth_trying = found
        ((number, params),) = self.trials
        return Poison(number, self.task.phase, params, tries, reason)

    def compute(self, set_alarm: Callable[[float | None], None]) -> TrialRow:
        """Its row; called in the process of its own."""
        warm(self.task.study.policy)
        set_alarm(self.limit_s)
        (row,) = run_chosen(self.task, self.trials)
        return row


def parts(task: Task, trials: Chosen, count: int, limit_s: float | None) -> tuple[Part, ...]:
    """The trials of a batch in at most ``count`` parts of nearly equal size."""
    count = min(count, len(trials))
    cuts = [len(trials) * i // count for i in range(count + 1)]
    return tuple(Part(task, limit_s, trials[low:high]) for low, high in pairwise(cuts))


def _simulated(task: Task, trials: Chosen, limit_s: float | None) -> tuple[TrialRow, ...]:
    arm(limit_s)
    try:
        return run_chosen(task, trials)
    finally:
        arm(None)
