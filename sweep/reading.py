"""Reading a store so that a damaged one is refused by name, never believed.

Each row carries a digest of its values, each batch one of its rows, and each batch's row one of everything before it, from the configuration
on. So a lost row, a lost batch or an altered value is found; what a torn write-ahead log loses is the newest batches as a whole, and what is
left is a sweep that was interrupted earlier.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sweep.cells import REFINED
from sweep.errors import DiskError, StoreError
from sweep.schema import CELL_COLUMNS, COLUMNS, META_COLUMNS, OF_BATCHES, VERSION, Value, chained, content_digest, row_digest

ADVICE: Final = "damaged or altered after it was written; restore it from a copy or start anew (highwater doctor tells more)"


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's errors as one line."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if any(word in str(error) for word in ("full", "disk I/O", "readonly", "unable to open")):
            raise DiskError(f"{path}: {error}; what was committed is intact: make room, then run the same command again") from None
        if "no such table" in str(error) or "no such column" in str(error):
            raise StoreError(f"{path}: {error}; allowed: the store of a sweep, version {VERSION}") from None
        raise StoreError(f"{path}: {error}; {ADVICE}") from None
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: {error}; {ADVICE}; allowed: the store of a sweep") from None


def meta(db: sqlite3.Connection, path: Path) -> dict[str, str]:
    """What the store says about itself.

    Raises:
        StoreError: of another version, or damaged.
    """
    with translated(path):
        if "row_digest" not in {row[1] for row in db.execute("PRAGMA table_info(meta)")}:
            raise StoreError(f"{path}: made by another version; allowed: {VERSION} (this installation reads that)")
    found = {str(key): str(value) for key, value in checked_rows(db, path, "meta", META_COLUMNS)}
    if found.get("version") != str(VERSION):
        raise StoreError(f"{path}: version {found.get('version')}; allowed: {VERSION} (this installation reads that)")
    if "config" in found and hashlib.sha256(found["config"].encode()).hexdigest() != found.get("config_sha256"):
        raise StoreError(f"{path}: the configuration was altered after it was written; restore the file or start anew")
    return found


def checked_rows(db: sqlite3.Connection, path: Path, table: str, columns: Sequence[str]) -> Iterator[tuple[Value, ...]]:
    """All rows of a table in key order.

    Raises:
        StoreError: a row does not match its digest, or the database is damaged.
    """
    order = ", ".join(columns[: COLUMNS[table][1]])
    with translated(path):
        query = f"SELECT {', '.join(columns)}, row_digest FROM {table} ORDER BY {order}"  # noqa: S608 - our own names
        for *values, digest in db.execute(query):
            if _digest_of(values) != digest:
                named = ", ".join(f"{column} {value!r}"[:80] for column, value in zip(columns[:3], values, strict=False))
                raise StoreError(f"{path}: {table}: {named}: {ADVICE}")
            yield tuple(values)


def check_whole(db: sqlite3.Connection, path: Path, found: dict[str, str]) -> int:
    """See that no row and no batch is missing; gives the number of batches. ``checked_rows`` looks at the rows themselves.

    Args:
        db, path: the store.
        found: its ``meta``.

    Raises:
        StoreError: something is missing, twice, or not where it belongs.
    """
    with translated(path):
        kinds = [row[CELL_COLUMNS.index("kind")] for row in checked_rows(db, path, "cells", CELL_COLUMNS)]
        planned = len(json.loads(found["config"])["cells"]) if "config" in found else 0
        used = db.execute("SELECT max(cell) FROM batches").fetchone()[0]
        if len(kinds) < planned or any(kind != REFINED for kind in kinds[planned:]) or (used is not None and used >= len(kinds)):
            raise StoreError(f"{path}: cells: {len(kinds)} rows: {ADVICE}")
        rows: dict[Any, list[str]] = {}
        for table in OF_BATCHES:
            for seq, digest in db.execute(f"SELECT seq, row_digest FROM {table}"):  # noqa: S608 - our own names
                rows.setdefault(seq, []).append(str(digest))
        before, count = found.get("config_sha256", ""), 0
        for seq, *batch, chain in db.execute("SELECT seq, cell, policy, batch, phase, content, chain FROM batches ORDER BY seq"):
            count += 1
            if seq != count or chain != _digest_of([before, seq, *batch]) or batch[-1] != content_digest(rows.pop(seq, [])):
                raise StoreError(f"{path}: batch {seq!r}: {ADVICE}")
            before = chain
        if rows:
            raise StoreError(f"{path}: rows of batch {min(rows, key=repr)!r}, which is missing: {ADVICE}")
        return count


def check_pages(db: sqlite3.Connection, path: Path) -> None:
    """Have SQLite look at every page, before anything is written.

    Raises:
        StoreError: what it found first.
    """
    with translated(path):
        first = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if first != "ok":
        raise StoreError(f"{path}: {' '.join(str(first).split())[:200]}; {ADVICE}")


def _digest_of(values: Sequence[Any]) -> str | None:
    try:
        return row_digest(values)
    except (TypeError, ValueError):  # bytes, or a number that is none: none of ours
        return None


__all__ = ["ADVICE", "chained", "check_pages", "check_whole", "checked_rows", "meta", "translated"]
