"""Retest: run a setting on fresh streams, which neither the search nor the confirm replicates have seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sweep.arms import Arm
from sweep.candidates import Params

if TYPE_CHECKING:
    from sweep.cells import Cell
    from sweep.results import Results
    from sweep.trial import ReplicateRow

PHASE: Final = "retest"


class Retester:
    """Runs replicates of any setting in any cell of a sweep; hand it to `sweep.recommend.recommend` as `retest`.

    The streams of replicate i of a cell are the same for every setting, and the same on every machine and day.
    """

    def __init__(self, results: Results, n: int, beside: Path | None = None, progress: Callable[[int], None] | None = None) -> None:
        """Prepare to run, without running anything.

        Args:
            results: the sweep.
            n: replicates a setting and cell; `sweep.intervals.clean_replicates(bound)` is what a bound takes at least.
            beside: the sweep file; recorded traces are looked for beside it, then among the shipped ones.
            progress: told the number of simulations done after each one.
        """
        self._results = results
        self._n = n
        self._beside = beside or Path("sweep.yaml")
        self._progress = progress
        self._done = 0

    def __call__(self, cell: int, policy: str, params: Params) -> Arm:
        """Replicates of the params in the cell.

        Raises:
            ConfigError: a recorded trace that cannot be found.
        """
        from sweep.seeds import replicate_seed
        from sweep.trial import Replicate, run_trial

        where = self._cell(cell)
        rows: list[ReplicateRow] = []
        for number in range(self._n):
            seed = replicate_seed(int(self._results.config["seed"]), where.key, PHASE, number)
            rows += run_trial(where, policy, 0, dict(params), [Replicate(PHASE, number, seed)]).replicates
            self._done += 1
            if self._progress:
                self._progress(self._done)
        return Arm(
            cell=cell,
            policy=policy,
            trial=-1,
            params=params,
            replicates=tuple(row.replicate.number for row in rows),
            streams=tuple(row.stream_digest for row in rows),
            oom=tuple(row.oom or row.deadlock for row in rows),
            throughput=tuple(row.throughput for row in rows),
        )

    def _cell(self, cell: int) -> Cell:
        """The cell as it was when the sweep ran.

        Raises:
            ConfigError: the trace is missing, or another one than the sweep ran.
        """
        from core import Machine
        from sweep import workloads
        from sweep.cells import Cell
        from sweep.errors import ConfigError
        from sweep.fields import build

        row = self._results.cells.loc[cell]
        identity = self._results.config["cells"][cell]
        machine = build(Machine, json.loads(str(row["machine"])))
        try:
            workload = workloads.load(json.loads(str(row["workload"])), self._beside)
        except ValueError as error:
            raise ConfigError(f"cell {row['label']}: {error}") from None
        return Cell(cell, str(row["label"]), str(row["kind"]), (), machine, workload, identity["key"])
