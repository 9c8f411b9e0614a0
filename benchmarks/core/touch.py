"""Nanoseconds of one core for each page touch the engine simulates: everything resident, 3 % and 25 % misses, and the curve over sizes.

    python benchmarks/core/touch.py [--pages 16384 65536 262144] [--rounds 5]
    python benchmarks/core/touch.py --pages 1048576 --footprints 1400000 --rounds 3
    python benchmarks/core/touch.py --pages 4194304 --footprints 5800000 30000000 --rounds 3

CPU time of one process. Every figure is the median over the rounds; all 6.12 mechanics are on (policy flusher_only) unless another policy is named. A miss is a
page-in with everything that it brings along: allocation, kswapd or direct reclaim, eviction of another page, its write-out if dirty, and both completions.
Where a footprint would exceed --largest pages, the largest is taken and fewer touches miss than wanted.

Beside it, what the cache hierarchy alone costs for the same string: the measured touches as a bare loop over one 32-byte record a page, as in the engine
itself. ``gather`` adds one to the record (nothing depends on it, so the processor overlaps them), ``chase`` needs what it loads for the next address.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core import Builder, Device, Machine, Outcome, Streams, operations, policies, simulate
from core.jit import entry
from core.policy import Policy
from core.units import PAGES_PER_MIB, SECOND

FAST = Device("ssd", read_mb_s=100_000, write_mb_s=100_000, latency_ns=1_000)
WARM_UP, MEASURED = 2, 4  # passes over the reference string
LONGEST_PASS = 16_000_000  # touches
WRITES = 1 / 3
LARGE = 1 << 20  # frames: from here on the footprint is found to a tenth, for each step takes seconds


class Pass(NamedTuple):
    """One pass over the footprint, drawn anew: page numbers from 0 on, and the code of each touch."""

    pages: NDArray[np.int64]
    codes: NDArray[np.int64]


class Cost(NamedTuple):
    """What a touch costs, and which share of the touches miss."""

    ns: float
    misses: float


def machine(pages: int) -> Machine:
    """RAM for ``pages`` frames; a device so fast that the run is bound by CPU work, not by waiting."""
    mib = pages // PAGES_PER_MIB
    return Machine("bench", ram_mib=mib, cpus=1, swap_mib=16 * mib, swap=FAST, file=FAST)


def reference_string(footprint: int, passes: int, writes: float = WRITES, seed: int = 1) -> list[Pass]:
    """Zipf-like touches of ``footprint`` pages, a share of them ``writes``."""
    rng = np.random.default_rng(seed)
    touches = min(max(2 * footprint, 1_000_000), LONGEST_PASS)
    scattered = rng.permutation(footprint)
    drawn = []
    for _ in range(passes):
        rank = np.minimum((footprint ** rng.random(touches)).astype(np.int64), footprint - 1)
        codes = np.where(rng.random(touches) < writes, operations.WRITE, operations.READ).astype(np.int64)
        drawn.append(Pass(scattered[rank], codes))
    return drawn


def stream(footprint: int, passes: list[Pass]) -> Streams:
    """One task that writes each page of an anonymous region once, then makes the passes."""
    builder = Builder()
    region = builder.anon(footprint)
    task = builder.task(0).run(operations.WRITE, region.first, footprint)
    for drawn in passes:
        task.touch_mixed(drawn.codes, region.first + drawn.pages)
    built = builder.build(3600 * SECOND)
    assert built.checked
    return built


class Pair:
    """A run of the warm-up passes and one of all of them: their difference is what the measured passes cost, without start and warm-up."""

    def __init__(self, frames: int, footprint: int, policy: Policy, passes: list[Pass]) -> None:
        self.machine, self.policy = machine(frames), policy
        simulate(self.machine, policy, {}, stream(1, []))  # compiled, or loaded, before the clock starts
        self.short = stream(footprint, passes[:WARM_UP])
        self.long = stream(footprint, passes)

    def measure(self) -> Cost:
        before, short_seconds = self._run(self.short)
        after, long_seconds = self._run(self.long)
        touches = after.ops_done - before.ops_done
        return Cost((long_seconds - short_seconds) / touches * 1e9, (after.pgmajfault - before.pgmajfault) / touches)

    def _run(self, built: Streams) -> tuple[Outcome, float]:
        begin = time.process_time()
        outcome = simulate(self.machine, self.policy, {}, built)
        seconds = time.process_time() - begin
        assert not outcome.oom
        return outcome, seconds


@entry
def gather(records: NDArray[np.int64], pages: NDArray[np.int64]) -> None:
    """Add one to the record of each page."""
    for at in range(len(pages)):
        records[pages[at], 0] += 1


@entry
def chase(records: NDArray[np.int64], pages: NDArray[np.int64]) -> int:
    """Load the record of each page; what it holds, 0, is part of the next address."""
    held = 0
    for at in range(len(pages)):
        held = records[pages[at] + held, 1]
    return held


class Hierarchy(NamedTuple):
    """Nanoseconds a touch of the bare loops."""

    gather: float
    chase: float


def bare(footprint: int, passes: list[Pass]) -> Hierarchy:
    """The touches of ``passes`` without a simulator, after one of them to warm up."""
    records = np.zeros((footprint, 4), np.int64)
    string = np.concatenate([drawn.pages for drawn in passes])
    found = []
    for loop in (gather, chase):
        loop(records, passes[0].pages)
        begin = time.process_time()
        loop(records, string)
        found.append((time.process_time() - begin) / len(string) * 1e9)
    return Hierarchy(*found)


def measure(frames: int, footprint: int, policy: Policy, rounds: int, writes: float = WRITES) -> tuple[Cost, Hierarchy]:
    """Medians over the rounds, engine and bare loops in turn."""
    passes = reference_string(footprint, WARM_UP + MEASURED, writes)
    pair = Pair(frames, footprint, policy, passes)
    costs, floors = [], []
    for _ in range(rounds):
        costs.append(pair.measure())
        floors.append(bare(footprint, passes[WARM_UP:]))
    floor = Hierarchy(statistics.median(floor.gather for floor in floors), statistics.median(floor.chase for floor in floors))
    return Cost(statistics.median(cost.ns for cost in costs), costs[0].misses), floor


def misses(frames: int, footprint: int, policy: Policy) -> float:
    """The share of touches that miss."""
    return Pair(frames, footprint, policy, reference_string(footprint, WARM_UP + MEASURED)).measure().misses


def footprint_for(frames: int, share: float, policy: Policy, largest: int) -> int:
    """The footprint at which about ``share`` of the touches miss, by bisection, at most ``largest``."""
    low, high = frames, min(frames * 15, largest)
    if low >= high or misses(frames, high, policy) <= share:
        return high
    while high > low * (1.02 if frames < LARGE else 1.1):
        middle = int((low * high) ** 0.5)
        if misses(frames, middle, policy) < share:
            low = middle
        else:
            high = middle
    return int((low * high) ** 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--pages", type=int, nargs="+", default=[16_384, 65_536])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--footprints", type=int, nargs="+", help="pages; instead of searching those at which 3 % and 25 % of the touches miss")
    parser.add_argument("--largest", type=int, default=1 << 62, help="no footprint above this, pages")
    parser.add_argument("--policy", default="flusher_only", choices=policies.names())
    arguments = parser.parse_args()
    policy = policies.load(arguments.policy)
    print(f"policy {arguments.policy}; medians of {arguments.rounds} rounds")
    print(f"{'frames':>10} {'footprint':>10} {'misses':>8} {'ns a touch':>11} {'ns a miss':>10} {'gather':>7} {'chase':>6}")
    for frames in arguments.pages:
        resident = 0.0
        found = arguments.footprints or [footprint_for(frames, wanted, policy, arguments.largest) for wanted in (0.03, 0.25)]
        for footprint in (frames * 3 // 4, *found):
            cost, floor = measure(frames, footprint, policy, arguments.rounds)
            resident = resident or cost.ns
            per_miss = f"{(cost.ns - resident) / cost.misses:>10.0f}" if cost.misses else f"{'':>10}"
            print(f"{frames:>10} {footprint:>10} {cost.misses:>8.1%} {cost.ns:>11.1f} {per_miss} {floor.gather:>7.1f} {floor.chase:>6.1f}", flush=True)


if __name__ == "__main__":
    main()
