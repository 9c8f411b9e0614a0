"""A recommendation from the command line: fresh simulations where they are needed, and progress while they run."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sweep.errors import refusal
from sweep.handout import write_handout
from sweep.recommend import GOALS, OOM_BOUND, POLICY, needed, recommend
from sweep.results import load_results
from sweep.retest import Retester

EVERY_S: Final = 5.0


def advise(
    directory: Path,
    policy: str | None = None,
    cells: Sequence[int | str] | None = None,
    oom_bound: float | None = None,
    goal: str = "worst",
    replicates: int | None = None,
    has_region: bool = True,
    out: Path | None = None,
) -> str:
    """The text of a recommendation: a sysctl.d fragment, or lines that keep the default.

    Args:
        directory: of the results.
        policy: None: the one that kernels have today.
        cells: numbers or labels; None: the grid.
        oom_bound: None: what the sweep's replicates can show.
        goal: one of ``recommend.GOALS``.
        replicates: fresh ones for each candidate and cell; 0: none; None: as many as the bound takes.
        has_region: say how far each setting is from the cliff, which takes more simulations.
        out: None, or where to write the files of ``handout.write_handout``.

    Raises:
        ConfigError: a wrong option.
        StoreError: no results.
    """
    if goal not in GOALS:
        raise refusal("--goal", "", goal, ", ".join(GOALS))
    bound = OOM_BOUND if oom_bound is None else oom_bound
    if not 0 < bound < 1:
        raise refusal("--oom-bound", "", bound, "above 0, below 1")
    results = load_results(directory)
    chosen = policy or POLICY
    count = needed(results, chosen, cells, bound) if replicates is None else replicates
    retest = Retester(results, count, results.file, Ticker()) if count else None
    found = recommend(results, chosen, cells, bound, goal, retest, has_region)
    for path in write_handout(results, found, out) if out else ():
        print(path, file=sys.stderr)
    return found.text


class Ticker:
    """Says every few seconds how many fresh simulations were done."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, done: int) -> None:
        """``done`` so far."""
        if time.monotonic() - self._last >= EVERY_S:
            self._last = time.monotonic()
            print(f"{done} fresh simulations done", file=sys.stderr, flush=True)
