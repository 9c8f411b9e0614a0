"""Nanoseconds of real time for each page touch the engine simulates: everything resident, 3 % and 25 % misses.

    python benchmarks/core/touch.py [--pages 16384 65536 262144] [--rounds 5]

One process, one core. Every figure is the median over the rounds; all 6.12 mechanics are on (policy flusher_only) unless another policy is named. A miss is a
page-in with everything that it brings along: allocation, kswapd or direct reclaim, eviction of another page, its write-out if dirty, and both completions.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from core import Builder, Device, Machine, Streams, policies, simulate, streams
from core.units import PAGES_PER_MIB, SECOND

FAST = Device("ssd", read_mb_s=100_000, write_mb_s=100_000, latency_ns=1_000)
WARM_UP, MEASURED = 2, 4  # passes over the reference string


def machine(pages: int) -> Machine:
    """RAM for ``pages`` frames; a device so fast that the run is bound by CPU work, not by waiting."""
    mib = pages // PAGES_PER_MIB
    return Machine("bench", ram_mib=mib, cpus=1, swap_mib=16 * mib, swap=FAST, file=FAST)


def reference_string(footprint: int, touches: int, passes: int, seed: int) -> Streams:
    """Zipf-like touches of an anonymous region, a third of them writes, every page written once before; each pass draws anew."""
    rng = np.random.default_rng(seed)
    builder = Builder()
    region = builder.anon(footprint)
    scattered = rng.permutation(footprint)
    task = builder.task(0).run(streams.WRITE, region.first, footprint)
    for _ in range(passes):
        rank = np.minimum((footprint ** rng.random(touches)).astype(np.int64), footprint - 1)
        codes = np.where(rng.random(touches) < 0.33, streams.WRITE, streams.READ).astype(np.int64)
        task.touch_mixed(codes, region.first + scattered[rank])
    return builder.build(3600 * SECOND)


def measure(frames: int, footprint: int, policy_name: str, rounds: int) -> tuple[float, float]:
    """(ns a touch, share of misses) of the passes after the warm-up: long run minus short run, medians."""
    policy = policies.load(policy_name)
    touches = max(2 * footprint, 1_000_000)
    computer = machine(frames)
    short = reference_string(footprint, touches, WARM_UP, 1)
    long = reference_string(footprint, touches, WARM_UP + MEASURED, 1)
    assert short.checked
    assert long.checked
    costs, misses = [], 0.0
    for _ in range(rounds):
        seconds = []
        outcomes = []
        for stream in (short, long):
            begin = time.perf_counter()
            outcomes.append(simulate(computer, policy, {}, stream))
            seconds.append(time.perf_counter() - begin)
        assert not outcomes[1].oom
        ops = outcomes[1].ops_done - outcomes[0].ops_done
        costs.append((seconds[1] - seconds[0]) / ops * 1e9)
        misses = (outcomes[1].pgmajfault - outcomes[0].pgmajfault) / ops
    return statistics.median(costs), misses


def footprint_for(frames: int, share: float, policy_name: str) -> int:
    """The footprint at which about ``share`` of the touches miss, by bisection."""
    low, high = frames // 2, frames * 15
    while high - low > frames // 32:
        middle = (low + high) // 2
        if measure(frames, middle, policy_name, 1)[1] < share:
            low = middle
        else:
            high = middle
    return (low + high) // 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--pages", type=int, nargs="+", default=[16_384, 65_536])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--policy", default="flusher_only", choices=policies.names())
    arguments = parser.parse_args()
    print(f"policy {arguments.policy}; medians of {arguments.rounds} rounds")
    print(f"{'frames':>10} {'footprint':>10} {'misses':>8} {'ns a touch':>11}")
    for frames in arguments.pages:
        for wanted in (0.0, 0.03, 0.25):
            footprint = frames * 3 // 4 if wanted == 0.0 else footprint_for(frames, wanted, arguments.policy)
            cost, misses = measure(frames, footprint, arguments.policy, arguments.rounds)
            print(f"{frames:>10} {footprint:>10} {misses:>8.1%} {cost:>11.1f}", flush=True)


if __name__ == "__main__":
    main()
