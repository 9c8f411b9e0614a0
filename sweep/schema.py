"""The tables of a sweep's store, and the digests that guard their rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Final

VERSION: Final = 2

TABLES: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL, row_digest TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE cells (
    cell INTEGER PRIMARY KEY, label TEXT NOT NULL, kind TEXT NOT NULL, axes TEXT NOT NULL,
    machine TEXT NOT NULL, workload TEXT NOT NULL, key TEXT NOT NULL, row_digest TEXT NOT NULL
);
CREATE TABLE batches (
    seq INTEGER PRIMARY KEY, cell INTEGER NOT NULL, policy TEXT NOT NULL, batch INTEGER NOT NULL, phase TEXT NOT NULL,
    content TEXT NOT NULL, chain TEXT NOT NULL, UNIQUE (cell, policy, batch)
);
CREATE TABLE trials (
    cell INTEGER NOT NULL, policy TEXT NOT NULL, trial INTEGER NOT NULL, params TEXT NOT NULL,
    oom_rate REAL NOT NULL, throughput REAL NOT NULL, row_digest TEXT NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (cell, policy, trial)
) WITHOUT ROWID;
CREATE TABLE replicates (
    cell INTEGER NOT NULL, policy TEXT NOT NULL, trial INTEGER NOT NULL, phase TEXT NOT NULL,
    replicate INTEGER NOT NULL, seed INTEGER NOT NULL, stream_digest TEXT NOT NULL, digest TEXT NOT NULL,
    oom INTEGER NOT NULL, deadlock INTEGER NOT NULL,
    throughput REAL NOT NULL, counters TEXT NOT NULL, row_digest TEXT NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (cell, policy, trial, phase, replicate)
) WITHOUT ROWID;
CREATE TABLE poison (
    cell INTEGER NOT NULL, policy TEXT NOT NULL, trial INTEGER NOT NULL, phase TEXT NOT NULL,
    params TEXT NOT NULL, tries INTEGER NOT NULL, reason TEXT NOT NULL, row_digest TEXT NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (cell, policy, trial, phase)
) WITHOUT ROWID;
"""

META_COLUMNS: Final = ("key", "value")
CELL_COLUMNS: Final = ("cell", "label", "kind", "axes", "machine", "workload", "key")
POISON_COLUMNS: Final = ("cell", "policy", "trial", "phase", "params", "tries", "reason")
TRIAL_COLUMNS: Final = ("cell", "policy", "trial", "params", "oom_rate", "throughput")
REPLICATE_COLUMNS: Final = (
    "cell",
    "policy",
    "trial",
    "phase",
    "replicate",
    "seed",
    "stream_digest",
    "digest",
    "oom",
    "deadlock",
    "throughput",
    "counters",
)

# Columns of each table, and how many of them make its key. row_digest guards all of them; seq says with which batch a row came, which
# depends on the order of work and is therefore part of no digest.
COLUMNS: Final = {
    "meta": (META_COLUMNS, 1),
    "cells": (CELL_COLUMNS, 1),
    "trials": (TRIAL_COLUMNS, 3),
    "replicates": (REPLICATE_COLUMNS, 5),
    "poison": (POISON_COLUMNS, 4),
}
OF_BATCHES: Final = ("trials", "replicates", "poison")

Value = int | float | str


def row_digest(values: Sequence[Value]) -> str:
    """SHA-256 of a row's values, in column order."""
    return hashlib.sha256(json.dumps(values, separators=(",", ":"), allow_nan=False).encode()).hexdigest()


def content_digest(row_digests: Iterable[str]) -> str:
    """SHA-256 of the rows of one batch, whatever their order."""
    return hashlib.sha256("".join(sorted(row_digests)).encode()).hexdigest()


def chained(before: str, batch: Sequence[Value]) -> str:
    """SHA-256 of everything up to a batch: of what was before (at first the configuration's digest), and of the batch's own row."""
    return row_digest([before, *batch])
