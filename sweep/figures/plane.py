"""Plane: cells as points over two axes, what the map shows between them, and where either policy starts to run out of memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from sweep.cliffs import HALF, cliff_words
from sweep.figures.drawing import INK, SOFT, figure, svg, tidy
from sweep.marks import FINDING_MARKS
from sweep.refine import between
from sweep.sentences import Grid
from sweep.verdict import FINDINGS, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_PIXELS: Final = 160
_STYLES: Final = (("-", "#000000"), ("--", "#000000"))  # challenger, baseline


def plane_svg(grid: Grid, verdicts: Mapping[int, Verdict], title: str) -> str:
    """A map of two axes as SVG; empty where the sweep has no plane: not two axes of numbers.

    Axes are drawn as the sweep file spaces them, one step a value, and read linearly between.
    """
    if len(grid.names) != 2 or not all(grid.ordered):
        return ""
    everywhere = grid.cells + grid.refined
    cells = [cell for cell in everywhere if cell in verdicts]
    where = np.array([grid.where[everywhere.index(cell)] for cell in cells])
    if len(cells) < 4:
        return ""
    drawn = figure(7.2, 4.6, fitted=True)
    axes = drawn.add_subplot()
    _shades(axes, grid, where, [verdicts[cell].finding for cell in cells])
    _cliffs(axes, grid, where, [verdicts[cell] for cell in cells])
    for finding in FINDINGS:
        mine = np.array([verdicts[cell].finding == finding for cell in cells])
        mark = FINDING_MARKS[finding]
        for x, y in where[mine]:
            axes.scatter(x, y, s=88, color=mark.fill, edgecolor=INK, linewidth=0.7, zorder=3, clip_on=False)
            axes.text(x, y, mark.symbol, ha="center", va="center", fontsize=7, color=mark.ink, zorder=4)
    for values, ticks, labels in ((grid.values[0], axes.set_xticks, axes.set_xticklabels), (grid.values[1], axes.set_yticks, axes.set_yticklabels)):
        ticks(range(len(values)))
        labels([str(value) for value in values])
    tidy(axes, grid.names[0], grid.names[1])
    axes.set_xlim(-0.06 * len(grid.values[0]), len(grid.values[0]) - 1 + 0.06 * len(grid.values[0]))
    axes.set_ylim(-0.08 * len(grid.values[1]), len(grid.values[1]) - 1 + 0.08 * len(grid.values[1]))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.1), ncols=2, frameon=False, fontsize=8.5, labelcolor=SOFT)
    return svg(drawn, title)


def _places(grid: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return tuple(np.linspace(0, len(values) - 1, _PIXELS) for values in grid.values)  # type: ignore[return-value]


def _shades(axes: Axes, grid: Grid, where: NDArray[np.float64], findings: Sequence[str]) -> None:
    """The finding between the cells, pale."""
    x, y = _places(grid)
    read = np.array(between(where, findings, np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))).reshape(_PIXELS, _PIXELS)
    for finding in FINDINGS:
        here = read == finding
        if here.any():
            axes.contourf(
                x,
                y,
                here.astype(float),
                levels=[0.5, 1.5],
                colors=[FINDING_MARKS[finding].fill],
                alpha=0.28,
                hatches=["///" if finding == "undecided" else None],
            )


def _cliffs(axes: Axes, grid: Grid, where: NDArray[np.float64], verdicts: Sequence[Verdict]) -> None:
    """Where the OOM rate of challenger and baseline passes one half."""
    from scipy.interpolate import LinearNDInterpolator

    x, y = _places(grid)
    for side, (style, colour) in enumerate(_STYLES):
        rates = np.array([verdict.oom[side].value if verdict.n else np.nan for verdict in verdicts])
        known = np.isfinite(rates)
        if known.sum() < 4 or rates[known].min() > HALF or rates[known].max() < HALF:
            continue
        read = LinearNDInterpolator(where[known], rates[known])(*np.meshgrid(x, y))
        axes.contour(x, y, read, levels=[HALF], colors=colour, linestyles=style, linewidths=1.4)
        name = (verdicts[0].challenger, verdicts[0].baseline)[side]
        axes.plot([], [], color=colour, linestyle=style, linewidth=1.4, label=cliff_words(name))
