"""Picture: a map as PNG for papers, mails and MLflow. All lengths are inches from the top left corner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sweep.arms import AT, AT_TITLES, At
from sweep.cliffs import Edge, cliff_words, cliffs
from sweep.maps import Facet, Map
from sweep.marks import (
    FINDING_MARKS,
    PLACE_MARKS,
    Mark,
    cell_lines,
    finding_words,
    place_words,
    standing_lines,
)
from sweep.ranking import PLACES
from sweep.verdict import FINDINGS, TIE_MARGIN, summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH: Final = 12.8
DPI: Final = 150
_MARGIN: Final = 0.45
_LABELS: Final = 1.0  # width of the vertical axis: title and values
_GAP: Final = 0.45
_CELL: Final = 0.86  # height of a cell of the map
_SMALL: Final = 0.5  # height of a cell of a small multiple
_STACK_ABOVE: Final = 7  # more columns than this: the two maps go one below the other
CLIFF_LINES: Final = ("-", (0, (1.6, 1.2)))  # challenger, baseline
_SOFT: Final = "#566069"
_INK: Final = "#1c2126"

Draw = Callable[[int], tuple[Mark, tuple[str, ...]]]  # what stands in the cell of a map


def write_picture(drawn: Map, path: Path) -> None:
    """Draw the map: the two policies tuned and at defaults, the named points, and who is best where."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 1.0), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    top = _head(axes, drawn)
    top = _duel(axes, drawn, top)
    top = _points(axes, drawn, top)
    top = _best(axes, drawn, top)
    height = _foot(axes, drawn, top)
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(height, 0)
    figure.set_size_inches(WIDTH, height)
    figure.savefig(path, format="png", metadata={"Software": None})


def _write(axes: Axes, x: float, y: float, text: str, size: float = 9, **style: object) -> None:
    options: dict[str, object] = {"color": _INK, "ha": "left", "va": "center", "fontsize": size, "parse_math": False}
    axes.text(x, y, text, **(options | style))  # type: ignore[arg-type]


def _head(axes: Axes, drawn: Map) -> float:
    _write(axes, _MARGIN, 0.42, f"{drawn.challenger} against {drawn.baseline}", 19, weight="bold")
    _write(axes, WIDTH - _MARGIN, 0.42, f"Highwater map · {drawn.name}", 10, color=_SOFT, ha="right")
    for i, at in enumerate(AT):
        _write(axes, _MARGIN, 0.80 + 0.24 * i, summary(tuple(drawn.verdicts[at].values())), 10.5)
    legend = [(FINDING_MARKS[f], finding_words(f, drawn.challenger, drawn.baseline)) for f in FINDINGS]
    _legend(axes, 1.42, legend)
    seen = {edge.side for at in AT for facet in drawn.layout.facets for edge in cliffs(facet, drawn.verdicts[at])}
    x = _MARGIN
    for side in sorted(seen):
        words = cliff_words((drawn.challenger, drawn.baseline)[side])
        axes.plot([x, x + 0.3], [1.74, 1.74], color="#000000", linewidth=1.8, linestyle=CLIFF_LINES[side])
        _write(axes, x + 0.38, 1.74, words, 9.5)
        x += 0.36 + 0.074 * len(words) + 0.3
    return 2.05 if seen else 1.75


def _legend(axes: Axes, y: float, entries: Sequence[tuple[Mark, str]]) -> None:
    x = _MARGIN
    for mark, words in entries:
        _box(axes, x, y - 0.11, 0.27, 0.22, mark)
        _write(axes, x + 0.135, y, mark.symbol, 9, color=mark.ink, ha="center", weight="bold")
        _write(axes, x + 0.36, y, words, 9.5)
        x += 0.36 + 0.074 * len(words) + 0.3


def _box(axes: Axes, x: float, y: float, width: float, height: float, mark: Mark) -> None:
    from matplotlib.patches import FancyBboxPatch

    light = mark.fill == "#ffffff"
    axes.add_patch(
        FancyBboxPatch(
            (x, y),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.04",
            facecolor=mark.fill,
            edgecolor="#c5ccd3" if light else "#00000022",
            linewidth=0.7,
            hatch="////" if light else None,
            hatchcolor="#e3e7eb",
        )
    )


def _cell(axes: Axes, x: float, y: float, width: float, height: float, mark: Mark, lines: Sequence[str]) -> None:
    """A cell: its mark, then as many of its lines as there is room for."""
    pad = 0.025
    _box(axes, x + pad, y + pad, width - 2 * pad, height - 2 * pad, mark)
    shown = list(lines[: 3 if width >= 0.72 else 1 if width >= 0.5 else 0])
    head = 10.5 if width >= 0.72 else 8.2
    sizes = [8.5] + [head] + [7.2] * (len(shown) - 1)
    step = [0.022 * size for size in sizes[: len(shown) + 1]]
    middle = y + height / 2 - sum(step) / 2
    for text, size, high, i in zip([mark.symbol, *shown], sizes, step, range(9), strict=False):
        _write(axes, x + width / 2, middle + high / 2, text, size, color=mark.ink, ha="center",
               weight="bold" if i < 2 else "normal")  # fmt: skip
        middle += high


def _plane(axes: Axes, drawn: Map, facet: Facet, place: tuple[float, float, float, float], draw: Draw, edges: Sequence[Edge] = ()) -> float:
    """One plane of the grid with its axes and cliffs at (x, y, width, height of a cell); returns its bottom."""
    x, y, width, high = place
    columns, rows = drawn.layout.x, drawn.layout.y
    left = x + (_LABELS if rows.name else 0.0)
    wide = (width - (left - x)) / len(columns.values)
    high = min(high, 0.06 + 0.75 * wide)
    for j in range(len(rows.values)):
        top = y + (len(rows.values) - 1 - j) * high
        if rows.name:
            _write(axes, left - 0.08, top + high / 2, rows.text(j), 9, color=_SOFT, ha="right")
        for i, cell in enumerate(facet.rows[j]):
            if cell is not None:
                mark, lines = draw(cell)
                _cell(axes, left + i * wide, top, wide, high, mark, lines)
    bottom = y + len(rows.values) * high
    for edge in edges:
        _cliff(axes, edge, (left + (edge.column + 1) * wide, bottom - (edge.row + 1) * high), wide, high)
    for i in range(len(columns.values)):
        _write(axes, left + (i + 0.5) * wide, bottom + 0.12, columns.text(i), 9, color=_SOFT, ha="center")
    _write(axes, (left + x + width) / 2, bottom + 0.34, columns.title, 9, ha="center", weight="bold")
    if rows.name:
        title = rows.title.replace(" (", "\n(")
        size = min(9.0, (bottom - y) / (0.0093 * max(map(len, title.split("\n")))))
        _write(axes, x + 0.17, (y + bottom) / 2, title, size, ha="center", weight="bold", rotation=90)
    return bottom + 0.5


def _cliff(axes: Axes, edge: Edge, corner: tuple[float, float], wide: float, high: float) -> None:
    """A line along the right or the upper edge of the cell whose upper right corner is given."""
    x, y = corner
    off = 0.016 if edge.side else -0.016  # both cliffs may run along one edge
    ends = ([x - wide, x], [y + off, y + off]) if edge.upward else ([x + off, x + off], [y, y + high])
    axes.plot(*ends, color="#000000", linewidth=1.8, linestyle=CLIFF_LINES[edge.side], solid_capstyle="butt", zorder=4)


def _duel(axes: Axes, drawn: Map, top: float) -> float:
    """The map of the two policies, tuned and at defaults, side by side or one below the other."""

    def verdict(at: At) -> Draw:
        found = drawn.verdicts[at]
        return lambda cell: (FINDING_MARKS[found[cell].finding], cell_lines(found[cell]))

    stacked = len(drawn.layout.x.values) > _STACK_ABOVE
    width = WIDTH - 2 * _MARGIN if stacked else (WIDTH - 2 * _MARGIN - _GAP) / 2
    for facet in drawn.layout.facets:
        bottoms = [top]
        for i, at in enumerate(AT):
            start = max(bottoms) if stacked else top
            x = _MARGIN if stacked else _MARGIN + i * (width + _GAP)
            title = AT_TITLES[at].capitalize() + (f" · {facet.title}" if facet.title else "")
            _write(axes, x, start + 0.14, title, 11, weight="bold")
            bottoms.append(_plane(axes, drawn, facet, (x, start + 0.34, width, _CELL), verdict(at), tuple(cliffs(facet, drawn.verdicts[at]))))
        top = max(bottoms) + 0.12
    return top


def _points(axes: Axes, drawn: Map, top: float) -> float:
    """The named points beside the grid, one row each."""
    if not drawn.layout.points:
        return top
    label, width = 2.6, 1.75
    _write(axes, _MARGIN, top + 0.14, "Named points", 11, weight="bold")
    for i, at in enumerate(AT):
        _write(axes, _MARGIN + label + (i + 0.5) * width, top + 0.14, AT_TITLES[at], 9, color=_SOFT, ha="center")
    for i, policy in enumerate(drawn.policies):
        x = _MARGIN + label + 2 * width + 0.3 + (i + 0.5) * 1.3
        _write(axes, x, top + 0.14, f"{policy}, tuned", 9, color=_SOFT, ha="center")
    top += 0.32
    for cell in drawn.layout.points:
        _write(axes, _MARGIN, top + 0.32, _short(drawn.verdicts["tuned"][cell].label, 34), 9.5)
        for i, at in enumerate(AT):
            verdict = drawn.verdicts[at][cell]
            x = _MARGIN + label + i * width
            _cell(axes, x, top, width, 0.64, FINDING_MARKS[verdict.finding], cell_lines(verdict))
        for i, policy in enumerate(drawn.policies):
            standing = drawn.standings["tuned"][cell, policy]
            x = _MARGIN + label + 2 * width + 0.3 + i * 1.3
            _cell(axes, x, top, 1.3, 0.64, PLACE_MARKS[standing.place], standing_lines(standing))
        top += 0.64
    return top + 0.25


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _best(axes: Axes, drawn: Map, top: float) -> float:
    """Small multiples: the standing of every policy, tuned."""
    if not drawn.layout.facets:
        return top

    def standing(policy: str) -> Draw:
        found = drawn.standings["tuned"]
        return lambda cell: (PLACE_MARKS[found[cell, policy].place], standing_lines(found[cell, policy]))

    _write(axes, _MARGIN, top + 0.16, f"Who is best where, {AT_TITLES['tuned']}", 13, weight="bold")
    _legend(axes, top + 0.5, [(PLACE_MARKS[p], place_words(p)) for p in PLACES])
    top += 0.82
    across = min(3, len(drawn.policies)) if len(drawn.layout.x.values) <= _STACK_ABOVE else 1
    width = (WIDTH - 2 * _MARGIN - (across - 1) * _GAP) / across
    for facet in drawn.layout.facets:
        for first in range(0, len(drawn.policies), across):
            bottom = top
            for i, policy in enumerate(drawn.policies[first : first + across]):
                x = _MARGIN + i * (width + _GAP)
                _write(axes, x, top + 0.12, policy + (f" · {facet.title}" if facet.title else ""), 10.5, weight="bold")
                bottom = max(bottom, _plane(axes, drawn, facet, (x, top + 0.3, width, _SMALL), standing(policy)))
            top = bottom + 0.12
    return top


def _foot(axes: Axes, drawn: Map, top: float) -> float:
    """How to read it and where it comes from; returns the height of the picture."""
    origin = drawn.provenance
    lines = (
        f"Throughput of {drawn.challenger} relative to {drawn.baseline} on equal streams, with its 95 % interval in %. "
        f"“OOM a vs b”: confirm replicates out of memory, of {origin.n_confirm} a side.",
        "Win and loss after false-discovery control at 5 % over the cells; "
        f"tie: interval within ±{100 * TIE_MARGIN:.0f} % and equal OOM in every pair, "
        "or both out of memory in every replicate.",
        f"Sweep {origin.sweep}, seed {origin.seed}, config sha256 {origin.config_sha256[:16]}…, "
        f"{origin.n_replicates:,} replicates in {origin.n_trials:,} trials. {origin.versions}.",
        f"Reproduce: {origin.command}",
    )
    axes.plot([_MARGIN, WIDTH - _MARGIN], [top + 0.04, top + 0.04], color="#d9dee3", linewidth=0.8)
    for i, line in enumerate(lines):
        _write(axes, _MARGIN, top + 0.22 + 0.19 * i, line, 8.2, color=_SOFT)
    return top + 0.22 + 0.19 * len(lines) + 0.15
