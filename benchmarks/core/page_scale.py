"""What a larger page_scale costs in truth and saves in time: random cells, each run at scales 1, 4, 16 and 64.

    python benchmarks/core/page_scale.py [--cells 50] [--seed 1] [--seconds 12] [--jobs 2] [--csv page-scale.csv] [--resume]

A cell is a random machine (RAM, device class, swap space, kernel memory that a write needs), a random load (mix, cyclic or crew; working set, share of
anonymous memory) and a policy, all drawn from the seed. Scale 1 with another seed of the same load shows how far two runs differ that a study would call
equal: no scale can do better. Throughput is that of Outcome; volume is what went to and came from the devices: pages swapped in, pages written, and file
pages that came back (first reads of a file are the same at every scale and counted by no outcome). Times are CPU time of simulate(), compiled beforehand;
those of the streams are in the csv. Printed are markdown tables.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from core import Device, Machine, Outcome, policies, simulate
from sweep import workloads
from sweep.workloads import compile_streams

SCALES: Final = (1, 4, 16, 64)
OTHER_SEED: Final = 1000
RUNS: Final = len(SCALES) + 1  # of a cell
DEVICES: Final = {
    "hdd": Device("hdd", read_mb_s=60, write_mb_s=60, latency_ns=100_000, seek_ns=10_000_000),
    "ssd": Device("ssd", read_mb_s=450, write_mb_s=450, latency_ns=100_000, seek_ns=11_000),
    "nvme": Device("nvme", read_mb_s=2500, write_mb_s=2500, latency_ns=50_000, seek_ns=1_700),
}
POLICIES: Final = ("inline", "postponed", "flusher_only", "inline", "postponed", "flusher_only", "linux_3_2", "linux_5_16", "recursive", "way_forward")
RAM_CLASSES: Final = ((64, 128), (128, 256), (256, 513))
FRAMES: Final = ((0, 1024), (1024, 2048), (2048, 4096), (4096, 8192), (8192, 16384), (16384, 1 << 30))
ENOUGH_RANK, ENOUGH_ERROR = 0.9, 0.2


@dataclass(frozen=True)
class Case:
    """One cell."""

    number: int
    ram_mib: int
    device: str
    policy: str
    kind: str
    working_set: float
    anon_share: float
    swap_ratio: float
    w_alloc_milli: int
    load: dict[str, Any]

    def machine(self, scale: int) -> Machine:
        kernel = self.ram_mib * 256 // 25
        device = replace(DEVICES[self.device], w_alloc_milli=self.w_alloc_milli)
        return Machine(
            self.device, self.ram_mib, 2, int(self.swap_ratio * self.ram_mib), device, device, same_device=True, kernel_pages=kernel, page_scale=scale
        )


@dataclass(frozen=True)
class Run:
    """One run of a cell; ``other`` is that with another seed."""

    number: int
    scale: int
    other: bool
    ram_mib: int
    device: str
    policy: str
    kind: str
    working_set: float
    anon_share: float
    swap_ratio: float
    w_alloc_milli: int
    throughput: float
    volume: int
    seeks: int
    ended: str
    streams_s: float
    simulate_s: float

    @property
    def frames(self) -> int:
        return self.ram_mib * 256 // self.scale


def draw(number: int, seed: int, seconds: float) -> Case:
    """Cell ``number``: its draws depend on nothing but the seed and its number."""
    rng = np.random.default_rng([seed, number])
    ram_mib = round(64 * 8 ** float(rng.random()))
    working_set = round(0.5 + 2 * float(rng.random()), 2)
    anon_share = round(0.1 + 0.8 * float(rng.random()), 2)
    kind = ("mix", "cyclic", "crew")[number % 3]
    load: dict[str, Any] = {"kind": kind, "duration_s": seconds}
    if kind == "mix":
        load |= {"footprint_ratio": working_set, "anon_share": anon_share, "zipf": round(0.6 + 0.6 * float(rng.random()), 2)}
    elif kind == "cyclic":
        clean = round(working_set * (1 - anon_share) * ram_mib * 256)
        load |= {"size_mib": max(working_set * anon_share * ram_mib, 1), "clean_file_pages": clean}
    else:
        access = ("zipf", "random", "linear")[int(rng.integers(3))]
        heap = {"tasks": 2, "memory": "anon", "size_ram": working_set * anon_share, "fill": True, "access": access, "write_share": 0.5}
        reader = {"tasks": 2, "memory": "file", "size_ram": working_set * (1 - anon_share) * 0.7, "access": access}
        writer = {"memory": "file", "size_ram": working_set * (1 - anon_share) * 0.3, "write_share": 1, "mb_s": 20}
        load["roles"] = {"heap": heap, "reader": reader, "writer": writer}
    device = tuple(DEVICES)[int(rng.integers(3))]
    policy = POLICIES[int(rng.integers(len(POLICIES)))]
    swap_ratio = float(rng.choice([0.25, 0.5, 1, 4]))
    return Case(number, ram_mib, device, policy, kind, working_set, anon_share, swap_ratio, int(rng.choice([0, 0, 1000, 2000])), load)


def ended(outcome: Outcome) -> str:
    """Its class."""
    return "deadlock" if outcome.deadlock else "killed" if outcome.oom_kills else "ok"


def run(case: Case, scale: int, other: bool) -> Run:
    """One simulation."""
    machine = case.machine(scale)
    begin = time.process_time()
    streams = compile_streams(workloads.load(case.load, Path("page_scale")), machine, case.number + OTHER_SEED * other)
    middle = time.process_time()
    outcome = simulate(machine, policies.load(case.policy), {}, streams)
    end = time.process_time()
    volume = outcome.pswpin + outcome.nr_written + outcome.workingset_refault_file
    facts = (case.ram_mib, case.device, case.policy, case.kind, case.working_set, case.anon_share, case.swap_ratio, case.w_alloc_milli)
    times = (round(middle - begin, 4), round(end - middle, 4))
    return Run(case.number, scale, other, *facts, outcome.throughput, volume, outcome.nr_seeks, ended(outcome), *times)


def run_all(case: Case) -> list[Run]:
    """The cell at all scales, and at scale 1 with another seed."""
    return [run(case, scale, False) for scale in SCALES] + [run(case, 1, True)]


def warm() -> None:
    """Compile before anything is timed."""
    run(replace(draw(0, 0, 0.1), ram_mib=64), 64, False)


def finished(path: Path, cells: int) -> list[Run]:
    """The cells of a file that a run with the same options has begun, in their order; what is left of one half written is cut off."""
    if not path.exists():
        return []
    kinds: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "str": str, "bool": lambda text: text == "True"}
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if None not in row.values()]
    rows = rows[: min(len(rows) // RUNS, cells) * RUNS]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Run)])
        writer.writeheader()
        writer.writerows(rows)
    return [Run(**{field.name: kinds[str(field.type)](row[field.name]) for field in fields(Run)}) for row in rows]


def ranks(values: Sequence[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Ranks from 0; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    mean = np.cumsum(counts) - (counts + 1) / 2
    found: np.ndarray[Any, np.dtype[np.float64]] = mean[inverse]
    return found


def spearman(a: Sequence[float], b: Sequence[float]) -> float:
    """Rank correlation; nan for fewer than three pairs or a constant."""
    if len(a) < 3 or len(set(a)) == 1 or len(set(b)) == 1:
        return float("nan")
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


@dataclass(frozen=True)
class Agreement:
    """How a group of runs compares with the same cells at scale 1."""

    pairs: int
    rank_throughput: float
    rank_volume: float
    median_error: float
    p90_error: float
    same_end: int
    speed_up: float

    @property
    def good(self) -> bool:
        return self.rank_throughput >= ENOUGH_RANK and self.median_error <= ENOUGH_ERROR

    def row(self, *names: str) -> str:
        errors = f"{self.median_error:.1%} | {self.p90_error:.1%}"
        same = f"{self.same_end} of {self.pairs}"
        return f"| {' | '.join(names)} | {self.pairs} | {self.rank_throughput:.3f} | {self.rank_volume:.3f} | {errors} | {same} | {self.speed_up:.1f} |"


HEAD: Final = "pairs | rank, throughput | rank, volume | median error | 90 % error | same end | speed-up |"


def agreement(pairs: Iterable[tuple[Run, Run]]) -> Agreement | None:
    """Of pairs (scale 1, other); None without any."""
    both = list(pairs)
    if not both:
        return None
    plain, large = [a for a, _ in both], [b for _, b in both]
    error = [abs(b.throughput - a.throughput) / max(a.throughput, 1e-9) for a, b in both]
    return Agreement(
        len(both),
        spearman([r.throughput for r in plain], [r.throughput for r in large]),
        spearman([r.volume for r in plain], [r.volume for r in large]),
        float(np.median(error)),
        float(np.quantile(error, 0.9)),
        sum(a.ended == b.ended for a, b in both),
        sum(r.simulate_s for r in plain) / max(sum(r.simulate_s for r in large), 1e-9),
    )


ROWS: Final = (("1, another seed", 1, True), ("4", 4, False), ("16", 16, False), ("64", 64, False))


def report(runs: Sequence[Run]) -> str:
    """The tables."""
    plain = {r.number: r for r in runs if r.scale == 1 and not r.other}

    def group(chosen: Iterable[Run]) -> Agreement | None:
        return agreement((plain[r.number], r) for r in chosen)

    lines = [f"| scale | {HEAD}", "|---" * 8 + "|"]
    for name, scale, other in ROWS:
        found = group(r for r in runs if r.scale == scale and r.other == other)
        lines += [found.row(name)] if found else []
    for key, names in (("device", DEVICES), ("kind", ("mix", "cyclic", "crew"))):
        lines += ["", f"| {key} | scale | {HEAD}", "|---" * 9 + "|"]
        for which in names:
            for name, scale, other in ROWS:
                found = group(r for r in runs if r.scale == scale and r.other == other and getattr(r, key) == which)
                lines += [found.row(which, name)] if found else []
    lines += ["", f"| simulated frames | {HEAD}", "|---" * 8 + "|"]
    for low, high in FRAMES:
        found = group(r for r in runs if r.scale > 1 and low <= r.frames < high)
        lines += [found.row(f"{low} to {high - 1}" if high < 1 << 30 else f"{low} and more")] if found else []
    return "\n".join([*lines, "", *advice(runs, group)])


def advice(runs: Sequence[Run], group: Callable[[Iterable[Run]], Agreement | None]) -> list[str]:
    """By RAM: the figures, and the largest scale up to which all agree well enough."""
    lines = [f"| RAM, MB | scale | {HEAD}", "|---" * 9 + "|"]
    best = []
    for low, high in RAM_CLASSES:
        name = f"{low} to {high - 1}"
        largest, good = 1, True
        for scale in SCALES[1:]:
            found = group(r for r in runs if r.scale == scale and low <= r.ram_mib < high)
            if found:
                lines.append(found.row(name, str(scale)))
                good = good and found.good
                largest = scale if good else largest
        best.append(f"| {name} | {largest} |")
    rule = f"Largest scale up to which rank of throughput >= {ENOUGH_RANK} and median error <= {ENOUGH_ERROR:.0%}:"
    return [*lines, "", rule, "", "| RAM, MB | scale |", "|---|---|", *best]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--csv", type=Path, default=Path("page-scale.csv"))
    parser.add_argument("--resume", action="store_true", help="go on with the csv of an interrupted run")
    args = parser.parse_args()
    cases = [draw(number, args.seed, args.seconds) for number in range(args.cells)]
    warm()
    runs = finished(args.csv, args.cells) if args.resume else []
    begun = bool(runs)
    left = cases[len(runs) // RUNS :]
    with ProcessPoolExecutor(args.jobs, initializer=warm) as pool, args.csv.open("a" if begun else "w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Run)])
        if not begun:
            writer.writeheader()
        for done, found in enumerate(pool.map(run_all, left), len(cases) - len(left) + 1):
            runs += found
            writer.writerows(asdict(r) for r in found)
            file.flush()
            print(f"\r{done}/{len(cases)} cells", end="" if done < len(cases) else "\n", file=sys.stderr, flush=True)
    print(report(runs))


if __name__ == "__main__":
    main()
