"""Poison: trials that kill their process, never end or raise are bounded, named and left out; everything else is as if they had not been."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from sweep.results import Results, load_results
from tests import poisonous, tinysweep

pytestmark = [pytest.mark.timeout(400), pytest.mark.chaos, pytest.mark.compiled]

REASONS = {
    poisonous.SEGFAULT: ("its process was killed by SIGSEGV", 3),
    poisonous.KILLED: ("its process was killed by SIGKILL", 3),
    poisonous.ENDLESS: ("no result within 5 s of CPU time", 1),
    poisonous.RAISES: ("ArithmeticError: this dose is poison", 1),
    poisonous.EXITS: ("its process ended with exit code 7", 3),
}


def run(directory: Path, results: str, *options: str) -> subprocess.CompletedProcess[str]:
    policies = poisonous.write(directory)
    environment = tinysweep.environment() | {"HIGHWATER_POLICY_PATH": str(policies)}
    command = ("run", directory / "poisoned.yaml", "--no-map", "--no-mlflow", "--trial-limit", "5", "--results", directory / results, *options)
    return subprocess.run(tinysweep.command(*command), cwd=directory, env=environment, capture_output=True, text=True, check=False, timeout=350)


def doses(results: Results) -> set[int]:
    """Of the trials that have a result."""
    return set(results.trials["param:dose"].dropna())


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("poison")


@pytest.mark.parametrize("executor", ["process", pytest.param("ray", marks=pytest.mark.ray)])
def test_poison_is_bounded_and_named_and_the_sweep_ends(directory: Path, executor: str) -> None:
    done = run(directory, executor, "--executor", executor, "--workers", "2")
    assert done.returncode == 3, done.stderr
    results = load_results(directory / executor)
    assert doses(results).isdisjoint(REASONS)
    assert len(results.trials) + len(results.poison) == 8 + 1
    told = [line for line in done.stderr.splitlines() if line.startswith("poison: ")]
    assert len(told) == len(results.poison)
    found = {dict(json.loads(row["params"]))["dose"]: (row["reason"], row["tries"]) for row in results.poison.to_dict("records")}
    assert found == {dose: REASONS[dose] for dose in found}
    assert {poisonous.SEGFAULT, poisonous.ENDLESS, poisonous.RAISES} <= found.keys(), "the sweep tries them"
    again = run(directory, executor, "--executor", "serial")
    assert again.returncode == 3, "complete, but not without reservations"
    assert "(0 now in 0:00" in again.stderr
    assert load_results(directory / executor).poison.equals(results.poison)


@pytest.mark.ray
def test_both_executors_leave_the_same_tables(directory: Path) -> None:
    """Runs after the others, or runs what it needs."""
    for executor in ("process", "ray"):
        if not (directory / executor).exists():
            run(directory, executor, "--executor", executor, "--workers", "2")
    assert tinysweep.tables(directory / "process") == tinysweep.tables(directory / "ray")
