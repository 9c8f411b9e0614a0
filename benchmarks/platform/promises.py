"""Do recommendations keep what they promise? Each is made as `highwater recommend --machine` makes it, then run on streams that nobody has seen.

    python benchmarks/platform/promises.py RESULTS [--out docs/promises.csv] [--held-out 100]

RESULTS is a directory for sweeps and fresh simulations; the same command goes on where it was. For each question one row: the setting, the OOM bound that was
promised and the bound that the retest showed, then what the held-out streams did: OOM rate with its interval in the worst workload, and throughput against the
defaults beside the interval that was promised. Exit status 1 if a held-out OOM rate is above its bound beyond chance.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sweep.advise import Wish, answer, bench
from sweep.candidates import Candidates
from sweep.capture import checked, load_captured
from sweep.evidence import gather, mean_effect
from sweep.launch import Options, run
from sweep.plan import load_plan
from sweep.recommendation import Recommendation
from sweep.results import Results, load_results
from sweep.retest import Bench, Retester
from sweep.tailored import OOM_BOUND, Request, write_sweep

TRIALS: Final = 16
QUESTIONS: Final[tuple[tuple[str, tuple[str, ...], str | None], ...]] = (
    ("netboot-128m", ("network-bursts",), None),
    ("pc-2007-256m", ("stutterp",), None),
    ("stacked-fs-256m", ("w7-stacked-writeout",), None),
    ("nas-256m-nbd", ("swap-over-nbd",), None),
    ("lab-128m", ("racing-allocators",), None),
    ("lab-128m", ("mix",), None),
    ("stacked-fs-256m", ("w7-stacked-writeout", "mix"), None),
    ("nas-256m-nbd", ("swap-over-nbd", "mix"), None),
    ("pc-2007-256m", ("stutterp", "mix"), None),
    ("laptop-1g-dmcrypt-612", ("stutterp",), None),
    ("nfs-client-256m", ("mix",), "mglru"),
    ("nas-256m-nbd", ("swap-over-nbd",), "linux_5_16"),
    ("pc-2007-128m-bad1", ("w1-zijlstra",), "inline"),
)
COLUMNS: Final = (
    *("machine", "workloads", "policy", "setting", "promised_bound", "shown_bound", "retest_runs"),
    *("held_out_runs", "held_out_ooms", "held_out_low", "held_out_high", "gain_percent", "gain_low", "gain_high", "held_out_gain_percent", "default_ooms"),
)


def asked(machine: str, workloads: tuple[str, ...], policy: str | None, root: Path) -> tuple[Results, Recommendation, Bench]:
    """Make one recommendation."""
    found = load_captured(machine)
    directory = root / "-".join((machine, *workloads, policy or found.policy))
    request = Request(machine, workloads, TRIALS, directory)
    _, file, _ = write_sweep(request, found, checked(found.machine, machine), policy or found.policy)
    run(load_plan(file), directory, Options(executor="serial", has_map=False, has_mlflow=False))
    results = load_results(directory)
    wish = Wish(policy or found.policy, None, OOM_BOUND, has_region=False, has_published=False, has_tryout=True)
    with bench(directory, 1) as shared:
        return results, answer(results, wish, shared), shared


def rows(root: Path, held_out: int) -> Iterator[dict[str, Any]]:
    """A row for each question."""
    for machine, workloads, policy in QUESTIONS:
        results, found, _ = asked(machine, workloads, policy, root)
        setting = " ".join(f"{change.name}={change.value}" for change in found.changes)
        row: dict[str, Any] = dict.fromkeys(COLUMNS, "")
        row |= {"machine": machine, "workloads": " ".join(workloads), "policy": found.policy, "setting": setting or "keep the default"}
        if found.changes:
            assert results.file is not None
            with bench(results.file.parent, 1) as shared:
                row |= kept(results, found, Retester(results, held_out, results.file, bench=shared, phase="held-out"))
        yield row


def kept(results: Results, found: Recommendation, held_out: Retester) -> dict[str, Any]:
    """What was promised, and what the held-out streams did; of several workloads the worst."""
    candidates = Candidates(results, found.policy, held_out)
    changes = tuple((change.name, change.value) for change in found.changes)
    again = []
    for cell, label in found.cells:
        arm, default = candidates.arm(cell, changes), candidates.default_arm(cell)
        assert arm is not None
        assert default is not None
        again.append(gather(label, arm, default, 0.95))
    worst = max(again, key=lambda e: e.oom.count)
    then = mean_effect(again)
    row: dict[str, Any] = {"promised_bound": found.oom_bound, "shown_bound": round(max(e.upper for e in found.evidence), 4)}
    row |= {"retest_runs": found.evidence[0].n, "held_out_runs": worst.n, "held_out_ooms": worst.oom.count}
    row |= {"held_out_low": round(worst.oom.low, 4), "held_out_high": round(worst.oom.high, 4), "default_ooms": sum(e.oom_default.count for e in again)}
    if found.overall:
        row |= {"gain_percent": percent(found.overall.value), "gain_low": percent(found.overall.low), "gain_high": percent(found.overall.high)}
    return row | ({"held_out_gain_percent": percent(then.value)} if then else {})


def percent(share: float) -> float:
    """A share in percent, one decimal."""
    return round(100 * share, 1)


def main() -> int:
    """Write the table."""
    parser = argparse.ArgumentParser(description="Do recommendations keep what they promise?")
    parser.add_argument("results", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/promises.csv"))
    parser.add_argument("--held-out", type=int, default=100)
    options = parser.parse_args()
    broken = 0
    with options.out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in rows(options.results, options.held_out):
            writer.writerow(row)
            file.flush()
            print(row, flush=True)
            broken += bool(row["promised_bound"]) and row["held_out_low"] > row["promised_bound"]
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
