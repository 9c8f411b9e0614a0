"""Results: the store's tables as data frames, for everything that reads a sweep."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sweep.cells import REFINED
from sweep.errors import StoreError
from sweep.reading import check_whole, checked_rows, translated
from sweep.reading import meta as read_meta
from sweep.schema import CELL_COLUMNS, POISON_COLUMNS, REPLICATE_COLUMNS, TRIAL_COLUMNS
from sweep.store import FILE


@dataclass(frozen=True)
class Results:
    """A sweep's tables, complete or not.

    Attributes:
        name: of the sweep.
        config: the resolved configuration, as plain values.
        config_sha256: its identity.
        cells: index ``cell``; label, kind, one column per axis (NaN for points), machine and workload (JSON).
        trials: cell, policy, trial, is_default, is_best (False until the study is complete), n_search, n_oom_search, n_not_run,
            oom_rate, throughput (mean operations per second over the search replicates), param:<name> (Int64, NA if the
            policy has no such tunable).
        replicates: cell, policy, trial, phase, replicate, stream_digest, digest, oom, deadlock, throughput, then every
            field of the outcome.
        file: the sweep file that was run, if it was recorded.
        poison: cell, policy, trial, phase, params (JSON), tries, reason of the trials that could not be computed.
        meta: what the store says about itself.
    """

    name: str
    config: dict[str, Any]
    config_sha256: str
    cells: pd.DataFrame
    trials: pd.DataFrame
    replicates: pd.DataFrame
    file: Path | None = None
    poison: pd.DataFrame = field(default_factory=pd.DataFrame)
    meta: Mapping[str, str] = field(default_factory=dict)


def load_results(where: Path | str) -> Results:
    """Read a sweep's store.

    Args:
        where: the results directory, or the store in it.

    Raises:
        StoreError: no store there, an empty one, or one that was damaged or altered.
    """
    path = Path(where)
    path = path / FILE if path.is_dir() else path
    if not path.is_file():
        raise StoreError(f"{path}: no such file; allowed: the results directory of a sweep that was run")
    with opened(path) as db:
        return _load(db, path)


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A store to be read, in one consistent view whatever is being written.

    Raises:
        StoreError: it is damaged.
    """
    with translated(path):
        db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=60.0)
        try:
            db.execute("PRAGMA cell_size_check = ON")
            db.execute("BEGIN")
            yield db
        finally:
            db.close()


def _load(db: sqlite3.Connection, path: Path) -> Results:
    meta = read_meta(db, path)
    if "config" not in meta:
        raise StoreError(f"{path}: nothing was run yet; allowed: the store of a sweep that was run")
    check_whole(db, path, meta)
    config = json.loads(meta["config"])
    config["cells"] += _refined(db, path)
    replicates = _replicates(db, path, json.loads(meta["outcome_fields"]))
    trials = _trials(db, path, config, replicates)
    file = Path(meta["file"]) if "file" in meta else None
    return Results(meta["name"], config, meta["config_sha256"], _cells(db, path, config), trials, replicates, file, _poison(db, path), meta)


def _refined(db: sqlite3.Connection, path: Path) -> list[dict[str, str]]:
    """Identity of the cells that the sweep placed itself, as the configuration has it of the others."""
    rows = (dict(zip(CELL_COLUMNS, row, strict=True)) for row in checked_rows(db, path, "cells", CELL_COLUMNS))
    return [{name: str(row[name]) for name in ("label", "kind", "key")} for row in rows if row["kind"] == REFINED]


def _poison(db: sqlite3.Connection, path: Path) -> pd.DataFrame:
    return pd.DataFrame.from_records(list(checked_rows(db, path, "poison", POISON_COLUMNS)), columns=list(POISON_COLUMNS))


def _cells(db: sqlite3.Connection, path: Path, config: Mapping[str, Any]) -> pd.DataFrame:
    names = [axis["name"] for axis in config["axes"]]
    records = []
    for cell, label, kind, axes, machine, workload, _ in checked_rows(db, path, "cells", CELL_COLUMNS):
        values = dict(json.loads(str(axes)))
        records.append((cell, label, kind, *(values.get(name, float("nan")) for name in names), machine, workload))
    frame = pd.DataFrame.from_records(records, columns=["cell", "label", "kind", *names, "machine", "workload"])
    return frame.set_index("cell")


def _replicates(db: sqlite3.Connection, path: Path, fields: list[str]) -> pd.DataFrame:
    kept = [column for column in REPLICATE_COLUMNS if column not in ("seed", "counters")]
    counters = [index for index, name in enumerate(fields) if name not in kept]  # deadlock is a column of its own
    records = []
    for row in checked_rows(db, path, "replicates", REPLICATE_COLUMNS):
        record = dict(zip(REPLICATE_COLUMNS, row, strict=True))
        values = json.loads(str(record["counters"]))
        records.append((*(record[column] for column in kept), *(values[index] for index in counters)))
    names = [fields[index] for index in counters]
    kinds = {"oom": "bool", "deadlock": "bool", "throughput": "float64"}
    kinds |= dict.fromkeys(["cell", "trial", "replicate", *names], "int64")
    return pd.DataFrame.from_records(records, columns=[*kept, *names]).astype(kinds)


def _trials(db: sqlite3.Connection, path: Path, config: Mapping[str, Any], replicates: pd.DataFrame) -> pd.DataFrame:
    columns = ["cell", "policy", "trial", "oom_rate", "throughput"]
    rows = list(checked_rows(db, path, "trials", TRIAL_COLUMNS))
    params = [dict(json.loads(str(row[3]))) for row in rows]
    frame = pd.DataFrame.from_records([(*row[:3], *row[4:]) for row in rows], columns=columns)
    frame = frame.astype({"cell": "int64", "trial": "int64", "oom_rate": "float64", "throughput": "float64"})
    search = replicates[replicates["phase"] == "search"].groupby(columns[:3])["oom"].agg(["size", "sum"])
    counts = search.reindex(pd.MultiIndex.from_frame(frame[columns[:3]])).fillna(0).astype("int64")
    frame.insert(3, "is_default", frame["trial"] == 0)
    frame.insert(4, "is_best", np.array(_is_best(db, frame), dtype=bool))  # no rows: a mask all the same
    frame.insert(5, "n_search", counts["size"].to_numpy())
    frame.insert(6, "n_oom_search", counts["sum"].to_numpy())
    frame.insert(7, "n_not_run", int(config["search"]["replicates"]) - frame["n_search"])  # given up early (racing.py): known as such, never filled in
    for name in sorted({name for values in params for name in values}):
        frame[f"param:{name}"] = pd.array([values.get(name, pd.NA) for values in params], dtype="Int64")
    return frame


def _is_best(db: sqlite3.Connection, trials: pd.DataFrame) -> list[bool]:
    """The trial that each complete search chose: the one that was confirmed, if it is not the defaults."""
    query = "SELECT cell, policy, max(trial) FROM replicates WHERE phase = 'confirm' GROUP BY cell, policy"
    best = {(cell, policy): trial for cell, policy, trial in db.execute(query)}
    return [best.get((cell, policy)) == trial for cell, policy, trial in zip(trials["cell"], trials["policy"], trials["trial"], strict=True)]
