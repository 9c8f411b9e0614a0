"""A sweep as one Slurm job: a Ray cluster over its nodes, the driver on the first, requeued when its time is up."""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import require
from cluster.job import Job
from cluster.secret import ensure_token

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.,:@+-]*")
_TIME = re.compile(r"(\d+-)?\d{1,3}(:\d{2}){0,2}")


@dataclass(frozen=True)
class Allocation:
    """What to ask Slurm for.

    Attributes:
        nodes: whole nodes; Ray cannot share one with another user's Ray.
        cpus: CPUs of a node that Ray may use.
        time: limit in Slurm's notation, e.g. "04:00:00". The sweep goes on in the next run of the same job.
        directory: the checkout, on a file system that every node sees.
        token: file with Ray's shared token, on that file system, mode 0600.
        environment: the virtual environment, relative to `directory`.
        partition, account, qos: as the site wants them, or empty.
        grace_s: seconds before the limit at which the sweep is asked to stop.
    """

    nodes: int
    cpus: int
    directory: Path
    token: Path
    time: str = "04:00:00"
    environment: str = ".venv"
    partition: str = ""
    account: str = ""
    qos: str = ""
    grace_s: int = 120

    def __post_init__(self) -> None:
        require(1 <= self.nodes <= 10_000, "nodes", self.nodes, "1 to 10000")
        require(1 <= self.cpus <= 4096, "cpus", self.cpus, "1 to 4096")
        require(30 <= self.grace_s <= 3600, "grace", self.grace_s, "30 to 3600 seconds")
        require(bool(_TIME.fullmatch(self.time)), "time", self.time, "[DAYS-]HH:MM:SS or minutes")
        for option in ("partition", "account", "qos"):
            value = str(getattr(self, option))
            require(value == "" or bool(_WORD.fullmatch(value)), option, value, "letters, digits and _ . , : @ + -")
        for option in ("directory", "token"):
            path = Path(getattr(self, option))
            require(path.is_absolute() and str(path).isprintable(), option, str(path), "an absolute path")


def script(job: Job, allocation: Allocation) -> str:
    """The sbatch script. Pure: the same job and allocation give the same text, and every outside word is quoted.

    Near the limit Slurm sends USR1 to this script alone. Highwater then gets TERM, commits, and leaves with 75
    ("to be continued"), while Ray is still up; then the job is requeued and resumes from its store. USR1 and not TERM,
    because TERM is also what `scancel` sends, and a cancelled sweep must not come back.
    """
    command = shlex.join(job.command(_seen_from(allocation.directory, job.path)))
    body = _BODY.replace("@COMMAND@", command)
    return "\n".join((*_directives(job, allocation), "", *_environment(allocation), "", body))


def submit(job: Job, allocation: Allocation) -> int:
    """Make the token if there is none, and hand the script to sbatch; its exit code."""
    ensure_token(allocation.token)
    text = script(job, allocation)
    return subprocess.run(["sbatch"], input=text, text=True, check=False, cwd=allocation.directory).returncode


def _directives(job: Job, allocation: Allocation) -> list[str]:
    options = {
        "job-name": job.name,
        "nodes": allocation.nodes,
        "ntasks-per-node": 1,
        "cpus-per-task": allocation.cpus,
        "mem": 0,
        "time": allocation.time,
        "signal": f"B:USR1@{allocation.grace_s}",
        "open-mode": "append",
        "partition": allocation.partition,
        "account": allocation.account,
        "qos": allocation.qos,
    }
    lines = [f"#SBATCH --{option}={value}" for option, value in options.items() if value != ""]
    return ["#!/bin/bash", *lines, "#SBATCH --exclusive", "#SBATCH --requeue"]


def _environment(allocation: Allocation) -> list[str]:
    return [
        "set -uo pipefail",
        "umask 077",
        f"cd -- {shlex.quote(str(allocation.directory))} || exit 1",
        f". {shlex.quote(allocation.environment + '/bin/activate')} || exit 1",
        "",
        "# Every node and client shows the same token; it is on no command line.",
        "export RAY_AUTH_MODE=token",
        f"export RAY_AUTH_TOKEN_PATH={shlex.quote(str(allocation.token))}",
        "export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=300",
        "export RAY_ENABLE_UV_RUN_RUNTIME_ENV=0",
        "export RAY_USAGE_STATS_ENABLED=0",
        "export RAY_task_oom_retries=3",
    ]


def _seen_from(directory: Path, path: Path) -> str:
    path = path.absolute()
    return str(path.relative_to(directory) if path.is_relative_to(directory) else path)


_BODY = r"""head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
state=$(mktemp -d)
time_is_up=

# Only highwater hears of it: it finishes what runs and commits, and Ray stays up meanwhile.
drain() { [ ! -s "$state/pid" ] || kill -TERM "$(cat "$state/pid")"; }
trap 'time_is_up=yes; drain' USR1
trap drain TERM

# Compiled code is kept on each node's own disk, in a directory that nobody else could have prepared.
node='export HIGHWATER_CACHE_DIR=$(mktemp -d); "$@"; code=$?; rm -rf "$HIGHWATER_CACHE_DIR"; exit "$code"'
# The driver runs on the first node, where this script runs too, so its process id is at hand.
supervise='"${@:2}" & echo "$!" >"$1/pid"; wait "$!"; code=$?; echo "$code" >"$1/code"; exit "$code"'
srun --cpus-per-task="$SLURM_CPUS_PER_TASK" bash -c "$node" node \
    ray symmetric-run --address "$head:6379" --min-nodes "$SLURM_NNODES" --num-cpus "$SLURM_CPUS_PER_TASK" -- \
    bash -c "$supervise" supervise "$state" \
    @COMMAND@ &
steps=$!
while kill -0 "$steps" 2>/dev/null; do wait "$steps"; done

code=$(cat "$state/code" 2>/dev/null || echo 1)
rm -rf "$state"
if [ "$code" = 75 ] && [ -n "$time_is_up" ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$code"
"""
