"""Submitting to a running Ray cluster: the words that `ray job submit` gets."""

import dataclasses
import json
import shlex
import socket
from pathlib import Path

import pytest

from cluster.errors import LaunchError
from cluster.job import load_job
from cluster.ray_jobs import RayCluster, submit, submit_argv
from tests.launches import HOSTILE_FILE, HOSTILE_WORDS, TEXT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    sweeps = tmp_path / "configs" / "sweeps"
    sweeps.mkdir(parents=True)
    for name in ("duel.yaml", HOSTILE_FILE):
        (sweeps / name).write_text(TEXT)
    return tmp_path


def test_the_same_sweep_gives_the_same_words(checkout: Path) -> None:
    cluster = RayCluster("/data/results/duel", working_dir=checkout)
    job = load_job(checkout / "configs/sweeps/duel.yaml")
    argv = submit_argv(job, cluster)
    assert argv == submit_argv(job, cluster)
    assert argv[:3] == ["ray", "job", "submit"]
    assert argv[argv.index("--submission-id") + 1] == job.name
    assert argv[argv.index("--working-dir") + 1] == str(checkout)
    assert argv[argv.index("--") + 1 :] == [
        *("highwater", "run", "configs/sweeps/duel.yaml", "--address", "auto"),
        *("--results", "/data/results/duel"),
    ]


def test_results_and_repository_are_not_uploaded(checkout: Path) -> None:
    argv = submit_argv(load_job(checkout / "configs/sweeps/duel.yaml"), RayCluster("/data", working_dir=checkout))
    environment = json.loads(argv[argv.index("--runtime-env-json") + 1])
    assert {"/.git/", "/.venv/", "/results/", "*.db"} <= set(environment["excludes"])


def test_hostile_words_stay_single_words(checkout: Path) -> None:
    job = load_job(checkout / "configs" / "sweeps" / HOSTILE_FILE, HOSTILE_WORDS)
    argv = submit_argv(job, RayCluster("/data", working_dir=checkout))
    command = argv[argv.index("--") + 1 :]
    assert command[2] == f"configs/sweeps/{HOSTILE_FILE}"
    assert tuple(command[5:-2]) == HOSTILE_WORDS
    # Ray joins the words into one line like this; a shell on the head splits it again.
    assert shlex.split(shlex.join(command)) == command


def test_the_log_can_be_left_alone(checkout: Path) -> None:
    job = load_job(checkout / "configs/sweeps/duel.yaml")
    cluster = RayCluster("/data", working_dir=checkout)
    assert "--no-wait" not in submit_argv(job, cluster)
    assert "--no-wait" in submit_argv(job, dataclasses.replace(cluster, wait=False))


def test_what_cannot_work_is_said_before_anything_is_uploaded(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="results: 'results'; allowed: an absolute path"):
        RayCluster("results")
    with pytest.raises(LaunchError, match="address: 'ray://head:10001'; allowed: http"):
        RayCluster("/data", address="ray://head:10001")
    job = load_job(checkout / "configs/sweeps/duel.yaml")
    with pytest.raises(LaunchError, match="a file inside the uploaded directory"):
        submit_argv(job, RayCluster("/data", working_dir=checkout / "elsewhere"))


def test_a_cluster_that_does_not_answer_is_one_line(checkout: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    job = load_job(checkout / "configs/sweeps/duel.yaml")
    with pytest.raises(LaunchError, match=f"address: http://127.0.0.1:{port}: .*refused"):
        submit(job, RayCluster("/data", address=f"http://127.0.0.1:{port}", working_dir=checkout))
