"""Outages: whatever a tracking server does, the sweep goes on, and what MLflow shows in the end is what it would have shown."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sweep import follower
from sweep.config import Mlflow
from sweep.errors import HighwaterError
from sweep.follower import Follower
from sweep.mlflowdb import local_uri
from sweep.results import load_results
from sweep.tracking import Publisher
from tests import tinysweep
from tests.faulty import Mode, Proxy, mlflow_server
from tests.sweep.test_tracking import copied, dump, empty_database, runs

pytestmark = [pytest.mark.timeout(400), pytest.mark.chaos]
__all__ = ["empty_database"]

FAULTS: tuple[Mode, ...] = ("refuse", "500", "reset-after", "503-after")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("outage")
    tinysweep.write(directory)
    done = tinysweep.run(directory, "--executor", "serial", "--results", directory / "results")
    assert done.returncode == 0, done.stderr
    return directory / "results"


@pytest.fixture
def expected(results: Path, empty_database: Path, tmp_path: Path) -> Any:
    """What MLflow shows after a quiet day."""
    home = copied(empty_database, tmp_path / "quiet")
    done = Publisher(local_uri(home)).publish(load_results(results))
    return dump(runs(home, done.experiment_id))


def refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except HighwaterError:
        return True
    return False


@pytest.mark.mlflow_server
def test_after_every_fault_mlflow_shows_each_trial_once(results: Path, expected: Any, empty_database: Path, tmp_path: Path) -> None:
    """Each fault hits a publication under way, at another request each time; then the server is well again."""
    home = copied(empty_database, tmp_path / "home")
    with mlflow_server(local_uri(home), home / "served") as port:
        proxy = Proxy(port)
        loaded = load_results(results)
        refusals = 0
        for number, fault in enumerate(FAULTS):
            publisher = Publisher(proxy.uri)
            switch = partial(_after, proxy, fault, 7 + 5 * number)
            publisher._create = _counted(publisher._create, switch)  # type: ignore[method-assign]
            refusals += refused(lambda publisher=publisher: publisher.publish(loaded))  # type: ignore[misc]
            proxy.mode = "pass"
        assert refusals > 0
        assert set(FAULTS) <= proxy.count.keys(), "every fault was met"
        done = Publisher(proxy.uri).publish(loaded)
        again = Publisher(proxy.uri).publish(loaded)
        assert (again.created, again.updated, again.deleted) == (0, 0, 0)
        proxy.close()
    assert dump(runs(home, done.experiment_id)) == expected


def _counted(create: Callable[..., str], switch: Callable[[int], None]) -> Callable[..., str]:
    count = 0

    def counting(*arguments: Any) -> str:
        nonlocal count
        count += 1
        switch(count)
        return create(*arguments)

    return counting


def _after(proxy: Proxy, fault: Mode, nth: int, count: int) -> None:
    if count % 4 == nth % 4:
        proxy.mode = fault


@pytest.mark.mlflow_server
def test_the_follower_catches_up_after_an_outage(results: Path, expected: Any, empty_database: Path, tmp_path: Path) -> None:
    home = copied(empty_database, tmp_path / "home")
    with mlflow_server(local_uri(home), home / "served") as port:
        proxy = Proxy(port)
        proxy.mode = "refuse"
        following = Follower(results, proxy.uri, Mlflow())
        try:
            deadline = time.monotonic() + 60
            while not proxy.count.get("refuse") and time.monotonic() < deadline:
                time.sleep(0.1)
            proxy.mode = "pass"
            done = following.finish(None)
        finally:
            following.close()
            proxy.close()
        assert "error" not in done, done
    assert dump(runs(home, done["experiment_id"])) == expected


@pytest.mark.mlflow_server
def test_at_the_end_a_follower_that_gets_no_cpu_is_replaced(results: Path, expected: Any, empty_database: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(follower, "PATIENCE_S", 0.5)
    home = copied(empty_database, tmp_path / "home")
    with mlflow_server(local_uri(home), home / "served") as port:
        following = Follower(results, f"http://127.0.0.1:{port}", Mlflow())
        first = following._process
        try:
            os.kill(first.pid, signal.SIGSTOP)  # what a busy machine does to the lowest priority
            done = following.finish(None)
            assert first.returncode == -signal.SIGKILL
        finally:
            following.close()
    assert "error" not in done, done
    assert dump(runs(home, done["experiment_id"])) == expected


def test_a_server_that_stays_away_is_one_line_and_the_results_are_complete(tmp_path: Path) -> None:
    tinysweep.write(tmp_path)
    done = tinysweep.highwater(tmp_path, "run", "tiny.yaml", "--no-map", "--executor", "serial", "--tracking-uri", "http://127.0.0.1:9")
    assert done.returncode == 69, done.stderr
    last = done.stderr.splitlines()[-1]
    assert "127.0.0.1:9" in last
    assert "the results are complete and safe: highwater republish results/tiny" in last
    assert len(load_results(tmp_path / "results" / "tiny").trials) == 30
    again = tinysweep.highwater(tmp_path, "republish", "tiny", "--trial-runs", "none")
    assert again.returncode == 0, again.stderr
    assert "MLflow (beside the results): 7 runs as the results have them" in again.stderr


def test_two_tries_at_the_end_are_soon_over() -> None:
    assert follower.LAST_TRIES * follower.BACKOFF_S[1] < 10
