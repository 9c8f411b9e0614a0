"""The tables of a sweep's store, and the digests that guard their rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Final

VERSION: Final = 1

TABLES: Final = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('version', '{VERSION}');
CREATE TABLE cells (
    cell INTEGER PRIMARY KEY, label TEXT NOT NULL, kind TEXT NOT NULL, axes TEXT NOT NULL,
    machine TEXT NOT NULL, workload TEXT NOT NULL, key TEXT NOT NULL
);
CREATE TABLE batches (
    cell INTEGER NOT NULL, policy TEXT NOT NULL, batch INTEGER NOT NULL, phase TEXT NOT NULL,
    PRIMARY KEY (cell, policy, batch)
) WITHOUT ROWID;
CREATE TABLE trials (
    cell INTEGER NOT NULL, policy TEXT NOT NULL, trial INTEGER NOT NULL, params TEXT NOT NULL,
    oom_rate REAL NOT NULL, throughput REAL NOT NULL, row_digest TEXT NOT NULL,
    PRIMARY KEY (cell, policy, trial)
) WITHOUT ROWID;
CREATE TABLE replicates (
    cell INTEGER NOT NULL, policy TEXT NOT NULL, trial INTEGER NOT NULL, phase TEXT NOT NULL,
    replicate INTEGER NOT NULL, seed INTEGER NOT NULL, stream_digest TEXT NOT NULL, digest TEXT NOT NULL,
    oom INTEGER NOT NULL, deadlock INTEGER NOT NULL,
    throughput REAL NOT NULL, counters TEXT NOT NULL, row_digest TEXT NOT NULL,
    PRIMARY KEY (cell, policy, trial, phase, replicate)
) WITHOUT ROWID;
"""  # noqa: S608 - VERSION is ours

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

Value = int | float | str


def row_digest(values: Sequence[Value]) -> str:
    """SHA-256 of a row's values, in column order."""
    return hashlib.sha256(json.dumps(values, separators=(",", ":"), allow_nan=False).encode()).hexdigest()
