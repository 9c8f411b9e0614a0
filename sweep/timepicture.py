"""The picture of time lines: free memory against the watermarks, what waits to be clean, and who waited for memory. Several side by side share their scales."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sweep.errors import DiskError
from sweep.figures.drawing import INK, SOFT, svg
from sweep.mechanism import ending

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sweep.timeline import Timeline

MIB: Final = 256  # pages
DEATH: Final = "#000000"
RESERVE: Final = "#d55e00"
FREE: Final = "#0067a8"
_MARKS: Final = (("high", "-."), ("low", "--"), ("min", ":"))
# What waits, its words, colour and line: the lines tell them apart without colour.
_WAITING: Final = (
    ("nr_dirty", "dirty", "#d55e00", "-"),
    ("nr_writeback", "writeback", "#7b4fa6", "--"),
    ("nr_laundry", "laundry", "#009e73", "-."),
    ("held", "held by writes", "#000000", ":"),
)
_SMALL: Final = 8.5
PANELS: Final = (5.4, 5.6)  # inches
LAYOUT: Final = {"left": 0.115, "right": 0.985, "top": 0.915, "bottom": 0.085, "hspace": 0.42}


@dataclass(frozen=True)
class Scales:
    """Ends of the axes that several time lines share: seconds, MiB free, MiB waiting, tasks."""

    seconds: float
    free: float
    waiting: float
    tasks: int


def scales(lines: Sequence[Timeline]) -> Scales:
    """Wide enough for each of them; free memory is cut where it is plenty."""
    return Scales(
        seconds=max(float(line.seconds[-1]) for line in lines),
        free=max(max(2.5 * line.watermarks["high"], 1.1 * float(np.percentile(line.columns["nr_free"], 60)), 13) / MIB for line in lines),
        waiting=1.08 * max(max(int(line.columns[name].max()) for name, *_ in _WAITING) for line in lines) / MIB or 1.0,
        tasks=max(line.tasks for line in lines),
    )


def draw(lines: Sequence[tuple[str, Timeline]], title: str, path: Path) -> None:
    """Write them side by side as PNG.

    Args:
        lines: what each is, and the run.
        title: above all of them.
        path: the file.

    Raises:
        DiskError: it cannot be written.
    """
    from matplotlib.figure import Figure

    width = max(5.6 * len(lines), 8.4)
    figure = Figure(figsize=(width, 7.8), facecolor="white")
    figure.subplots_adjust(left=0.55 / width, right=1 - 0.15 / width, top=0.825, bottom=0.065, hspace=0.34, wspace=0.12)
    grid = figure.subplots(3, len(lines), height_ratios=[3, 2, 1.3], squeeze=False)
    shared = scales([line for _, line in lines])
    for i, (words, line) in enumerate(lines):
        panels(list(grid[:, i]), line, shared)
        above = {"xycoords": "axes fraction", "textcoords": "offset points", "fontsize": 10, "color": INK, "parse_math": False}
        grid[0, i].annotate("\n".join([words, *textwrap.wrap(ending(line.outcome), 74)][:3]), (0, 1), (0, 36), **above)
    figure.text(0.01, 0.985, title, ha="left", va="top", fontsize=min(11.5, 115 * width / len(title)), color=INK, parse_math=False)
    try:
        figure.savefig(path, dpi=130, format="png", metadata={"Software": None})
    except OSError as error:
        raise DiskError(f"{path}: {error.strerror or error}; allowed: a file that can be written") from None


def timeline_svg(line: Timeline, shared: Scales, title: str) -> str:
    """One of them as SVG, for a page."""
    from sweep.figures.drawing import figure

    drawn: Figure = figure(*PANELS)
    drawn.subplots_adjust(**LAYOUT)
    panels(list(drawn.subplots(3, 1, height_ratios=[3, 2, 1.3])), line, shared)
    return svg(drawn, title)


def panels(axes: Sequence[Axes], line: Timeline, shared: Scales) -> None:
    """Memory, what waits, and who waits, below one another."""
    from matplotlib.ticker import MaxNLocator

    free, waiting, tasks = axes
    _free(free, line, shared)
    for name, words, colour, style in _WAITING:
        if line.columns[name].any():
            waiting.plot(line.seconds, line.columns[name] / MIB, color=colour, linestyle=style, lw=1.2, label=words)
    waiting.set_ylim(0, shared.waiting)
    tasks.fill_between(line.seconds, line.columns["in_direct_reclaim"], step="pre", color="#a4262c", alpha=0.75, lw=0, label="in direct reclaim")
    tasks.set_ylim(0, shared.tasks)
    tasks.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    for place, words in ((free, "free (MiB)"), (waiting, "not yet clean (MiB)"), (tasks, f"stalled tasks of {line.tasks}")):
        _finish(place, line, shared, words, is_first=place is free)
    tasks.set_xlabel("seconds of simulated time", fontsize=_SMALL + 0.5, color=INK)


def _free(axes: Axes, line: Timeline, shared: Scales) -> None:
    pages = line.columns["nr_free"] / MIB
    axes.plot(line.seconds, pages, color=FREE, lw=1.3, label="free")
    for name, style in _MARKS:
        axes.axhline(line.watermarks[name] / MIB, color=SOFT, lw=0.9, ls=style, label=name)
    used = line.columns["below_min"] / MIB
    if used.any():
        axes.fill_between(line.seconds, used, step="pre", color=RESERVE, alpha=0.45, lw=0, label="reserve in use")
    axes.set_ylim(0, shared.free)


def _finish(axes: Axes, line: Timeline, shared: Scales, title: str, *, is_first: bool) -> None:
    """Frame, legend, and the moment of death."""
    fatal = line.fatal
    if fatal is not None:
        axes.axvline(float(line.seconds[fatal]), color=DEATH, lw=1.1, ls=(0, (4, 2)))
        words = "first OOM kill" if is_first else None
        place: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "clip_on": False, "zorder": 5}
        axes.plot([float(line.seconds[fatal])], [0.94], marker="X", color=DEATH, markersize=7, linestyle="", label=words, **place)
    elif line.outcome.deadlock:
        axes.axvline(float(line.seconds[-1]), color=DEATH, lw=1.1, ls=(0, (4, 2)), label="deadlock")
    axes.set_xlim(0, shared.seconds)
    axes.set_title(title, loc="left", fontsize=_SMALL + 0.5, color=INK, parse_math=False, pad=4)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(SOFT)
    axes.tick_params(colors=SOFT, labelsize=_SMALL)
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        columns = len(handles) if len(handles) < 5 else 3
        axes.legend(handles, labels, loc="lower right", bbox_to_anchor=(1.01, 0.985), ncols=columns, fontsize=_SMALL - 0.5, frameon=False,
                    borderpad=0, borderaxespad=0.2, handlelength=1.6, handletextpad=0.5, columnspacing=0.9, labelcolor=SOFT)  # fmt: skip
