"""The truth about a sweep: one SQLite database, written by the driver alone, finished batches in one transaction."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sweep.cells import REFINED, Cell, canonical
from sweep.config import Scalar
from sweep.errors import DeterminismError, DiskError, StoreError
from sweep.poison import Poison
from sweep.reading import check_pages, check_whole, checked_rows, meta, translated
from sweep.schema import CELL_COLUMNS, COLUMNS, POISON_COLUMNS, TABLES, TRIAL_COLUMNS, VERSION, Value, chained, content_digest, row_digest
from sweep.seeds import CONFIRM
from sweep.study import Batch
from sweep.trial import ReplicateRow, TrialRow

FILE: Final = "sweep.db"
LOCK: Final = "sweep.lock"
StudyKey = tuple[int, str]
Params = tuple[tuple[str, int], ...]
Rows = dict[str, list[tuple[Value, ...]]]  # by table
NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)


class Store:
    """An open store; exactly one process may write it at a time.

    Use as a context manager.
    """

    def __init__(self, directory: Path) -> None:
        """Open the store in ``directory``, creating both where needed.

        Raises:
            StoreError: another process writes it, it is no store of this version, or it is damaged.
            DiskError: it cannot be written.
        """
        self.path = directory / FILE
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(directory)
        except OSError as error:
            kind = DiskError if error.errno in NO_ROOM else StoreError
            raise kind(f"{directory}: {error.strerror}; allowed: a directory that can be written") from None
        try:
            with translated(self.path):
                self._db = sqlite3.connect(self.path, isolation_level=None, timeout=60.0)
                self._db.execute("PRAGMA cell_size_check = ON")
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = FULL")
                if not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    self._db.executescript(f"BEGIN IMMEDIATE; {TABLES} COMMIT;")
                    self._db.execute("INSERT INTO meta VALUES (?, ?, ?)", _guarded(("version", str(VERSION))))
            check_pages(self._db, self.path)
            check_whole(self._db, self.path, self.meta())
        except BaseException:
            os.close(self._lock)
            raise

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
        return meta(self._db, self.path)

    def begin(self, found: Mapping[str, str], cells: Sequence[Cell]) -> bool:
        """Write the sweep's identity, in one transaction; False if an earlier run did."""
        if "config_sha256" in self.meta():
            return False
        with translated(self.path), self._transaction():
            self._db.executemany("INSERT INTO meta VALUES (?, ?, ?)", [_guarded(item) for item in found.items()])
            self._put(cells)
        return True

    def extend(self, cells: Sequence[Cell]) -> None:
        """Write further cells, all of them or nothing; from now on the sweep has them."""
        with translated(self.path), self._transaction():
            self._put(cells)

    def refined(self) -> list[tuple[tuple[str, Scalar], ...]]:
        """Axes of the refined cells, in order."""
        rows = (dict(zip(CELL_COLUMNS, row, strict=True)) for row in self.rows("cells", CELL_COLUMNS))
        return [tuple((str(name), value) for name, value in json.loads(str(row["axes"]))) for row in rows if row["kind"] == REFINED]

    def _put(self, cells: Sequence[Cell]) -> None:
        rows = [(c.index, c.label, c.kind, canonical(c.axes), c.machine_json, c.workload_told, c.key) for c in cells]
        self._db.executemany("INSERT INTO cells VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [_guarded(row) for row in rows])

    def commit(self, *batches: Batch) -> None:
        """Write whole batches, all of them or nothing.

        Raises:
            DeterminismError: a trial is there already, with another result.
            DiskError: the disk is full or failing.
        """
        with translated(self.path), self._transaction():
            seq, chain = self._last()
            for batch in batches:
                rows = _rows(batch)
                if self._db.execute("SELECT 1 FROM batches WHERE cell = ? AND policy = ? AND batch = ?", (batch.cell, batch.policy, batch.batch)).fetchone():
                    self._compare(rows)
                    continue
                seq += 1
                digests = [self._insert(table, values, seq) for table in rows for values in rows[table]]
                row = (seq, batch.cell, batch.policy, batch.batch, batch.phase, content_digest(digests))
                chain = chained(chain, row)
                self._db.execute("INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, chain))

    def finished(self) -> dict[StudyKey, list[tuple[int, Params, float, float]]]:
        """Number, params, OOM rate and throughput of each finished search trial, per study in trial order."""
        found: dict[StudyKey, list[tuple[int, Params, float, float]]] = {}
        for cell, policy, trial, params, oom_rate, throughput in self.rows("trials", TRIAL_COLUMNS):
            found.setdefault((int(cell), str(policy)), []).append((int(trial), _params(params), float(oom_rate), float(throughput)))
        return found

    def poison(self) -> dict[StudyKey, list[Poison]]:
        """Trials that were given up, per study."""
        found: dict[StudyKey, list[Poison]] = {}
        for cell, policy, trial, phase, params, tries, reason in self.rows("poison", POISON_COLUMNS):
            found.setdefault((int(cell), str(policy)), []).append(Poison(int(trial), str(phase), _params(params), int(tries), str(reason)))
        return found

    def confirmed(self) -> dict[StudyKey, int]:
        """The studies that have confirm batches in, and how many."""
        with translated(self.path):
            found = self._db.execute("SELECT cell, policy, count(*) FROM batches WHERE phase = ? GROUP BY cell, policy", (CONFIRM,))
            return {(int(cell), str(policy)): int(count) for cell, policy, count in found}

    def count_replicates(self) -> int:
        """How many simulations are in."""
        with translated(self.path):
            return int(self._db.execute("SELECT count(*) FROM replicates").fetchone()[0])

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[tuple[Value, ...]]:
        """All rows of a table in key order, each checked against its digest."""
        return checked_rows(self._db, self.path, table, columns)

    def _last(self) -> tuple[int, str]:
        """Number of the last batch, and the digest of everything up to it."""
        found = self._db.execute("SELECT seq, chain FROM batches ORDER BY seq DESC LIMIT 1").fetchone()
        if found is not None:
            return int(found[0]), str(found[1])
        configured = self._db.execute("SELECT value FROM meta WHERE key = 'config_sha256'").fetchone()
        return 0, str(configured[0]) if configured else ""

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

    def _insert(self, table: str, values: tuple[Value, ...], seq: int) -> str:
        row = _guarded(values)
        try:
            self._db.execute(INSERTS[table], (*row, seq))
        except sqlite3.IntegrityError:
            self._differs(table, values)
            raise
        return str(row[-1])

    def _compare(self, rows: Rows) -> None:
        """A batch that is there already must be the same one."""
        for table in rows:
            for values in rows[table]:
                self._differs(table, values)

    def _differs(self, table: str, values: tuple[Value, ...]) -> None:
        columns, keys = COLUMNS[table]
        where = " AND ".join(f"{column} = ?" for column in columns[:keys])
        found = self._db.execute(f"SELECT row_digest FROM {table} WHERE {where}", values[:keys]).fetchone()  # noqa: S608 - our own names
        if table != "poison" and (found is None or found[0] != row_digest(values)):
            named = ", ".join(f"{column} {value}" for column, value in zip(columns[:keys], values, strict=False))
            raise DeterminismError(f"{self.path}: {named}: two runs gave different results; report this as a defect")


INSERTS: Final = {table: f"INSERT INTO {table} VALUES ({', '.join('?' * (len(columns) + 2))})" for table, (columns, _) in COLUMNS.items()}  # noqa: S608


def _guarded(values: tuple[Value, ...]) -> tuple[Value, ...]:
    return (*values, row_digest(values))


def _params(text: Value) -> Params:
    return tuple((str(name), int(value)) for name, value in json.loads(str(text)))


def _locked(directory: Path) -> int:
    """Hold the directory's lock until the process ends, however it ends."""
    handle = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise StoreError(f"{directory}: another run is writing here; allowed: one at a time (wait, or use --results DIR)") from None
    return handle


def _rows(batch: Batch) -> Rows:
    """Everything of a batch, as rows of tables."""
    key = (batch.cell, batch.policy)
    rows: Rows = {"trials": [], "replicates": [], "poison": []}
    for trial in batch.trials:
        if trial.is_search:
            rows["trials"].append(_trial_values(key, trial))
        rows["replicates"] += [_replicate_values(key, trial, row) for row in trial.replicates]
    rows["poison"] = [(*key, p.number, p.phase, canonical(p.params), p.tries, p.reason) for p in batch.poison]
    return rows


def _trial_values(key: StudyKey, trial: TrialRow) -> tuple[Value, ...]:
    return (*key, trial.number, canonical(trial.params), trial.oom_rate, trial.throughput)


def _replicate_values(key: StudyKey, trial: TrialRow, row: ReplicateRow) -> tuple[Value, ...]:
    which = row.replicate
    results = (row.stream_digest, row.digest, int(row.oom), int(row.deadlock), row.throughput, canonical(row.counters))
    return (*key, trial.number, which.phase, which.number, which.seed, *results)
