"""Runs: killed, interrupted and resumed ones end with the bytes of an undisturbed one."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from sweep.schema import row_digest
from tests import family, tinysweep

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("runs")
    tinysweep.write(directory)
    return directory


@pytest.fixture(scope="module")
def expected(directory: Path) -> object:
    return tinysweep.undisturbed(directory)


def start(directory: Path, results: Path, *options: str) -> subprocess.Popen[str]:
    """A run in a process of its own."""
    arguments = ("run", directory / "tiny.yaml", "--no-map", "--no-mlflow", "--results", results, *options)
    return subprocess.Popen(tinysweep.command(*arguments), cwd=directory, env=tinysweep.environment(), stderr=subprocess.PIPE, text=True)


def stored(results: Path) -> int:
    """Simulations in the store."""
    try:
        with sqlite3.connect(f"file:{results / 'sweep.db'}?mode=ro", uri=True) as db:
            return int(db.execute("SELECT count(*) FROM replicates").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def wait_for(results: Path, simulations: int, process: subprocess.Popen[str]) -> int:
    """Until so many are stored; returns how many are."""
    while process.poll() is None:
        if (count := stored(results)) >= simulations:
            return count
        time.sleep(0.002)
    raise AssertionError(f"the run ended before it had {simulations} simulations: {process.stderr and process.stderr.read()}")


@pytest.mark.chaos
@pytest.mark.parametrize(("executor", "kills"), [("serial", (1, 30)), pytest.param("ray", (20,), marks=pytest.mark.ray)], ids=["serial", "ray"])
def test_a_killed_run_resumes_to_the_same_bytes(directory: Path, expected: object, executor: str, kills: tuple[int, ...]) -> None:
    results = directory / f"killed-{executor}"
    held = 0
    for simulations in kills:
        process = start(directory, results, "--executor", executor)
        before, held = held, wait_for(results, simulations, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert before <= held < tinysweep.SIMULATIONS - 20, "killed in the middle; what was committed stayed"
    done = tinysweep.run(directory, "--executor", executor, "--results", results)
    assert done.returncode == 0, done.stderr
    assert " of them are in already" in done.stderr
    assert tinysweep.tables(results) == expected


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_commits_what_is_in_flight_and_says_how_to_go_on(directory: Path, expected: object, number: signal.Signals) -> None:
    results = directory / number.name
    process = start(directory, results, "--executor", "process", "--workers", "2")
    wait_for(results, 4, process)
    process.send_signal(number)
    _, told = process.communicate()
    assert process.returncode == 75, told
    assert told.splitlines()[-1] == (f"highwater: error: interrupted; everything finished is kept; to go on, run the same command again (results in {results})")
    assert 4 <= stored(results) < tinysweep.SIMULATIONS
    done = tinysweep.run(directory, "--executor", "process", "--results", results)
    assert done.returncode == 0, done.stderr
    assert tinysweep.tables(results) == expected


def test_a_second_signal_stops_at_once(directory: Path) -> None:
    results = directory / "twice"
    process = start(directory, results, "--executor", "process", "--workers", "2", "--set", "workload.duration_s=60")
    while not (results / "sweep.db").exists():
        time.sleep(0.01)
    time.sleep(1.0)  # workers are at work on a batch that takes long
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 75, told
    assert time.monotonic() - began < 5


@pytest.mark.ray
@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_while_ray_starts_ends_the_run_and_leaves_nothing_behind(directory: Path, expected: object, times: int) -> None:
    """Sent to the whole group, as a terminal does; a second one does not wait for Ray."""
    results = directory / f"starting-{times}"
    arguments = ("run", directory / "tiny.yaml", "--no-map", "--no-mlflow", "--results", results, "--executor", "ray")
    process = subprocess.Popen(
        tinysweep.command(*arguments), cwd=directory, env=tinysweep.environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not any("gcs_server" in command for command in family.descendants(process.pid).values()) and time.monotonic() < deadline:
        time.sleep(0.02)
    started = family.descendants(process.pid)
    assert started, "Ray is on its way"
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.2)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 75, told
    assert told.splitlines()[-1].startswith("highwater: error: interrupted; ")
    deadline = time.monotonic() + 20
    while (left := {pid for pid in started if Path(f"/proc/{pid}/cmdline").exists()}) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left
    done = tinysweep.run(directory, "--executor", "serial", "--results", results, "--resume")
    assert done.returncode == 0, done.stderr
    assert tinysweep.tables(results) == expected


def test_nothing_to_resume_is_one_line(directory: Path) -> None:
    done = tinysweep.run(directory, "--executor", "serial", "--results", directory / "none", "--resume")
    assert done.returncode == 2
    assert "--resume: " in done.stderr
    assert not (directory / "none").exists()


def test_a_complete_sweep_is_not_run_again(directory: Path, expected: object) -> None:
    done = tinysweep.run(directory, "--executor", "serial", "--results", directory / "whole")
    assert done.returncode == 0
    assert "(0 now in 0:00" in done.stderr
    assert tinysweep.tables(directory / "whole") == expected


@pytest.mark.usefixtures("expected")
def test_another_configuration_is_refused(directory: Path) -> None:
    whole = directory / "whole"
    done = tinysweep.run(directory, "--executor", "serial", "--results", whole, "--set", "seed=2")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "sweep.db: holds results of another configuration" in line
    assert "allowed: --results with a new directory, or move this one away" in line


@pytest.mark.usefixtures("expected")
def test_another_version_is_refused(directory: Path) -> None:
    whole = directory / "whole"
    with sqlite3.connect(whole / "sweep.db") as db:
        held = db.execute("SELECT value FROM meta WHERE key = 'made_by.numpy'").fetchone()[0]
        other = ("1.0", row_digest(("made_by.numpy", "1.0")), "made_by.numpy")
        db.execute("UPDATE meta SET value = ?, row_digest = ? WHERE key = ?", other)
    try:
        done = tinysweep.run(directory, "--executor", "serial", "--results", whole)
    finally:
        with sqlite3.connect(whole / "sweep.db") as db:
            back = (held, row_digest(("made_by.numpy", held)), "made_by.numpy")
            db.execute("UPDATE meta SET value = ?, row_digest = ? WHERE key = ?", back)
    assert done.returncode == 2
    assert f"was computed by another version (numpy 1.0 then, {held} now)" in done.stderr
