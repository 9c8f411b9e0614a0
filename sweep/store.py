"""The truth about a sweep: one SQLite database, written by the driver alone, a whole batch in one transaction."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sweep.cells import Cell, canonical
from sweep.errors import DeterminismError, DiskError, StoreError
from sweep.schema import REPLICATE_COLUMNS, TABLES, TRIAL_COLUMNS, VERSION, Value, row_digest
from sweep.seeds import CONFIRM
from sweep.study import Batch
from sweep.trial import ReplicateRow, TrialRow

FILE: Final = "sweep.db"
LOCK: Final = "sweep.lock"
KEYS: Final = {"trials": 3, "replicates": 5}  # length of each primary key
StudyKey = tuple[int, str]
Params = tuple[tuple[str, int], ...]


class Store:
    """An open store; exactly one process may write it at a time.

    Use as a context manager.
    """

    def __init__(self, directory: Path) -> None:
        """Open the store in ``directory``, creating both where needed.

        Raises:
            StoreError: another process writes it, or it is no store of this version.
            DiskError: it cannot be written.
        """
        self.path = directory / FILE
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(directory)
        except OSError as error:
            raise StoreError(f"{directory}: {error.strerror}; allowed: a directory that can be written") from None
        with _translated(self.path):
            self._db = sqlite3.connect(self.path, isolation_level=None, timeout=60.0)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            if not self._db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'meta'").fetchone()[0]:
                self._db.executescript(f"BEGIN IMMEDIATE; {TABLES} COMMIT;")
        if self.meta()["version"] != str(VERSION):
            raise StoreError(f"{self.path}: version {self.meta()['version']}; allowed: {VERSION} (this installation writes that)")

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database and let other processes write it."""
        self._db.close()
        os.close(self._lock)

    def meta(self) -> dict[str, str]:
        """What the store says about itself."""
        with _translated(self.path):
            return dict(self._db.execute("SELECT key, value FROM meta"))

    def begin(self, meta: Mapping[str, str], cells: Sequence[Cell]) -> bool:
        """Write the sweep's identity, in one transaction; False if an earlier run did."""
        if "config_sha256" in self.meta():
            return False
        rows = [(c.index, c.label, c.kind, canonical(c.axes), c.machine_json, c.workload_json, c.key) for c in cells]
        with _translated(self.path), self._transaction():
            self._db.executemany("INSERT INTO meta VALUES (?, ?)", list(meta.items()))
            self._db.executemany("INSERT INTO cells VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        return True

    def commit(self, batch: Batch) -> None:
        """Write a whole batch, or nothing.

        Raises:
            DeterminismError: a trial is there already, with another result.
            DiskError: the disk is full or failing.
        """
        key = (batch.cell, batch.policy)
        with _translated(self.path), self._transaction():
            self._db.execute("INSERT OR IGNORE INTO batches VALUES (?, ?, ?, ?)", (*key, batch.batch, batch.phase))
            for trial in batch.trials:
                if trial.is_search:
                    self._put("trials", _trial_values(key, trial))
                for row in trial.replicates:
                    self._put("replicates", _replicate_values(key, trial, row))

    def finished(self) -> dict[StudyKey, list[tuple[int, Params, float, float]]]:
        """Number, params, OOM rate and throughput of each finished search trial, per study in trial order."""
        found: dict[StudyKey, list[tuple[int, Params, float, float]]] = {}
        for cell, policy, trial, params, oom_rate, throughput in self.rows("trials", TRIAL_COLUMNS):
            values = tuple((str(name), int(value)) for name, value in json.loads(str(params)))
            found.setdefault((int(cell), str(policy)), []).append((int(trial), values, float(oom_rate), float(throughput)))
        return found

    def confirmed(self) -> set[StudyKey]:
        """The studies whose confirm batch is in."""
        with _translated(self.path):
            return set(self._db.execute("SELECT cell, policy FROM batches WHERE phase = ?", (CONFIRM,)))

    def count_replicates(self) -> int:
        """How many simulations are in."""
        with _translated(self.path):
            return int(self._db.execute("SELECT count(*) FROM replicates").fetchone()[0])

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[tuple[Value, ...]]:
        """All rows of a table in key order, each checked against its digest."""
        return checked_rows(self._db, self.path, table, columns)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _put(self, table: str, values: tuple[Value, ...]) -> None:
        columns = {"trials": TRIAL_COLUMNS, "replicates": REPLICATE_COLUMNS}[table]
        digest, keys = row_digest(values), KEYS[table]
        places = ", ".join("?" * (len(values) + 1))
        # Table and column names come from this package alone.
        done = self._db.execute(f"INSERT OR IGNORE INTO {table} VALUES ({places})", (*values, digest))  # noqa: S608
        if done.rowcount == 1:
            return
        where = " AND ".join(f"{column} = ?" for column in columns[:keys])
        found = self._db.execute(f"SELECT row_digest FROM {table} WHERE {where}", values[:keys])  # noqa: S608
        if found.fetchone()[0] != digest:
            named = ", ".join(f"{column} {value}" for column, value in zip(columns[:keys], values, strict=False))
            raise DeterminismError(f"{self.path}: {named}: two runs gave different results; report this as a defect")


def checked_rows(db: sqlite3.Connection, path: Path, table: str, columns: Sequence[str]) -> Iterator[tuple[Value, ...]]:
    """All rows of a table in key order.

    Raises:
        StoreError: a row does not match its digest, or the database is damaged.
    """
    order = ", ".join(columns[: KEYS[table]])
    with _translated(path):
        query = f"SELECT {', '.join(columns)}, row_digest FROM {table} ORDER BY {order}"  # noqa: S608
        for *values, digest in db.execute(query):
            if row_digest(values) != digest:
                named = ", ".join(f"{column} {value}" for column, value in zip(columns[:3], values, strict=False))
                raise StoreError(f"{path}: {table}: {named}: altered after it was written; restore it or start anew")
            yield tuple(values)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """SQLite's errors as one line."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "full" in str(error) or "disk I/O" in str(error) or "readonly" in str(error):
            raise DiskError(f"{path}: {error}; what was committed is intact: make room, then run the same command again") from None
        raise StoreError(f"{path}: {error}") from None
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: {error}; allowed: the store of a sweep") from None


def _locked(directory: Path) -> int:
    """Hold the directory's lock until the process ends, however it ends."""
    handle = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise StoreError(f"{directory}: another run is writing here; allowed: one at a time (wait, or use --results DIR)") from None
    return handle


def _trial_values(key: StudyKey, trial: TrialRow) -> tuple[Value, ...]:
    return (*key, trial.number, canonical(trial.params), trial.oom_rate, trial.throughput)


def _replicate_values(key: StudyKey, trial: TrialRow, row: ReplicateRow) -> tuple[Value, ...]:
    which = row.replicate
    results = (row.stream_digest, row.digest, int(row.oom), int(row.deadlock), row.throughput, canonical(row.counters))
    return (*key, trial.number, which.phase, which.number, which.seed, *results)
