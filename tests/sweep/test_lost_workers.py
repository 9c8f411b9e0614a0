"""Lost workers cost time, never results: killed by their pids under load, the sweep ends by itself with the same table."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from sweep.results import load_results
from tests import family, tinysweep

pytestmark = [pytest.mark.timeout(400), pytest.mark.chaos]

LONGER = tinysweep.TINY.replace("duration_s: 0.1", "duration_s: 0.4").replace("trials: 5", "trials: 12").replace("batch: 2", "batch: 6")
KILLS = 3


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("lost")
    tinysweep.write(directory, LONGER)
    return directory


@pytest.fixture(scope="module")
def expected(directory: Path) -> object:
    return tinysweep.undisturbed(directory)


def killed_on_the_way(process: subprocess.Popen[str], how: signal.Signals, rng: random.Random) -> int:
    """Kill workers of a run now and then; how many were killed."""
    kills = 0
    while process.poll() is None and kills < KILLS:
        time.sleep(rng.uniform(0.1, 0.5))
        found = family.workers(process.pid)
        if found:
            try:
                os.kill(rng.choice(found), how)
            except ProcessLookupError:
                continue
            kills += 1
    return kills


@pytest.mark.parametrize(("executor", "how"), [("process", signal.SIGSEGV), pytest.param("ray", signal.SIGKILL, marks=pytest.mark.ray)])
def test_workers_killed_under_load_leave_the_same_table(directory: Path, expected: object, executor: str, how: signal.Signals) -> None:
    results = directory / f"{executor}-{how.name}"
    command = tinysweep.command("run", directory / "tiny.yaml", "--no-map", "--no-mlflow", "--executor", executor, "--workers", "2", "--results", results)
    process = subprocess.Popen(command, cwd=directory, env=tinysweep.environment(), stderr=subprocess.PIPE, text=True)
    kills = killed_on_the_way(process, how, random.Random(f"{executor} {how}"))
    _, told = process.communicate(timeout=300)
    assert process.returncode == 0, told
    assert kills > 0
    assert len(load_results(results).poison) == 0
    assert tinysweep.tables(results) == expected
