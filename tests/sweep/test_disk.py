"""A full disk: one clear line and exit code 74, what was committed is intact, and the sweep goes on when there is room again."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweep.results import load_results
from tests import tinysweep

pytestmark = [pytest.mark.timeout(400), pytest.mark.chaos]

LARGER = tinysweep.TINY.replace("trials: 5", "trials: 12").replace("confirm: 2", "confirm: 6")  # some hundred kB


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("disk")
    tinysweep.write(directory, LARGER)
    return directory


@pytest.fixture(scope="module")
def expected(directory: Path) -> object:
    return tinysweep.undisturbed(directory)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 kB."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("file systems may not be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_one_line_and_the_sweep_goes_on_when_there_is_room(directory: Path, expected: object, small_disk: Path) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(bytes(100 << 10))
    results = small_disk / "results"
    done = tinysweep.run(directory, "--executor", "process", "--workers", "1", "--results", results)
    assert done.returncode == 74, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"highwater: error: {results}")
    assert "what was committed is intact: make room, then run the same command again" in last
    held = len(load_results(results).trials)
    assert 0 < held < 12 * 6
    full = tinysweep.run(directory, "--executor", "process", "--workers", "1", "--results", results)
    assert full.returncode == 74, "still full"
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    again = tinysweep.run(directory, "--executor", "process", "--workers", "1", "--results", results)
    assert again.returncode == 0, again.stderr
    assert " of them are in already" in again.stderr
    assert tinysweep.tables(results) == expected


def test_a_limit_on_file_sizes_is_the_same(directory: Path, expected: object) -> None:
    results = directory / "limited"

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100 << 10, resource.RLIM_INFINITY))

    command = tinysweep.command("run", directory / "tiny.yaml", "--no-map", "--no-mlflow", "--executor", "serial", "--results", results)
    done = subprocess.run(command, cwd=directory, env=tinysweep.environment(), capture_output=True, text=True, check=False, preexec_fn=limited, timeout=300)
    assert done.returncode == 74, done.stderr
    assert "what was committed is intact" in done.stderr.splitlines()[-1]
    again = tinysweep.run(directory, "--executor", "serial", "--results", results)
    assert again.returncode == 0, again.stderr
    assert tinysweep.tables(results) == expected


def test_no_room_for_the_first_byte(directory: Path, small_disk: Path) -> None:
    fill(small_disk / "filler")
    done = tinysweep.run(directory, "--executor", "serial", "--results", small_disk / "results")
    assert done.returncode == 74, done.stderr
    assert len(done.stderr.splitlines()) == 1


def fill(path: Path) -> None:
    """Take all the room there is."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(handle, bytes(4096))
    except OSError:
        os.close(handle)
