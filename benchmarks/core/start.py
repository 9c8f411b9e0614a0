"""Seconds until a new process simulates, with everything compiled before.

    python benchmarks/core/start.py [--rounds 7]

Wall time from the start of a process that imports core, loads the engine and a policy from the cache and runs a tiny simulation, to the end of that.
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
import time
from core import Builder, Device, Machine, operations, policies, simulate

disk = Device("disk", read_mb_s=100, write_mb_s=100, latency_ns=0)
builder = Builder()
region = builder.anon(10)
builder.task().run(operations.WRITE, region.first, region.pages)
assert simulate(Machine("small", 16, 1, 16, disk, disk), policies.load("flusher_only"), {}, builder.build(10**9)).ops_done == 10
print(time.perf_counter())
"""


def once() -> float:
    """One such process."""
    begin = time.perf_counter()
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run([sys.executable, "-c", SCRIPT], check=True, cwd=Path(__file__).parents[2], env=environment, capture_output=True, text=True)
    return float(done.stdout) - begin  # the clock is the system's


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    once()
    seconds = sorted(once() for _ in range(rounds))
    print(f"{statistics.median(seconds):.2f} s, the median of {rounds} ({seconds[0]:.2f} to {seconds[-1]:.2f})")


if __name__ == "__main__":
    main()
