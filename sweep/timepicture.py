"""The picture of a time line: free memory against the watermarks, what waits to be clean, and who waited for memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from sweep.errors import DiskError

if TYPE_CHECKING:
    from sweep.timeline import Timeline

MIB: Final = 256  # pages
COLOURS: Final = {"nr_free": "#1f4e79", "nr_dirty": "#b35900", "nr_writeback": "#6a3d9a", "nr_laundry": "#2e7d32"}
NAMES: Final = {"nr_dirty": "dirty (file)", "nr_writeback": "writeback (swap too)", "nr_laundry": "laundry"}


def draw(line: Timeline, title: str, ending: str, path: Path) -> None:
    """Write it as PNG.

    Raises:
        DiskError: it cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7.5), layout="constrained")
    free, waiting, stalls = figure.subplots(3, 1, sharex=True, height_ratios=[3, 2, 2])
    x = line.seconds
    free.plot(x, line.columns["nr_free"] / MIB, color=COLOURS["nr_free"], lw=1.4, label="free")
    for (name, pages), style in zip(line.watermarks.items(), (":", "--", "-."), strict=True):
        free.axhline(pages / MIB, color="#888888", lw=1, ls=style, label=f"{name} watermark, {pages / MIB:.2f} MiB")
    highest = max(line.watermarks["high"] / MIB, 0.05)
    free.set_ylim(0, max(4 * highest, float(np.percentile(line.columns["nr_free"], 60)) / MIB * 1.2))
    free.set_ylabel("free, MiB")
    for name, label in NAMES.items():
        if line.columns[name].any():
            waiting.plot(x, line.columns[name] / MIB, color=COLOURS[name], lw=1.2, label=f"{label}, at most {line.columns[name].max() / MIB:.1f} MiB")
    waiting.set_ylabel("MiB")
    waiting.set_ylim(bottom=0)
    stalls.fill_between(x, line.columns["in_direct_reclaim"], step="mid", color="#a61c1c", alpha=0.7, lw=0, label="tasks in direct reclaim")
    stalls.set_ylabel("tasks")
    stalls.set_ylim(bottom=0)
    stalls.set_xlabel("seconds of simulated time")
    kills = np.diff(line.columns["oom_kill"], prepend=0).nonzero()[0]
    for axes in (free, waiting, stalls):
        for kill in kills:
            axes.axvline(x[kill], color="black", lw=0.8, label="OOM kill" if axes is free and kill == kills[0] else None)
        if axes.get_legend_handles_labels()[1]:
            axes.legend(loc="lower right", bbox_to_anchor=(1, 0.98), ncols=5, fontsize=8, frameon=False)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{title}\n{ending}", x=0.01, ha="left", fontsize=10)
    try:
        figure.savefig(path, dpi=110, format="png", metadata={"Software": None})
    except OSError as error:
        raise DiskError(f"{path}: {error.strerror or error}; allowed: a file that can be written") from None
