"""Write a sweep's tables as CSV or Parquet; equal results give equal bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sweep.errors import DiskError

if TYPE_CHECKING:
    import pandas as pd

    from sweep.results import Results

Form = Literal["csv", "parquet"]


def export(results: Results, directory: Path, form: Form = "csv") -> tuple[Path, ...]:
    """Write cells, trials, replicates and, if there is any, poison into ``directory`` and return their paths.

    Raises:
        DiskError: the directory cannot be written.
    """
    tables = {"cells": results.cells.reset_index(), "trials": results.trials, "replicates": results.replicates}
    if len(results.poison):
        tables["poison"] = results.poison
    write = _csv if form == "csv" else _parquet
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return tuple(_whole(write, table, directory / f"{name}.{form}") for name, table in tables.items())
    except OSError as error:
        raise DiskError(f"{directory}: {error.strerror or error}; allowed: a directory that can be written") from None


def _whole(write: Callable[[pd.DataFrame, Path], None], table: pd.DataFrame, path: Path) -> Path:
    """Never half a file: written beside, then renamed."""
    beside = path.with_suffix(".tmp")
    write(table, beside)
    beside.replace(path)
    return path


def _csv(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def _parquet(table: pd.DataFrame, path: Path) -> None:
    table.to_parquet(path, index=False, compression="zstd")
