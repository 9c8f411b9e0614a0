"""What ``highwater validate`` does: the simulator against the results, the page, and the bars."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from lab import bars
from lab.campaign import CAMPAIGNS, campaign_file, load_campaign
from lab.fidelity import Fidelity, broken, judge
from lab.page import write
from sweep.errors import ConfigError, ExpectationError
from sweep.progress import Line


def validate(name: str, out: Path | None, record: bool) -> Iterator[str]:
    """Run the simulator afresh against the results of a campaign; a page has a section for each titled campaign too, and their bars count as well.

    Raises:
        ExpectationError: a figure is worse than its bar.
        HighwaterError: anything else that a user can put right, as one line.
    """
    if out is not None and not out.parent.is_dir():
        raise ConfigError(f"--out: {out}; allowed: a file in a directory that exists")
    found = []
    for file in (campaign_file(name), *(beside(name) if out is not None else ())):
        began = time.monotonic()
        found.append(_judged(file))
        yield f"{found[-1].campaign}: {len(found[-1].compared)} points in {time.monotonic() - began:.0f} s"
        yield from _figures(found[-1])
    if out is not None:
        write(found[0], found[1:], out)
    if record:
        for each in found:
            bars.record(each.campaign, each.figures)
    failures = [failure for each in found for failure in broken(each.figures, bars.load_bars(each.campaign))]
    if failures:
        raise ExpectationError("; ".join(failures))


def beside(name: str) -> tuple[Path, ...]:
    """The campaigns with sections of their own on the page of another."""
    files = (file for file in sorted(CAMPAIGNS.glob("*.yaml")) if file.stem != name)
    return tuple(file for file in files if load_campaign(file).title)


def _judged(file: Path) -> Fidelity:
    with Line("validate") as line:
        return judge(file, lambda done, total: line.show(done, total, f"{done}/{total} points"))


def _figures(fidelity: Fidelity) -> Iterator[str]:
    for figure, value in fidelity.figures.items():
        goal = bars.GOALS.get(figure)
        yield f"{figure:60}{value:8.3f}" + ("" if goal is None else f"   goal {goal}")
