"""Pareto front: OOM rate against throughput of every trial of a cell, each policy's front drawn, the confirmed ones with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from sweep.figures.drawing import LINE, SOFT, colour, figure, marker, svg, tidy
from sweep.intervals import rate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from sweep.arms import Arm
    from sweep.results import Results

_LEAST_SPAN: Final = 0.1  # of the throughput


def front(oom: NDArray[np.float64], throughput: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices of the trials that no other beats in both, by rising OOM rate.

    Args:
        oom: float64[trials], smaller is better.
        throughput: float64[trials], larger is better.
    """
    order = np.lexsort((np.arange(len(oom)), -throughput, oom))
    best, kept = -np.inf, []
    for i in order:
        if throughput[i] > best:
            kept.append(int(i))
            best = throughput[i]
    return np.array(kept, np.int64)


def pareto_svg(results: Results, cell: int, confirmed: Sequence[Mapping[tuple[int, str], Arm]]) -> str:
    """The trials of a cell as SVG, ``confirmed`` arms with their intervals; empty if there are none yet."""
    trials = results.trials[results.trials["cell"] == cell]
    if trials.empty:
        return ""
    drawn = figure()
    axes = drawn.add_subplot()
    for i, policy in enumerate(results.config["policies"]):
        mine = trials[trials["policy"] == policy]
        if mine.empty:
            continue
        x, y = 100 * mine["oom_rate"].to_numpy(float), mine["throughput"].to_numpy(float)
        axes.scatter(x, y, s=16, color=colour(i), marker=marker(i), alpha=0.35, linewidth=0)
        best = front(x, y)
        axes.plot(x[best], y[best], color=colour(i), marker=marker(i), markersize=5, linewidth=1.2, drawstyle="steps-post", label=policy)
        for found in confirmed:
            _confirmed(axes, found.get((cell, policy)), i)
    axes.axvline(0, color=LINE, linewidth=0.8, zorder=0)
    tidy(axes, "OOM rate (%)", "throughput (operations/s)")
    low, high = axes.get_ylim()
    least = _LEAST_SPAN * high  # a difference of nothing is not blown up
    axes.set_ylim(max(min(low, high - least), 0), max(high, low + least))
    axes.legend(frameon=False, fontsize=8.5, labelcolor=SOFT)
    return svg(drawn, f"Pareto front, cell {cell}")


def _confirmed(axes: Axes, arm: Arm | None, index: int) -> None:
    """The fresh replicates of a trial: exact interval of the OOM rate, range of the throughput."""
    if arm is None or not arm.n:
        return
    oom = rate(arm.n_oom, arm.n)
    y = arm.mean_throughput
    axes.errorbar(
        100 * oom.value,
        y,
        xerr=[[max(100 * (oom.value - oom.low), 0)], [max(100 * (oom.high - oom.value), 0)]],
        yerr=[[max(y - min(arm.throughput), 0)], [max(max(arm.throughput) - y, 0)]],
        color=colour(index),
        marker=marker(index),
        markersize=8,
        markerfacecolor="white",
        linewidth=1,
        capsize=2,
    )
