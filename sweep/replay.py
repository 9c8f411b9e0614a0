"""Replay: one trial of a sweep again, from its id; the same digest, its time line, and what it died of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sweep.errors import ConfigError, DeterminismError, shown
from sweep.schema import REPLICATE_COLUMNS

if TYPE_CHECKING:
    from core import Outcome
    from sweep.cells import Cell
    from sweep.results import Results
    from sweep.timeline import Timeline

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
    line = timeline(cell.machine, policy, found.params, streams)
    yield f"{found.name}: cell {cell.label}, seed {found.seed}"
    yield "params: " + ", ".join(f"{name} {value}" for name, value in found.params.items())
    for what, ours, theirs in (("streams", streams.digest, found.stream_digest), ("outcome", line.outcome.digest, found.digest)):
        if ours != theirs:
            raise DeterminismError(f"{directory}: {found.name}: {what} {ours[:16]}, in the store {theirs[:16]}; was it computed by this version?")
        yield f"{what}: {ours[:16]}, as in the store"
    yield ending(line.outcome)
    yield from at_the_end(line)
    path = out or directory / f"replay-{found.name.replace('/', '-').replace(' ', '-')}.png"
    draw(line, f"{results.name}: {found.name} ({cell.label})", ending(line.outcome), path)
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
    return Recorded(cell, policy, trial, row["phase"], row["replicate"], row["seed"], row["stream_digest"], row["digest"], params[cell, policy, trial])


def stored_cell(results: Results, cell: int) -> Cell:
    """The cell as it was when the sweep ran."""
    from sweep.retest import Retester

    return Retester(results, 1, results.file)._cell(cell)


def ending(outcome: Outcome) -> str:
    """How the run ended, in a sentence."""
    from core.outcome import END_DEADLOCK, END_DONE, END_PANIC

    if outcome.end == END_PANIC:
        return "it died: out of memory, and nobody was left to kill"
    if outcome.end == END_DEADLOCK:
        return "it died: a deadlock; tasks wanted to go on, and nothing moved or completed any more"
    if outcome.oom_kills:
        after_low = (outcome.time_to_first_oom_ns - outcome.time_to_low_ns) / 1e9
        after = f", {after_low:.2f} s after free memory first fell below low" if outcome.time_to_low_ns >= 0 else ""
        killed = "one task was killed" if outcome.oom_kills == 1 else f"{outcome.oom_kills} tasks were killed"
        return f"out of memory: {killed}, first at {outcome.time_to_first_oom_ns / 1e9:.2f} s{after}"
    return "it lived: every task came to its end" if outcome.end == END_DONE else "it lived until its time was up"


def at_the_end(line: Timeline) -> Iterator[str]:
    """What there was when it died, or at the end: where the memory was stuck."""
    died = line.columns["oom_kill"].nonzero()[0]
    moment = int(died[0]) if len(died) else len(line.seconds) - 1
    values = {name: int(column[moment]) for name, column in line.columns.items()}
    marks = ", ".join(f"{name} {pages}" for name, pages in line.watermarks.items())
    yield (
        f"at {line.seconds[moment]:.2f} s: {values['nr_free']} pages free (watermarks: {marks}), {values['nr_dirty']} dirty, "
        f"{values['nr_writeback']} under writeback, {values['nr_laundry']} laundry, "
        f"{values['swap_free']} swap slots free, {values['in_direct_reclaim']} tasks in direct reclaim; "
        f"{values['nr_stalls']} stalls so far, {values['stall_ns_total'] / 1e9:.2f} s in all; lowest free {int(line.columns['nr_free'].min())}"
    )
