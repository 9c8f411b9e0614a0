"""Faults, many of them: runs are killed at random moments and resumed until they are complete, and compared with one that nobody disturbed.

    python benchmarks/platform/faults.py kill --count 600 [--executor serial|process|ray]
    python benchmarks/platform/faults.py worker --count 100 [--executor process|ray]
    python benchmarks/platform/faults.py outage [--rounds 3]

kill: SIGKILL of the driver, by its recorded pid, at a random moment of its life (while it imports, plans, starts workers, simulates or commits).
worker: SIGKILL or SIGSEGV of a worker, likewise. Every complete sweep is one row of results/faults-*.csv beside this file: how often it was
killed, and whether anything was lost (a committed trial that is not there any more), twice there, or different. A campaign that is stopped
goes on from its rows. outage: a sweep that is published to a real MLflow server through a proxy, for each fault: how long it takes, and whether
MLflow shows the same in the end.

After each kill the store is opened as a reader would, so a row of a killed sweep also proves that what was acknowledged stayed.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import cast

from sweep.errors import HighwaterError
from sweep.mlflowdb import local_uri
from sweep.results import load_results
from tests import family, tinysweep
from tests.faulty import Mode, Proxy, mlflow_server

RESULTS = Path(__file__).with_name("results")
FIELDS = ("campaign", "executor", "seed", "kills", "while_starting", "while_simulating", "lost", "twice", "different", "poison", "seconds")
SWEEP = tinysweep.TINY.replace("trials: 5", "trials: 10").replace("duration_s: 0.1", "duration_s: 0.2")


MOST_KILLS = 20  # of one sweep
OUTAGES = ("pass", "refuse", "reset-after", "500", "503-after", "hang", "restart")
OUTAGE_SWEEP = tinysweep.TINY.replace("trials: 5", "trials: 24").replace("duration_s: 0.1", "duration_s: 12")  # some 10 s


def table(results: Path) -> str:
    """Digest of the exported tables."""
    return hashlib.sha256(b"".join(tinysweep.tables(results))).hexdigest()


def acknowledged(results: Path) -> set[tuple[object, ...]]:
    """Keys and digests of the simulations that a reader sees; empty before there is a store."""
    try:
        rows = load_results(results).replicates
    except HighwaterError as error:
        if "no such file" in str(error) or "nothing was run yet" in str(error) or "another version" in str(error):
            return set()
        raise
    columns = ["cell", "policy", "trial", "phase", "replicate", "digest"]
    return set(rows[columns].itertuples(index=False, name=None))


def start(directory: Path, results: Path, executor: str) -> subprocess.Popen[str]:
    """A run in a process of its own."""
    workers = [] if executor == "serial" else ["--workers", "2"]
    command = tinysweep.command("run", directory / "tiny.yaml", "--no-map", "--no-mlflow", "--results", results, "--executor", executor, *workers)
    return subprocess.Popen(command, cwd=directory, env=tinysweep.environment(), stderr=subprocess.PIPE, text=True)


def killed_drivers(directory: Path, expected: str, executor: str, rng: random.Random, whole_s: float) -> dict[str, object]:
    """One sweep, killed again and again until it gets through."""
    results = directory / f"kill-{rng.random()}"
    held: set[tuple[object, ...]] = set()
    row: dict[str, object] = {"kills": 0, "while_starting": 0, "while_simulating": 0, "lost": 0, "poison": 0}
    while True:
        process = start(directory, results, executor)
        try:
            # Most of what it would take: it comes further each time, and in the end to the end.
            patience = rng.uniform(0.05, 0.85 * whole_s) if int(str(row["kills"])) < MOST_KILLS else None
            _, told = process.communicate(timeout=patience)
            if process.returncode != 0:
                raise SystemExit(f"not by us: exit code {process.returncode}: {told}")
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        now = acknowledged(results)
        row["kills"] = int(str(row["kills"])) + 1
        row["lost"] = int(str(row["lost"])) + len(held - now)
        moment = "while_simulating" if now else "while_starting"
        row[moment] = int(str(row[moment])) + 1
        held = now
    return row | _verdict(results, expected, held)


def killed_workers(directory: Path, expected: str, executor: str, rng: random.Random, whole_s: float) -> dict[str, object]:
    """One sweep whose workers are killed now and then."""
    results = directory / f"worker-{rng.random()}"
    process = start(directory, results, executor)
    kills = 0
    while process.poll() is None:
        time.sleep(rng.uniform(0.2, 1.0))
        found = family.workers(process.pid)
        if found and kills < 8:
            try:
                os.kill(rng.choice(found), rng.choice((signal.SIGKILL, signal.SIGSEGV)))
                kills += 1
            except ProcessLookupError:
                continue
    _, told = process.communicate()
    if process.returncode not in (0, 3):
        raise SystemExit(f"exit code {process.returncode}: {told}")
    row: dict[str, object] = {"kills": kills, "while_starting": 0, "while_simulating": kills, "lost": 0}
    return row | {"poison": len(load_results(results).poison)} | _verdict(results, expected, set())


def _verdict(results: Path, expected: str, held: set[tuple[object, ...]]) -> dict[str, object]:
    rows = load_results(results).replicates
    keys = rows[["cell", "policy", "trial", "phase", "replicate"]]
    return {"twice": int(keys.duplicated().sum()), "different": int(table(results) != expected) + len(held - acknowledged(results))}


def campaign(what: str, executor: str, count: int, first_seed: int) -> int:
    """Until there have been ``count`` faults, over all the runs of this command; how many were harmful."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"faults-{what}-{executor}.csv"
    rows = _read(file)
    body = killed_drivers if what == "kill" else killed_workers
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        tinysweep.write(directory, SWEEP)
        whole_s = 0.0
        for results in (directory / "compiles", directory / "whole"):  # the second says how long it takes
            began = time.monotonic()
            done = start(directory, results, executor)
            if done.wait() != 0:
                raise SystemExit(done.stderr.read() if done.stderr else "")
            whole_s = time.monotonic() - began
        expected = table(directory / "whole")
        while sum(int(row["kills"]) for row in rows) < count:
            seed = first_seed + len(rows)
            began = time.monotonic()
            found = body(directory, expected, executor, random.Random(seed), whole_s)
            found |= {"campaign": what, "executor": executor, "seed": seed, "seconds": round(time.monotonic() - began, 1)}
            rows.append({field: str(found[field]) for field in FIELDS})
            _write(file, rows)
            faults = sum(int(row["kills"]) for row in rows)
            print(f"{faults} of {count} faults, {len(rows)} sweeps, {_harm(rows)} lost, twice or different", file=sys.stderr, flush=True)
    total = {field: sum(int(row[field]) for row in rows) for field in FIELDS[3:10]}
    print(f"| {what} | {executor} | {len(rows)} | " + " | ".join(str(value) for value in total.values()) + " |")
    return _harm(rows)


def _harm(rows: Sequence[dict[str, str]]) -> int:
    return sum(int(row[field]) for row in rows for field in ("lost", "twice", "different", "poison"))


def _read(file: Path) -> list[dict[str, str]]:
    if not file.exists():
        return []
    with file.open(newline="") as handle:
        return list(csv.DictReader(handle))


def _write(file: Path, rows: Sequence[dict[str, str]]) -> None:
    beside = file.with_suffix(".tmp")
    with beside.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    beside.replace(file)


def outages(rounds: int, hang_s: float) -> int:
    """Print how long a sweep takes with each fault of its tracking server, against none; how many projections differ."""
    seconds: dict[str, list[float]] = {mode: [] for mode in OUTAGES}
    verdicts: dict[str, list[str]] = {mode: [] for mode in OUTAGES}
    for number in range(rounds):
        for mode in OUTAGES:
            took, verdict = _outage(mode, hang_s)
            seconds[mode].append(took)
            verdicts[mode].append(verdict)
            print(f"round {number + 1} of {rounds}: {mode}: {took:.1f} s, {verdict}", file=sys.stderr, flush=True)
    print("| fault | sweep, s | of the quiet one | runs in MLflow | as the results have them |\n|---|---|---|---|---|")
    quiet = statistics.median(seconds["pass"])
    for mode in OUTAGES:
        as_they_are = all(verdict.startswith("ok") for verdict in verdicts[mode])
        runs = " ".join(sorted({verdict.partition("mlflow: ")[2].partition(" runs")[0] for verdict in verdicts[mode]}))
        took = statistics.median(seconds[mode])
        print(f"| {mode} | {took:.1f} | {took / quiet:.0%} | {runs} | {'yes' if as_they_are else 'NO'} |")
    return sum(not verdict.startswith("ok") for found in verdicts.values() for verdict in found)


def _outage(mode: str, hang_s: float) -> tuple[float, str]:
    """One sweep beside a server with this fault from its first request on, until the sweep is over; its seconds, and what doctor says of MLflow then."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as server:
        directory = Path(name)
        tinysweep.write(directory, OUTAGE_SWEEP)
        start_server = partial(mlflow_server, local_uri(directory), directory / "served")
        port = server.enter_context(start_server())
        proxy = Proxy(port)
        proxy.hang_s = hang_s
        proxy.mode = cast("Mode", mode) if mode != "restart" else "pass"
        arguments = ("run", directory / "tiny.yaml", "--no-map", "--executor", "process", "--workers", "2", "--results", directory / "results")
        process = subprocess.Popen(
            tinysweep.command(*arguments, "--tracking-uri", proxy.uri), cwd=directory, env=tinysweep.environment(), stderr=subprocess.PIPE, text=True
        )
        if mode == "restart":
            while proxy.count.get("pass", 0) < 20 and process.poll() is None:  # in the middle of a publication
                time.sleep(0.05)
            server.close()
            server.enter_context(start_server(port=port))
        seconds = 0.0
        assert process.stderr is not None
        for line in process.stderr:
            if "complete: " in line:
                seconds = _seconds(line)
                proxy.mode = "pass"  # the server is well again when the sweep is over
        process.wait()
        again = tinysweep.highwater(directory, "republish", directory / "results", "--tracking-uri", proxy.uri)
        seen = tinysweep.highwater(directory, "doctor", directory / "results", "--no-ray", "--tracking-uri", proxy.uri)
        proxy.close()
        return seconds, next((line for line in seen.stdout.splitlines() if "mlflow: " in line), again.stderr)


def _seconds(line: str) -> float:
    """From the last line of a run: what the sweep itself took, from its rate and count."""
    now, rate = line.partition("(")[2].partition(" now in ")[0], line.partition(", ")[2]
    return float(now) / float(rate.rpartition("/s)")[0].rpartition(" ")[2])


def main() -> None:
    """Run a campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["kill", "worker", "outage"])
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--executor", choices=["serial", "process", "ray"], default="serial")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3, help="of outage")
    parser.add_argument("--hang", type=float, default=30.0, help="seconds that a silent server is silent")
    options = parser.parse_args()
    harm = outages(options.rounds, options.hang) if options.what == "outage" else campaign(options.what, options.executor, options.count, options.seed)
    sys.exit(1 if harm else 0)


if __name__ == "__main__":
    main()
