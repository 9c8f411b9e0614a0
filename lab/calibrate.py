"""Calibration: fits the CPU costs of a machine file to the results of a calibration campaign. Results of validation never come here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lab.cache import LabError
from lab.campaign import RESULTS, load_campaign, points, results_of
from lab.point import Point, run_simulator
from lab.results import Row, load

# Costs with a guess of each: instructions of its functions at 4 ns, counted roughly (estimates).
COSTS: Final = {
    "touch_ns": 200,
    "copy_ns": 8000,
    "minor_fault_ns": 12000,
    "major_fault_ns": 30000,
    "scan_ns": 1000,
    "unmap_ns": 3000,
    "submit_ns": 15000,
    "request_ns": 12000,
    "swapin_ns": 8000,
    "pass_ns": 20000,
}
PULL: Final = 0.05  # a cost that is e times its guess counts as much as a point that is 5 % off: holds those that the points cannot tell apart
STEP: Final = 0.1  # of the logarithm, for the slopes
LEAST: Final = 200  # pages swapped in, for them to be fitted too


def fit(path: Path, rounds: int = 12, folder: Path = RESULTS) -> Iterator[str]:
    """Fit, and say what was found: the costs, and how far operations are off before and after.

    What is fitted are operations and, where there are some, pages swapped in: a first lap through memory hides in operations what a swap costs.

    Raises:
        LabError: the campaign is no calibration, or has not run.
    """
    from scipy.optimize import least_squares

    campaign = load_campaign(path)
    if campaign.kind != "calibration":
        raise LabError(f"{path}: kind: {campaign.kind}; allowed: calibration: nothing is fitted to what judges")
    rows = load(results_of(campaign, folder))
    pairs = [(point, rows[point.name]) for point in points(campaign, path) if point.name in rows]
    if len(pairs) < 2 * len(COSTS):
        raise LabError(f"{path}: {len(pairs)} points measured; allowed: at least {2 * len(COSTS)}")
    start = np.log([*COSTS.values()])

    def errors(logs: NDArray[np.float64]) -> NDArray[np.float64]:
        costs = {name: max(1, round(value)) for name, value in zip(COSTS, np.exp(logs).tolist(), strict=True)}
        found = [_errors(point, row, costs) for point, row in pairs]
        return np.array([*(each[0] for each in found), *(error for each in found for error in each[1:]), *(PULL * (logs - start))])

    before = errors(start)[: len(pairs)]
    found: Any = least_squares(errors, start, diff_step=STEP / np.maximum(np.abs(start), 1), max_nfev=rounds, bounds=(np.log(10), np.log(300_000)))
    yield f"{campaign.name}: {len(pairs)} points, median error of operations {_percent(before)} before, {_percent(found.fun[: len(pairs)])} after"
    for name, value in zip(COSTS, np.exp(found.x).tolist(), strict=True):
        yield f"{name}: {round(value)}"
    for (point, _), error in zip(pairs, found.fun, strict=False):
        yield f"  {point.name}: {100 * (np.exp(error) - 1):+.1f} %"


def _errors(point: Point, row: Row, costs: dict[str, int]) -> list[float]:
    """Logarithms of the simulator's operations over the guest's, and of the pages swapped in, if they are LEAST or more there."""
    outcome = run_simulator(point, row.start_free, costs)
    guest = row.metrics
    errors = [float(np.log(max(outcome.ops_done, 1) / max(guest["ops_done"], 1)))]
    return errors if guest["pswpin"] < LEAST else [*errors, float(np.log(max(outcome.pswpin, 1) / guest["pswpin"]))]


def _percent(errors: Sequence[float] | NDArray[np.float64]) -> str:
    return f"{100 * float(np.median(np.abs(np.exp(errors) - 1))):.1f} %"
