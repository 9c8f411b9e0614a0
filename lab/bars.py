"""Bars: the worst that each figure of a campaign may become, kept in lab/bars.yaml by the campaign's name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lab.cache import LabError, appearing
from sweep.yamlfile import Plain, load_mapping

FILE: Final = Path(__file__).resolve().parent / "bars.yaml"
SLACK: Final = 0.02  # what a change that touches nothing here may move: a page more or less
# What was to be reached (issue 4), by figure; those not named here are reported only.
GOALS: Final = {
    "median error: operations done": 0.20,
    "median error: scanned": 0.35,
    "median error: stolen": 0.35,
    "median error: swapped out": 0.35,
    "median error: swapped in": 0.35,
    "median error: written": 0.35,
    "rank correlation, all points": 0.9,
    "rank correlation within workloads, median": 0.8,
    "right OOM verdicts": 0.95,
}


def load_bars(campaign: str, path: Path = FILE) -> dict[str, float]:
    """The bars of a campaign; none if nobody recorded them.

    Raises:
        LabError: a bar that is no number.
    """
    bars = _read(path).get(campaign, {})
    if not isinstance(bars, dict):
        raise LabError(f"{path}: {campaign}: {bars}; allowed: numbers by figure")
    for name, value in bars.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise LabError(f"{path}: {campaign}: {name}: {value}; allowed: a number")
    return {name: float(value) for name, value in bars.items() if isinstance(value, int | float)}


def record(campaign: str, figures: Mapping[str, float], path: Path = FILE) -> None:
    """Set every bar of a campaign a little worse than its figure is now, but none looser than it was; those of other campaigns stay."""
    lines = [
        "# The worst that each figure of `highwater validate CAMPAIGN` may become; `highwater validate CAMPAIGN --record` sets them.",
        "# Errors: upper bounds, the others: lower. A figure `METRIC of WORKLOAD` is of one family of points.",
    ]
    known = {name: load_bars(name, path) for name in _read(path)}
    before = known.get(campaign, {})
    known[campaign] = {name: _tighter(name, _bar(name, value), before.get(name)) for name, value in figures.items()}
    for name, bars in known.items():
        lines += [f"{name}:", *(f'  "{figure}": {bar}' for figure, bar in bars.items())]
    with appearing(path) as made:
        made.write_text("\n".join(lines) + "\n")


def _bar(name: str, value: float) -> float:
    return math.ceil((value + SLACK) * 1000) / 1000 if name.startswith("median error") else math.floor((value - SLACK) * 1000) / 1000


def _tighter(name: str, found: float, before: float | None) -> float:
    if before is None:
        return found
    return min(found, before) if name.startswith("median error") else max(found, before)


def _read(path: Path) -> dict[str, Plain]:
    return load_mapping(path) if path.exists() else {}
