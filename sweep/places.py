"""Where a sweep's results are, from what a user writes on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sweep.errors import ConfigError, shown

RESULTS: Final = Path("results")
STORE: Final = "sweep.db"


def results_directory(where: str) -> Path:
    """The directory of a sweep that was run.

    Args:
        where: the directory, the store in it, the sweep file, or the name of the sweep.

    Raises:
        ConfigError: there are no results.
    """
    path = Path(where)
    candidates = [path, path.parent if path.name == STORE else path, RESULTS / where]
    if path.suffix in (".yaml", ".yml") and path.is_file():
        from sweep.yamlfile import load_mapping

        candidates = [RESULTS / str(load_mapping(path).get("name", path.stem))]
    for candidate in candidates:
        if (candidate / STORE).is_file():
            return candidate
    allowed = "the directory, sweep file or name of a sweep that was run"
    raise ConfigError(f"{shown(where)}: no results ({candidates[-1] / STORE} is not there); allowed: {allowed}")
