"""Pure compute: the simulations of a sweep's store in a bare loop, without any platform, and with their digests compared."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from core import Streams, policies, simulate
from sweep.cells import Cell
from sweep.plan import Plan
from sweep.reading import checked_rows
from sweep.results import opened
from sweep.schema import REPLICATE_COLUMNS, TRIAL_COLUMNS
from sweep.store import FILE
from sweep.workloads import compile_streams


@dataclass(frozen=True)
class Simulation:
    """One simulation of the sweep: what goes in, and the digest of what came out."""

    cell: Cell
    policy: str
    params: tuple[tuple[str, int], ...]
    seed: int
    digest: str

    def run(self, streams: Streams) -> None:
        """Simulate, and check that it is the same simulation."""
        outcome = simulate(self.cell.machine, policies.load(self.policy), dict(self.params), streams)
        if outcome.digest != self.digest:
            raise SystemExit(f"cell {self.cell.label}, policy {self.policy}: another outcome than in the sweep")


def simulations(plan: Plan, directory: Path) -> list[Simulation]:
    """Every simulation that a store has."""
    cells = {cell.index: cell for cell in plan.cells}
    path = directory / FILE
    with opened(path) as db:
        params = {row[:3]: tuple(map(tuple, json.loads(str(row[3])))) for row in checked_rows(db, path, "trials", TRIAL_COLUMNS)}
        rows = [dict(zip(REPLICATE_COLUMNS, row, strict=True)) for row in checked_rows(db, path, "replicates", REPLICATE_COLUMNS)]
    return [Simulation(cells[int(r["cell"])], str(r["policy"]), params[r["cell"], r["policy"], r["trial"]], int(r["seed"]), str(r["digest"])) for r in rows]


def _serve(connection: Connection, work: Sequence[Simulation]) -> None:
    """One of the loops: prepares its streams, says when it is ready, then runs once for each word it gets."""
    streams: dict[tuple[str, int], Streams] = {}
    for one in work:
        if (one.cell.key, one.seed) not in streams:
            streams[one.cell.key, one.seed] = compile_streams(one.cell.workload, one.cell.machine, one.seed)
    for one in {one.policy: one for one in work}.values():
        one.run(streams[one.cell.key, one.seed])
    connection.send(0.0)
    while connection.recv():
        began = time.perf_counter()
        for one in work:
            one.run(streams[one.cell.key, one.seed])
        connection.send(time.perf_counter() - began)


class Pure:
    """The loop, divided over processes that all start at the same moment."""

    def __init__(self, work: Sequence[Simulation], workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._ends: list[Connection] = []
        self._processes = []
        for start in range(workers):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, work[start::workers]), daemon=True)
            process.start()
            self._ends.append(ours)
            self._processes.append(process)
        for end in self._ends:
            end.recv()

    def __call__(self) -> float:
        """Seconds until a process has finished its share, mean over the processes: as if the shares were exactly equal."""
        for end in self._ends:
            end.send(True)
        return sum(float(end.recv()) for end in self._ends) / len(self._ends)

    def close(self) -> None:
        """End the processes."""
        for end in self._ends:
            end.send(False)
        for process in self._processes:
            process.join()
