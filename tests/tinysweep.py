"""A sweep that is small enough to run many times: one file written into a directory, and the command line to run it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sweep.export import export
from sweep.results import load_results

REPOSITORY = Path(__file__).parents[1]

TINY = """\
name: tiny
seed: 1
machine:
  ram_mib: 16
  cpus: 2
  swap_mib: 64
  swap: {name: sda, read_mb_s: 50, write_mb_s: 50, latency_ns: 100000}
  file: {name: sdb, read_mb_s: 50, write_mb_s: 50, latency_ns: 100000}
workload: {kind: mix, anon_share: 0.5, footprint_mib: 20, text_mib: 1, duration_s: 0.1}
policies: [inline, postponed]
compare: {challenger: postponed, baseline: inline}
axes:
  - {name: anon_share, set: workload.anon_share, values: [0.2, 0.8]}
points:
  - {name: slow-swap, set: {machine.swap.write_mb_s: 5}}
search:
  trials: 5
  batch: 2
  replicates: 2
  confirm: 2
  params:
    min_free_kbytes: {low: 200, high: 2000, log: true}
    dirty_ratio: {low: 2, high: 80}
"""
ALONE = """\
name: alone
seed: 1
machine:
  ram_mib: 16
  cpus: 2
  swap_mib: 32
  swap: {name: sda, read_mb_s: 50, write_mb_s: 50, latency_ns: 100000}
  file: {name: sdb, read_mb_s: 50, write_mb_s: 50, latency_ns: 100000}
workload: {kind: mix, anon_share: 0.8, footprint_mib: 28, text_mib: 1, duration_s: 1}
policies: [inline]
axes:
  - {name: anon_share, set: workload.anon_share, values: [0.2, 0.8]}
points:
  - {name: light, set: {workload.footprint_mib: 6}} # nothing is reclaimed, all settings are equal
search:
  trials: 8
  batch: 4
  replicates: 2
  confirm: 8
  params:
    min_free_kbytes: {low: 200, high: 4000, log: true}
    dirty_ratio: {low: 2, high: 80}
    swappiness: {low: 0, high: 100}
"""  # one policy, and settings that matter
SIMULATIONS = 84  # at most: 6 studies of 5 trials with 2 replicates, and 2 confirmed trials with 2


def write(directory: Path, text: str = TINY, name: str = "tiny.yaml") -> Path:
    """Write a sweep file and return its path."""
    path = directory / name
    path.write_text(text)
    return path


def command(*arguments: str | Path) -> list[str]:
    """The command line of highwater, from source."""
    return [sys.executable, "-m", "sweep", *(str(argument) for argument in arguments)]


def environment() -> dict[str, str]:
    """The environment of such a process: it finds the source from any directory."""
    return os.environ | {"PYTHONPATH": str(REPOSITORY)}


def highwater(directory: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run highwater in ``directory`` and wait for it."""
    return subprocess.run(command(*arguments), cwd=directory, env=environment(), capture_output=True, text=True, check=False, timeout=300)


def run(directory: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
    """``highwater run`` on the tiny sweep, without map and MLflow."""
    return highwater(directory, "run", directory / "tiny.yaml", "--no-map", "--no-mlflow", *options)


def alone(directory: Path) -> Path:
    """Run the sweep of one policy in ``directory``; where its results are."""
    write(directory, ALONE, "alone.yaml")
    done = highwater(directory, "run", directory / "alone.yaml", "--no-map", "--no-mlflow", "--executor", "serial", "--results", directory / "results")
    assert done.returncode == 0, done.stderr
    return directory / "results"


def tables(results: Path) -> Sequence[bytes]:
    """The exported tables, as bytes."""
    return [path.read_bytes() for path in export(load_results(results), results / "csv")]


def undisturbed(directory: Path) -> Sequence[bytes]:
    """The tables of the sweep in ``directory`` as one process gives them from beginning to end; the results stay in ``whole``."""
    done = run(directory, "--executor", "serial", "--results", directory / "whole")
    assert done.returncode == 0, done.stderr
    return tables(directory / "whole")
