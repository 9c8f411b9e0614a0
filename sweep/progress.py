"""What a user sees while a sweep runs: one live line on a terminal, a plain line every few seconds anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, TextIO

from sweep.config import Compare

if TYPE_CHECKING:
    from rich.progress import Progress

PLAIN_EVERY_S: Final = 5.0
DECIDED_SHARE: Final = 0.02  # of the run's time at most goes into counting decided cells


@dataclass(frozen=True)
class Tally:
    """How far a sweep is.

    Attributes:
        studies_done, studies: complete, and all.
        simulations_done, simulations: in the store, and expected in all.
        simulations_now: done by this run.
        cells_complete, cells: cells whose studies are all complete, and all.
        elapsed_s: since this run began.
    """

    studies_done: int
    studies: int
    simulations_done: int
    simulations: int
    simulations_now: int
    cells_complete: int
    cells: int
    elapsed_s: float

    def then(self, later: Tally) -> Tally:
        """This run and a later one of the same sweep, which it had grown for."""
        return replace(later, simulations_now=self.simulations_now + later.simulations_now, elapsed_s=self.elapsed_s + later.elapsed_s)

    @property
    def rate(self) -> float:
        """Simulations per second of this run."""
        return self.simulations_now / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def eta_s(self) -> float | None:
        """Seconds to the end at this rate; None before anything is known."""
        return (self.simulations - self.simulations_done) / self.rate if self.rate else None

    def text(self, decided: int | None) -> str:
        """One line."""
        share = 100 * self.simulations_done // max(self.simulations, 1)
        known = "" if decided is None else f", {100 * decided // max(self.cells, 1)} % of {self.cells} cells decided"
        eta = "?" if self.eta_s is None else duration(self.eta_s)
        done = f"{self.simulations_done}/{self.simulations} simulations ({share} %)"
        return f"{done}, {self.studies_done}/{self.studies} studies{known}, {self.rate:.1f}/s, ETA {eta}"


def duration(seconds: float) -> str:
    """``seconds`` as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def count_decided(directory: Path, compare: Compare) -> int:
    """Cells that are complete and not undecided. The one place where a run asks for verdicts."""
    from sweep.results import load_results
    from sweep.verdict import verdicts

    results = load_results(directory)
    complete = results.trials[results.trials["is_best"]].groupby("cell").size()
    full = set(complete.index[complete == len(results.config["policies"])])
    found = verdicts(results, compare.challenger, compare.baseline, "tuned")
    return sum(verdict.finding != "undecided" and verdict.cell in full for verdict in found)


class Decided:
    """The number of decided cells, counted again when a cell is complete, but not more often than is cheap."""

    def __init__(self, count: Callable[[], int] | None) -> None:
        """``count`` counts them; None: the sweep compares nothing."""
        self._count = count
        self.value = None if count is None else 0
        self._seen = 0
        self._is_warm = False
        self._not_before = 0.0

    def update(self, cells_complete: int, is_last: bool = False) -> int | None:
        """The number, given how many cells are complete."""
        if self._count is None:
            return None
        if not self._is_warm:  # the first call imports pandas and scipy, which says nothing about the next ones
            self._is_warm = True
            self._count()
        now = time.monotonic()
        if cells_complete == self._seen or (now < self._not_before and not is_last):
            return self.value
        self.value, self._seen = self._count(), cells_complete
        cost = time.monotonic() - now
        self._not_before = now + cost / DECIDED_SHARE
        return self.value


class Line:
    """One live line, or a plain one now and then. Use as a context manager."""

    def __init__(self, name: str, stream: TextIO | None = None) -> None:
        """``name`` of what runs; ``stream``: standard error unless given."""
        self._name = name
        self._stream = stream or sys.stderr
        self._last_line = time.monotonic()
        self._live: Progress | None = _live(name) if self._stream.isatty() else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._live is not None:
            self._live.stop()

    @property
    def is_due(self) -> bool:
        """Whether ``show`` shows anything now."""
        return self._live is not None or time.monotonic() - self._last_line >= PLAIN_EVERY_S

    def show(self, done: int, total: int, text: str) -> None:
        """Show how much of ``total`` is done, with ``text``, if it is time."""
        if not self.is_due:
            return
        if self._live is not None:
            self._live.update(self._live.task_ids[0], completed=done, total=total, text=text)
        else:
            self._last_line = time.monotonic()
            print(f"{self._name}: {text}", file=self._stream, flush=True)


class Reporter(Line):
    """Shows tallies as they come. Use as a context manager."""

    def __init__(self, name: str, decided: Decided, stream: TextIO | None = None) -> None:
        """``name`` of the sweep; ``stream``: standard error unless given."""
        super().__init__(name, stream)
        self._decided = decided

    def __call__(self, tally: Tally) -> None:
        """Show ``tally``."""
        if self.is_due:
            self.show(tally.simulations_done, tally.simulations, tally.text(self._decided.update(tally.cells_complete)))

    def summary(self, tally: Tally) -> str:
        """The last line of a run that is complete."""
        decided = self._decided.update(tally.cells_complete, is_last=True)
        known = "" if decided is None else f", {decided} of {tally.cells} cells decided ({100 * decided // max(tally.cells, 1)} %)"
        now = f"{tally.simulations_now} now in {duration(tally.elapsed_s)}, {tally.rate:.1f}/s"
        return f"{self._name}: complete: {tally.studies} studies, {tally.simulations_done} simulations ({now}){known}"


def _live(name: str) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = TextColumn("{task.description}"), BarColumn(bar_width=20), TextColumn("{task.fields[text]}")
    live = Progress(*columns, console=Console(stderr=True), refresh_per_second=4)
    live.add_task(name, total=None, text="starting")
    return live
