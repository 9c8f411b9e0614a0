"""Fresh: the simulations that recommendations ran, kept in fresh.db beside the store, so that an interrupted one goes on where it was.

They are no part of the sweep: its store has what its file asks for and nothing else. A row is found again by all that decides it: the simulator, the cell,
the seed of the streams, the policy and the params.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from sweep.cells import canonical
from sweep.errors import StoreError

FILE: Final = "fresh.db"
_TABLE: Final = """CREATE TABLE IF NOT EXISTS fresh (
    made_by TEXT, cell TEXT, policy TEXT, params TEXT, seed INTEGER, stream TEXT NOT NULL, oom INTEGER NOT NULL, throughput REAL NOT NULL,
    PRIMARY KEY (made_by, cell, policy, params, seed)) WITHOUT ROWID"""


@dataclass(frozen=True)
class Run:
    """What one fresh simulation did.

    Attributes:
        seed: of its streams.
        stream: digest of the streams.
        oom: out of memory or deadlocked.
        throughput: operations per second.
    """

    seed: int
    stream: str
    oom: bool
    throughput: float


@dataclass(frozen=True)
class Question:
    """One setting in one cell: the key of the cell, the policy, and the params in any order."""

    cell: str
    policy: str
    params: tuple[tuple[str, int], ...]

    @property
    def text(self) -> tuple[str, str, str]:
        """As the table has it."""
        return self.cell, self.policy, canonical(dict(self.params))


class Fresh:
    """The table; one process writes it, several may."""

    def __init__(self, directory: Path, made_by: Mapping[str, str]) -> None:
        """Open it in ``directory``, which exists; ``made_by`` is what computes (`sweep.provenance.made_by`).

        Raises:
            StoreError: it cannot be opened or written.
        """
        self.path = directory / FILE
        self._made_by = hashlib.sha256(canonical(dict(made_by)).encode()).hexdigest()[:16]
        try:
            self._db = sqlite3.connect(self.path, isolation_level=None, timeout=60.0)
            self._db.execute(_TABLE)
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}; allowed: to remove it, at the cost of the simulations in it") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._db.close()

    def held(self, question: Question, seeds: Sequence[int]) -> dict[int, Run]:
        """What is known, by seed."""
        rows = self._db.execute("SELECT seed, stream, oom, throughput FROM fresh WHERE made_by = ? AND cell = ? AND policy = ? AND params = ?",
                                (self._made_by, *question.text))  # fmt: skip
        wanted = set(seeds)
        return {int(seed): Run(int(seed), str(stream), bool(oom), float(speed)) for seed, stream, oom, speed in rows if int(seed) in wanted}

    def keep(self, question: Question, run: Run) -> None:
        """Add one.

        Raises:
            StoreError: it cannot be written.
        """
        try:
            self._db.execute("INSERT OR REPLACE INTO fresh VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                             (self._made_by, *question.text, run.seed, run.stream, int(run.oom), run.throughput))  # fmt: skip
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}; allowed: a file that can be written") from None
