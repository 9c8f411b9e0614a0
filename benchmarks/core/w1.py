"""The load of the 2007 thread under every policy: who is killed, and how long after the low watermark.

python benchmarks/core/w1.py [--seeds 12] [--cpus 2]
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import replace
from pathlib import Path

from core import Machine, policies, simulate
from core.units import SECOND
from sweep import workloads
from sweep.fields import build
from sweep.yamlfile import load_mapping

CONFIGS = Path(__file__).parents[2] / "configs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--cpus", type=int, default=2)
    arguments = parser.parse_args()
    machine = replace(build(Machine, load_mapping(CONFIGS / "machines" / "pc-2007-128m.yaml")), cpus=arguments.cpus)
    for name in ("w1-zijlstra", "w1-clean-file"):
        path = CONFIGS / "workloads" / f"{name}.yaml"
        workload = workloads.load(load_mapping(path), path)
        streams = [workloads.compile_streams(workload, machine, seed) for seed in range(arguments.seeds)]
        for policy in policies.names():
            outcomes = [simulate(machine, policies.load(policy), {}, stream) for stream in streams]
            killed = [(o.time_to_first_oom_ns - o.time_to_low_ns) / SECOND for o in outcomes if o.oom_kills]
            after = f", {min(killed):.2f} to {max(killed):.2f} s after low" if killed else ""
            rate = statistics.median(o.throughput for o in outcomes)
            print(f"{name:14} {policy:14} killed {len(killed)} of {len(outcomes)}{after}; median {rate:.0f} operations/s", flush=True)


if __name__ == "__main__":
    main()
