"""Search history: the best throughput without an OOM that each study had found by each trial, relative to the kernel's defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sweep.figures.drawing import LINE, SOFT, colour, dash, figure, svg, tidy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sweep.results import Results


def best_so_far(oom: NDArray[np.float64], throughput: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[trials]: highest throughput so far among the trials with the lowest OOM rate so far.

    Args:
        oom: float64[trials], in trial order.
        throughput: float64[trials].
    """
    found = np.empty(len(oom))
    best = (np.inf, -np.inf)
    for i, (deaths, speed) in enumerate(zip(oom, throughput, strict=True)):
        if (deaths, -speed) < (best[0], -best[1]):
            best = (deaths, speed)
        found[i] = best[1]
    return found


def history_svg(results: Results) -> str:
    """Median over the cells, and the range of the middle half, of each policy's search as SVG; empty without trials."""
    drawn = figure()
    axes = drawn.add_subplot()
    shown = False
    for i, policy in enumerate(results.config["policies"]):
        curves = []
        for _, study in results.trials[results.trials["policy"] == policy].groupby("cell"):
            study = study.sort_values("trial")
            speed = study["throughput"].to_numpy(float)
            if study["trial"].iloc[0] == 0 and speed[0] > 0 and study["oom_rate"].iloc[0] == 0:
                curves.append(best_so_far(study["oom_rate"].to_numpy(float), speed) / speed[0])
        if not curves:
            continue
        shown = True
        length = min(map(len, curves))
        table = 100 * (np.array([curve[:length] for curve in curves]) - 1)
        low, middle, high = np.percentile(table, [25, 50, 75], axis=0)
        axes.fill_between(range(length), low, high, step="post", color=colour(i), alpha=0.12, linewidth=0)
        axes.step(range(length), middle, where="post", color=colour(i), linestyle=dash(i), linewidth=1.5, label=f"{policy} ({len(curves)} cells)")
    if not shown:
        return ""
    axes.axhline(0, color=LINE, linewidth=0.8, zorder=0)
    tidy(axes, "trial", "best so far against defaults (%)")
    axes.legend(frameon=False, fontsize=8.5, labelcolor=SOFT)
    return svg(drawn, "Search history")
