"""The sbatch script: as recorded, and run by bash with stand-ins for Slurm, Ray and highwater."""

import dataclasses
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from cluster.errors import LaunchError
from cluster.job import load_job
from cluster.slurm import Allocation, script
from tests.launches import ALLOCATION, DUEL, HOSTILE, HOSTILE_FILE, HOSTILE_WORDS, TEXT, assert_as_recorded

# `scontrol` names this host and notes a requeue; `srun` starts its command here; `ray` drops its own words up to `--`.
STAND_INS = {
    "scontrol": '[ "$1" = show ] && echo node1 || echo "$@" >>"$LOG/scontrol"',
    "srun": 'shift; exec "$@"',
    "ray": 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
    "highwater": """printf '%s\\n' "$@" >"$LOG/words"
trap 'echo drained >"$LOG/drained"; exit 75' TERM
touch "$LOG/started"
i=0; while [ "$i" -lt "${STEPS:-600}" ]; do sleep 0.1; i=$((i + 1)); done
exit "${CODE:-0}\"""",
}


@pytest.fixture
def node(tmp_path: Path) -> dict[str, str]:
    """A directory that looks like a checkout on a compute node; gives the environment of a job there."""
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/activate").write_text("")
    for name, body in STAND_INS.items():
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/bash\n{body}\n")
        program.chmod(0o755)
    slurm = {"SLURM_JOB_NODELIST": "node[1-4]", "SLURM_NNODES": "4", "SLURM_CPUS_PER_TASK": "32", "SLURM_JOB_ID": "7"}
    return {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "LOG": str(tmp_path), "TMPDIR": str(tmp_path), **slurm}


def start(node: dict[str, str], text: str) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(["bash", "-c", text], env=node, cwd=node["LOG"])
    deadline = time.monotonic() + 30
    while not Path(node["LOG"], "started").exists():
        assert time.monotonic() < deadline, "the stand-in for highwater never started"
        assert process.poll() is None, f"the script left with {process.returncode}"
        time.sleep(0.02)
    return process


def here(node: dict[str, str]) -> Allocation:
    return dataclasses.replace(ALLOCATION, directory=Path(node["LOG"]), token=Path(node["LOG"], "auth_token"))


def sweep(node: dict[str, str], name: str = "duel.yaml", *words: str) -> str:
    path = Path(node["LOG"], name)
    path.write_text(TEXT)
    return script(load_job(path, words), here(node))


def test_as_recorded() -> None:
    assert_as_recorded(script(DUEL, ALLOCATION), "sbatch.sh")
    assert_as_recorded(script(HOSTILE, ALLOCATION), "sbatch_hostile.sh")


def test_a_sweep_that_ends_gives_its_own_exit_code(node: dict[str, str]) -> None:
    process = start({**node, "STEPS": "0", "CODE": "3"}, sweep(node))
    assert process.wait(30) == 3
    assert not Path(node["LOG"], "scontrol").exists()


def test_near_the_limit_the_sweep_drains_and_the_job_is_requeued(node: dict[str, str]) -> None:
    process = start(node, sweep(node))
    process.send_signal(signal.SIGUSR1)
    assert process.wait(30) == 75
    assert Path(node["LOG"], "drained").exists()
    assert Path(node["LOG"], "scontrol").read_text() == "requeue 7\n"


def test_a_cancelled_sweep_drains_and_stays_away(node: dict[str, str]) -> None:
    process = start(node, sweep(node))
    process.terminate()
    assert process.wait(30) == 75
    assert Path(node["LOG"], "drained").exists()
    assert not Path(node["LOG"], "scontrol").exists()


def test_hostile_words_arrive_as_they_are_and_run_nothing(node: dict[str, str]) -> None:
    process = start({**node, "STEPS": "0"}, sweep(node, HOSTILE_FILE, *HOSTILE_WORDS))
    assert process.wait(30) == 0
    assert Path(node["LOG"], "words").read_text().splitlines() == [
        "run",
        HOSTILE_FILE,
        "--address",
        "auto",
        *HOSTILE_WORDS,
    ]
    assert not list(Path(node["LOG"]).rglob("pwned"))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("nodes", 0), ("cpus", 0), ("grace_s", 1), ("time", "soon"), ("time", "1:00:00\n#SBATCH --uid=0")),
        *(("partition", "a b"), ("account", "x\ny"), ("qos", "$(x)")),
        *(("directory", Path("here")), ("token", Path("/a\nb"))),
    ],
)
def test_what_sbatch_would_misread_is_refused(option: str, value: object) -> None:
    with pytest.raises(LaunchError, match=f"{option.removesuffix('_s')}: .*; allowed: "):
        dataclasses.replace(ALLOCATION, **{option: value})  # type: ignore[arg-type]
