"""Submit a sweep to a Ray cluster that runs already, through Ray's Jobs command line."""

from __future__ import annotations

import json
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from cluster.errors import LaunchError, require
from cluster.job import Job

# What the driver needs is uploaded with the working directory; these are never needed and may be large.
NEVER = ("/.git/", "/.venv/", "/results/", "/tests/", "/benchmarks/", "/lab/", "/docs/")
EXCLUDES = (*NEVER, "*.db", "*.db-wal", "*.db-shm", "slurm-*.out")


@dataclass(frozen=True)
class RayCluster:
    """A running cluster, as seen from here.

    Attributes:
        results: directory on the head for the results. The uploaded working directory vanishes with the job, so this
            must be an absolute path on a disk that stays.
        address: of the Jobs server. It listens on the head's loopback; reach it with `ssh -L 8265:127.0.0.1:8265 HEAD`.
        working_dir: what to upload; the sweep file lies inside.
        wait: follow the job's log until it ends.
    """

    results: str
    address: str = "http://127.0.0.1:8265"
    working_dir: Path = Path()
    wait: bool = True

    def __post_init__(self) -> None:
        require(PurePosixPath(self.results).is_absolute(), "results", self.results, "an absolute path on the head's disk")
        require(self.address.startswith(("http://", "https://")), "address", self.address, "http://HOST:PORT or https://...")


def submit_argv(job: Job, cluster: RayCluster) -> list[str]:
    """The command that submits the job. Pure: the same job and cluster give the same list.

    The words after `--` reach the head as one line that Ray quotes itself.

    Raises:
        LaunchError: the sweep file does not lie in the directory that is uploaded.
    """
    root = cluster.working_dir.resolve()
    inside = job.path.resolve().is_relative_to(root)
    require(inside, "sweep file", str(job.path), f"a file inside the uploaded directory {root}")
    sweep = job.path.resolve().relative_to(root).as_posix()
    environment = {"excludes": list(EXCLUDES), "env_vars": {"PYTHONUNBUFFERED": "1"}}
    return [
        *("ray", "job", "submit"),
        *("--address", cluster.address),
        *("--submission-id", job.name),
        *("--working-dir", str(root)),
        *("--runtime-env-json", json.dumps(environment, sort_keys=True)),
        *(() if cluster.wait else ("--no-wait",)),
        "--",
        *job.command(sweep),
        *("--results", cluster.results),
    ]


def submit(job: Job, cluster: RayCluster) -> int:
    """Run the command; its exit code.

    Raises:
        LaunchError: nothing answers at the cluster's address.
    """
    argv = submit_argv(job, cluster)
    _check_reachable(cluster.address)
    return subprocess.run(argv, check=False).returncode


def _check_reachable(address: str) -> None:
    url = urlsplit(address)
    try:
        port = url.port or (443 if url.scheme == "https" else 80)
        socket.create_connection((url.hostname or "", port), timeout=10).close()
    except (OSError, ValueError) as error:
        raise LaunchError(f"address: {address}: {error}; allowed: where the Jobs server listens") from None
