"""Replay: one trial of a sweep again, from its id; the same digest, its time line, and what it died of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sweep.errors import ConfigError, DeterminismError, shown
from sweep.schema import REPLICATE_COLUMNS

if TYPE_CHECKING:
    from sweep.cells import Cell
    from sweep.results import Results

FORM: Final = "CELL/POLICY/TRIAL, as 12/postponed/7, or the tag trial.uid of MLflow"


@dataclass(frozen=True)
class Recorded:
    """A replicate as the store has it."""

    cell: int
    policy: str
    trial: int
    phase: str
    replicate: int
    seed: int
    stream_digest: str
    digest: str
    params: dict[str, int]
    elapsed_ns: int = 0
    first_oom_ns: int = -1

    @property
    def name(self) -> str:
        """For people and files."""
        return f"{self.cell}/{self.policy}/{self.trial} {self.phase} {self.replicate}"


def replay(directory: Path, trial: str, replicate: str | None = None, out: Path | None = None) -> Iterator[str]:
    """Simulate one replicate of a trial again, compare, and draw it.

    Args:
        directory: of the results.
        trial: its id (FORM).
        replicate: "phase/number"; None: the first one that ran out of memory, else the first.
        out: file for the picture; None: replay-*.png in ``directory``.

    Yields:
        Lines for people.

    Raises:
        ConfigError: no such trial.
        DeterminismError: another digest than in the store.
    """
    from core import policies
    from sweep.mechanism import at_the_end, ending
    from sweep.results import load_results
    from sweep.timeline import timeline
    from sweep.timepicture import draw
    from sweep.warm import warm
    from sweep.workloads import compile_streams

    results = load_results(directory)
    found = recorded(directory, results, *parsed(results, trial), replicate)
    cell = stored_cell(results, found.cell)
    warm(found.policy)
    policy = policies.load(found.policy)
    streams = compile_streams(cell.workload, cell.machine, found.seed)
    line = timeline(cell.machine, policy, found.params, streams, until_ns=found.elapsed_ns, also=[found.first_oom_ns - 1])
    yield f"{found.name}: cell {cell.label}, seed {found.seed}"
    yield "params: " + ", ".join(f"{name} {value}" for name, value in found.params.items())
    for what, ours, theirs in (("streams", streams.digest, found.stream_digest), ("outcome", line.outcome.digest, found.digest)):
        if ours != theirs:
            raise DeterminismError(f"{directory}: {found.name}: {what} {ours[:16]}, in the store {theirs[:16]}; was it computed by this version?")
        yield f"{what}: {ours[:16]}, as in the store"
    yield ending(line.outcome)
    yield from at_the_end(line)
    path = out or directory / f"replay-{found.name.replace('/', '-').replace(' ', '-')}.png"
    draw([(found.policy, line)], f"{results.name}: {found.name} ({cell.label})", path)
    yield f"time line: {path}"


def parsed(results: Results, trial: str) -> tuple[int, str, int]:
    """Cell, policy and trial of an id."""
    parts = trial.split("/")
    if len(parts) == 4 and parts[0] == results.config_sha256[:16]:
        parts = parts[1:]
    if len(parts) != 3 or not parts[0].isdecimal() or not parts[2].isdecimal():
        raise ConfigError(f"{shown(trial)}: no trial of {results.name}; allowed: {FORM}")
    return int(parts[0]), parts[1], int(parts[2])


def recorded(directory: Path, results: Results, cell: int, policy: str, trial: int, replicate: str | None) -> Recorded:
    """The replicate of the store.

    Raises:
        ConfigError: it is not there.
    """
    import json

    from sweep.reading import checked_rows
    from sweep.results import opened
    from sweep.schema import TRIAL_COLUMNS
    from sweep.store import FILE

    path = directory / FILE
    with opened(path) as db:
        rows = [dict(zip(REPLICATE_COLUMNS, row, strict=True)) for row in checked_rows(db, path, "replicates", REPLICATE_COLUMNS)]
        params = {row[:3]: dict(json.loads(str(row[3]))) for row in checked_rows(db, path, "trials", TRIAL_COLUMNS)}
    mine: list[dict[str, Any]] = [row for row in rows if (row["cell"], row["policy"], row["trial"]) == (cell, policy, trial)]
    if not mine:
        poison = results.poison[(results.poison["cell"] == cell) & (results.poison["policy"] == policy) & (results.poison["trial"] == trial)]
        why = f" (poison: {poison.iloc[0]['reason']})" if len(poison) else ""
        raise ConfigError(f"{cell}/{policy}/{trial}: not in {path}{why}; allowed: a trial of trials.csv (highwater export)")
    names = [f"{row['phase']}/{row['replicate']}" for row in mine]
    if replicate is not None and replicate not in names:
        raise ConfigError(f"--replicate: {shown(replicate)}; allowed: {', '.join(names)}")
    row = mine[names.index(replicate)] if replicate else next((one for one in mine if one["oom"]), mine[0])
    here = results.replicates.set_index(["cell", "policy", "trial", "phase", "replicate"])
    outcome = here.loc[(cell, policy, trial, row["phase"], row["replicate"])]
    times = int(outcome["elapsed_ns"]), int(outcome["time_to_first_oom_ns"])
    return Recorded(cell, policy, trial, row["phase"], row["replicate"], row["seed"], row["stream_digest"], row["digest"], params[cell, policy, trial], *times)


def stored_cell(results: Results, cell: int) -> Cell:
    """The cell as it was when the sweep ran."""
    from sweep.retest import Retester

    return Retester(results, 1, results.file)._cell(cell)
