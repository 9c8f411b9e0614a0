"""What ``highwater validate`` does: the simulator against the results, the page, and the bars."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from lab import bars
from lab.campaign import campaign_file
from lab.fidelity import broken, judge
from lab.page import write
from sweep.errors import ConfigError, ExpectationError
from sweep.progress import Line


def validate(name: str, out: Path | None, record: bool) -> Iterator[str]:
    """Run the simulator afresh against the results of a campaign.

    Raises:
        ExpectationError: a figure is worse than its bar.
        HighwaterError: anything else that a user can put right, as one line.
    """
    if out is not None and not out.parent.is_dir():
        raise ConfigError(f"--out: {out}; allowed: a file in a directory that exists")
    began = time.monotonic()
    with Line("validate") as line:
        fidelity = judge(campaign_file(name), lambda done, total: line.show(done, total, f"{done}/{total} points"))
    figures = fidelity.figures
    yield f"{fidelity.campaign}: {len(fidelity.compared)} points in {time.monotonic() - began:.0f} s"
    for figure, value in figures.items():
        goal = bars.GOALS.get(figure)
        yield f"{figure:45}{value:8.3f}" + ("" if goal is None else f"   goal {goal}")
    if out is not None:
        write(fidelity, out)
    if record:
        bars.record(figures)
    failures = list(broken(figures, bars.load_bars()))
    if failures:
        raise ExpectationError("; ".join(failures))
