"""Doctor: one line each for what a sweep stands on; what is not well says what to do."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from sweep.doctor import Options, examine
from tests import tinysweep


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("doctor")
    tinysweep.write(directory)
    done = tinysweep.run(directory, "--executor", "serial", "--results", directory / "results", "--set", "search.trials=1", "--set", "axes=[]")
    assert done.returncode == 0, done.stderr
    return directory / "results"


def lines(directory: Path | None) -> dict[str, tuple[bool, str]]:
    found = examine(str(directory) if directory else None, Options(has_ray=False))
    return {one.what: (one.is_well, one.text) for one in found}


def test_a_sweep_that_is_well_but_not_published(directory: Path) -> None:
    found = lines(directory)
    assert list(found) == ["versions", "cache", "store", "mlflow"]
    assert found["versions"][0]
    assert found["cache"][0] == (os.environ.get("NUMBA_DISABLE_JIT") != "1")
    assert found["store"][0]
    assert "2 of 2 studies complete, 2 trials" in found["store"][1]
    assert "every digest is right" in found["store"][1]
    assert found["mlflow"] == (False, f"{directory / 'mlflow.db'}: nothing was published (highwater republish {directory})")


def test_a_damaged_store_is_found(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "sweep.db").write_bytes((directory / "sweep.db").read_bytes())
    with sqlite3.connect(tmp_path / "sweep.db") as db:
        db.execute("UPDATE replicates SET throughput = throughput + 1")
    db.close()
    is_well, text = lines(tmp_path)["store"]
    assert not is_well
    assert "damaged or altered after it was written" in text


def test_nothing_there_is_one_line() -> None:
    assert lines(Path("/nowhere"))["store"][0] is False


@pytest.mark.ray
def test_a_worker_on_ray_answers() -> None:
    found = {one.what: one for one in examine(None, Options())}
    assert found["ray"].is_well, found["ray"].text
