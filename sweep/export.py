"""Write a sweep's tables as CSV; equal results give equal bytes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sweep.errors import DiskError

if TYPE_CHECKING:
    import pandas as pd

    from sweep.results import Results


def export(results: Results, directory: Path) -> tuple[Path, ...]:
    """Write cells.csv, trials.csv and replicates.csv into ``directory`` and return their paths.

    Raises:
        DiskError: the directory cannot be written.
    """
    tables = {"cells": results.cells.reset_index(), "trials": results.trials, "replicates": results.replicates}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return tuple(_write(table, directory / f"{name}.csv") for name, table in tables.items())
    except OSError as error:
        raise DiskError(f"{directory}: {error.strerror or error}; allowed: a directory that can be written") from None


def _write(table: pd.DataFrame, path: Path) -> Path:
    """Never half a file: written beside, then renamed."""
    beside = path.with_suffix(".tmp")
    table.to_csv(beside, index=False, lineterminator="\n", encoding="utf-8")
    beside.replace(path)
    return path
