"""Places: results are found by whatever a user has at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweep.errors import ConfigError
from sweep.places import results_directory
from tests import tinysweep


def test_results_are_found_by_directory_store_sweep_file_and_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tinysweep.write(tmp_path)
    with pytest.raises(ConfigError, match=r"tiny.yaml: no results \(results/tiny/sweep.db is not there\); allowed: "):
        results_directory("tiny.yaml")
    directory = Path("results") / "tiny"
    directory.mkdir(parents=True)
    (directory / "sweep.db").touch()
    for where in ("results/tiny", "results/tiny/", "results/tiny/sweep.db", "tiny.yaml", "tiny"):
        assert results_directory(where) == directory
