"""The book of a sweep: which trials are in, and so which batches can be computed next. No executor, no clock, no disk.

A batch follows from the batches of its own study. One thing alone looks across studies: where the two policies that the sweep compares are
still undecided in a cell, the best of both get more confirm replicates (looks.py). Both rules are functions of what is in, not of when it came.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from sweep.history import Past
from sweep.looks import Seen, wants_more
from sweep.poison import Poison
from sweep.schema import REPLICATE_COLUMNS, TRIAL_COLUMNS, Value
from sweep.seeds import CONFIRM, SEARCH
from sweep.study import Batch, Study, Task, learned, next_task
from sweep.trial import Replicate, ReplicateRow, TrialRow

if TYPE_CHECKING:
    from sweep.plan import Plan
    from sweep.store import Store

Key = tuple[int, str]


@dataclass
class Ledger:
    """Where one study stands.

    Attributes:
        study: which.
        past: its finished search trials.
        looked: confirm batches that are in.
        wants_more: the verdict of its cell is undecided after them.
        seen: confirm replicates of its best trial, until the cell is decided.
    """

    study: Study
    past: Past = field(default_factory=Past)
    looked: int = 0
    wants_more: bool = False
    seen: Seen = field(default_factory=Seen)

    def task(self) -> Task | None:
        """The batch that continues the study, or None when it has to wait or is complete."""
        return next_task(self.study, self.past, self.looked, self.wants_more)

    def add(self, batch: Batch) -> None:
        """Take in a finished batch."""
        if batch.phase != CONFIRM:
            self.past = learned(self.study, self.past, batch.trials, batch.poison)
            return
        self.looked += 1
        self.wants_more = False
        self._see(batch.trials)

    def restore(self, trials: Sequence[TrialRow], poison: Sequence[Poison], looked: int) -> None:
        """Take in what a store holds of the study, in trial order, and how many confirm batches that is."""
        search = [row for row in trials if row.is_search]
        self.past = learned(self.study, self.past, search, [one for one in poison if one.phase != CONFIRM])
        self.looked = looked
        self._see([row for row in trials if not row.is_search])

    def _see(self, trials: Sequence[TrialRow]) -> None:
        for row in trials:
            if self.past.best is not None and row.number == self.past.best.trial:
                self.seen = self.seen.plus(row)

    def remaining(self) -> int:
        """Simulations still to do, at most; later looks count once they are wanted."""
        search = self.study.search
        unfinished = self.study.n_trials - self.past.count
        if unfinished:
            return unfinished * search.replicates + min(self.study.n_trials, 2) * search.confirm
        task = self.task()
        return task.n_simulations if task else 0


class Book:
    """Every study of a plan, and what can be computed now."""

    def __init__(self, plan: Plan, store: Store | None = None) -> None:
        """``store``: what is in already; None: nothing."""
        self.ledgers = {study.key: Ledger(study) for study in plan.studies}
        compare = plan.sweep.compare
        self._rivals = (compare.challenger, compare.baseline) if compare else ()
        self._cells = plan.most_cells
        self._of_cell: dict[int, list[Ledger]] = {}
        for (cell, _), ledger in self.ledgers.items():
            self._of_cell.setdefault(cell, []).append(ledger)
        if store:
            self._restore(store, plan.sweep.search.replicates)
        for cell in self._of_cell if self._rivals else ():
            self._look(cell)
        self._open = {cell: self._count_open(cell) for cell in self._of_cell}

    def ready(self) -> list[Key]:
        """The studies that have a batch to be computed, in the order of the plan."""
        return [key for key, ledger in self.ledgers.items() if ledger.task()]

    def task(self, key: Key) -> Task | None:
        """The next batch of a study; None: it has to wait, or is complete."""
        return self.ledgers[key].task()

    def add(self, batch: Batch) -> list[Key]:
        """Take in a finished batch; returns the studies that can go on because of it, itself or its rival."""
        key = (batch.cell, batch.policy)
        self.ledgers[key].add(batch)
        ledger = self.ledgers[key]
        woken = [key] if ledger.task() else []
        if batch.phase == CONFIRM and batch.policy in self._rivals and self._look(batch.cell):
            woken = [(batch.cell, policy) for policy in self._rivals]
        self._open[batch.cell] = self._count_open(batch.cell)
        return woken

    def remaining(self) -> int:
        """Simulations still to do, at most."""
        return sum(ledger.remaining() for ledger in self.ledgers.values())

    def remaining_of(self, cell: int) -> int:
        """Of one cell."""
        return sum(ledger.remaining() for ledger in self._of_cell[cell])

    @property
    def studies(self) -> int:
        """All studies."""
        return len(self.ledgers)

    @property
    def studies_done(self) -> int:
        """Studies that are complete."""
        return len(self.ledgers) - sum(self._open.values())

    @property
    def cells(self) -> int:
        """All cells."""
        return len(self._open)

    @property
    def cells_complete(self) -> int:
        """Cells whose studies are all complete."""
        return sum(count == 0 for count in self._open.values())

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to compute."""
        return not any(self._open.values())

    def _restore(self, store: Store, planned: int) -> None:
        poison, confirmed = store.poison(), store.confirmed()
        trials = {key: [trial for _, trial in group] for key, group in groupby(stored_trials(store, planned), key=lambda pair: pair[0])}
        for key in {**trials, **poison, **confirmed}:
            self.ledgers[key].restore(trials.get(key, []), poison.get(key, []), confirmed.get(key, 0))

    def _count_open(self, cell: int) -> int:
        return sum(ledger.looked == 0 or ledger.wants_more for ledger in self._of_cell[cell])

    def _look(self, cell: int) -> bool:
        """Look at the verdict of a cell when both rivals are in; True: both get more replicates."""
        first, second = (self.ledgers[cell, policy] for policy in self._rivals)
        if first.looked != second.looked:  # what is ahead was let on together with the other
            behind = min(first, second, key=lambda ledger: ledger.looked)
            behind.wants_more = behind.looked > 0
            return False
        if not 0 < first.looked < len(first.study.looks):
            return False
        more = wants_more(first.seen, second.seen, self._cells, len(first.study.looks))
        first.wants_more = second.wants_more = more
        return more


def stored_trials(store: Store, planned: int) -> Iterator[tuple[Key, TrialRow]]:
    """Study and trial of all that a store holds, study by study in trial order; search and confirm replicates are rows of their own."""
    params = {row[:3]: tuple((str(n), int(v)) for n, v in json.loads(str(row[3]))) for row in store.rows("trials", TRIAL_COLUMNS)}
    rows = (dict(zip(REPLICATE_COLUMNS, row, strict=True)) for row in store.rows("replicates", REPLICATE_COLUMNS))
    for key, group in groupby(rows, key=lambda row: (row["cell"], row["policy"], row["trial"])):
        found = [_row(row) for row in group]
        for phase, count in ((SEARCH, planned), (CONFIRM, 0)):
            of_phase = tuple(row for row in found if row.replicate.phase == phase)
            if of_phase:
                yield (int(key[0]), str(key[1])), TrialRow(int(key[2]), params[key], of_phase, count)


def _row(row: Mapping[str, Value]) -> ReplicateRow:
    return ReplicateRow(
        replicate=Replicate(str(row["phase"]), int(row["replicate"]), int(row["seed"])),
        stream_digest=str(row["stream_digest"]),
        digest=str(row["digest"]),
        oom=bool(row["oom"]),
        deadlock=bool(row["deadlock"]),
        throughput=float(row["throughput"]),
        counters=tuple(json.loads(str(row["counters"]))),
    )
