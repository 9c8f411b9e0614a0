"""Render: write a map as picture, page, text and table, each file complete or untouched."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.arms import AT
from sweep.maps import Map, build_map
from sweep.page import page
from sweep.picture import write_picture
from sweep.textmap import plain
from sweep.verdict import FDR

if TYPE_CHECKING:
    from sweep.results import Results

_COLUMNS = (
    "at", "cell", "label", "challenger", "baseline", "verdict", "reason", "pairs", "oom_challenger", "oom_baseline",
    "throughput", "throughput_low", "throughput_high", "p_oom", "q",
)  # fmt: skip


@dataclass(frozen=True)
class MapFiles:
    """The files of a map; `text` is the text itself, for the terminal use `sweep.textmap.text_map(map)`.

    Attributes:
        png: the picture.
        html: the self-contained page.
        txt: the text map.
        csv: one row per verdict.
        map: what was drawn.
    """

    png: Path
    html: Path
    txt: Path
    csv: Path
    map: Map

    @property
    def text(self) -> str:
        """The text map."""
        return self.txt.read_text(encoding="utf-8")


def write_map(
    results: Results,
    out_dir: Path,
    challenger: str | None = None,
    baseline: str | None = None,
    axes: Sequence[str] | None = None,
    fdr: float = FDR,
) -> MapFiles:
    """Judge a sweep and write map.png, map.html, map.txt and map.csv.

    Args:
        results: a finished or partial sweep.
        out_dir: made if missing; `results/<name>/map` by convention.
        challenger: default: the one that the sweep file names under `compare`.
        baseline: likewise.
        axes: names of the horizontal and the vertical axis; default: the first two of the sweep file.
        fdr: share of false wins and losses tolerated among all wins and losses.

    Raises:
        ConfigError: an axis or policy that the sweep does not have.
    """
    drawn = build_map(results, challenger, baseline, axes, fdr)
    out_dir.mkdir(parents=True, exist_ok=True)
    png, html, txt, table = (out_dir / f"map.{kind}" for kind in ("png", "html", "txt", "csv"))
    half = out_dir / ".map.png.part"
    write_picture(drawn, half)
    half.replace(png)
    for path, text in ((html, page(drawn)), (txt, plain(drawn)), (table, _table(drawn))):
        _replace(path, text)
    return MapFiles(png, html, txt, table, drawn)


def _replace(path: Path, text: str) -> None:
    """Write a file so that a reader never sees half of it."""
    half = path.with_name(f".{path.name}.part")
    half.write_text(text, encoding="utf-8")
    half.replace(path)


def _table(drawn: Map) -> str:
    """One row per verdict as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for at in AT:
        for v in drawn.verdicts[at].values():
            effect = [v.effect.value, v.effect.low, v.effect.high] if v.effect else ["", "", ""]
            writer.writerow(
                [v.at, v.cell, v.label, v.challenger, v.baseline, v.finding, v.reason, v.n]
                + [rate.value if rate.n else "" for rate in v.oom]
                + effect
                + [v.p_oom, v.q]
            )
    return out.getvalue()
