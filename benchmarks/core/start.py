"""Seconds until a new process has simulated something, with everything compiled before.

    python benchmarks/core/start.py [--rounds 7]

Wall time of a process that imports core, loads the engine and a policy from the cache and runs a tiny simulation.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

SCRIPT = """
from benchmarks.core.touch import machine, stream
from core import policies, simulate
simulate(machine(16384), policies.load("flusher_only"), {}, stream(1, []))
"""


def once() -> float:
    """One such process."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, cwd=Path(__file__).parents[2], env=os.environ | {"PYTHONDONTWRITEBYTECODE": ""})
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    once()
    seconds = sorted(once() for _ in range(rounds))
    print(f"{statistics.median(seconds):.2f} s, the median of {rounds} ({seconds[0]:.2f} to {seconds[-1]:.2f})")


if __name__ == "__main__":
    main()
