"""Panels: the verdicts of every policy against one, a small map each, as one small SVG text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from sweep.arms import AT_TITLES, At
from sweep.figures.drawing import INK, SOFT
from sweep.intervals import percent
from sweep.marks import FINDING_MARKS
from sweep.sentences import Grid, grid
from sweep.verdict import FINDINGS, Verdict, verdicts

if TYPE_CHECKING:
    from sweep.results import Results

CELL: Final = (50, 30)  # pixels
LEFT: Final = 52  # of a panel, around its cells
TOP: Final = 30
BOTTOM: Final = 40
RIGHT: Final = 14
HEAD: Final = 34  # above the panels of one way of comparing
FOOT: Final = 58
ATS: Final[tuple[At, ...]] = ("default", "tuned")  # as posted first
WORDS: Final = {"win": "better", "loss": "worse", "tie": "tie", "undecided": "undecided"}


def panels_svg(results: Results, challengers: Sequence[str], baseline: str, columns: int = 3) -> str:
    """A panel for each challenger and each way of comparing; the cells of the grid, without those that refinement placed."""
    laid = grid(results)
    wide, high = (len(laid.values[axis]) * CELL[axis] for axis in (0, 1))
    step = (LEFT + wide + RIGHT, TOP + high + BOTTOM)
    rows = -(-len(challengers) // columns)
    width, height = columns * step[0], len(ATS) * (HEAD + rows * step[1]) + FOOT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img" font-family="DejaVu Sans, sans-serif">',
        f"<title>{escape(results.name)}: {escape(', '.join(challengers))} against {escape(baseline)}</title>",
        "<style>text{text-anchor:middle;font-size:10.5px}.s{font-size:9px}.h{font-size:14px;font-weight:bold}.t{font-size:12px}.e{text-anchor:end}</style>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for half, at in enumerate(ATS):
        top = half * (HEAD + rows * step[1])
        parts.append(_text(width / 2, top + 20, f"{AT_TITLES[at].capitalize()}, against {baseline}", INK, "h"))
        for place, policy in enumerate(challengers):
            found = {verdict.cell: verdict for verdict in verdicts(results, policy, baseline, at)}
            corner = (place % columns * step[0] + LEFT, top + HEAD + place // columns * step[1] + TOP)
            parts += _panel(laid, found, policy, corner)
    parts += _legend(width, height - FOOT, baseline)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(laid: Grid, found: Mapping[int, Verdict], title: str, corner: tuple[int, int]) -> list[str]:
    left, top = corner
    (wide, high), (columns, rows) = CELL, (len(values) for values in laid.values)
    parts = [_text(left + columns * wide / 2, top - 8, title, INK, "t")]
    for cell, (x, y) in zip(laid.cells, laid.positions.tolist(), strict=True):
        mark, lines = FINDING_MARKS[found[cell].finding], _lines(found[cell])
        at = (left + x * wide, top + (rows - 1 - y) * high)
        parts.append(f'<rect x="{at[0]}" y="{at[1]}" width="{wide - 1}" height="{high - 1}" fill="{mark.fill}" stroke="#d9dee3"/>')
        middle = at[1] + high / 2 + 3 - 5 * (len(lines) - 1)
        parts += [_text(at[0] + wide / 2, middle + 11 * i, line, mark.ink, "s" if i else "") for i, line in enumerate(lines)]
    bottom = top + rows * high
    parts += [_text(left + (i + 0.5) * wide, bottom + 13, str(value), SOFT, "s") for i, value in enumerate(laid.values[0])]
    parts += [_text(left - 5, bottom - (i + 0.5) * high + 3, str(value), SOFT, "s e") for i, value in enumerate(laid.values[1])]
    return [*parts, _text(left + columns * wide / 2, bottom + 26, f"→ {laid.names[0]}, ↑ {laid.names[1]}", SOFT, "s")]


def _lines(verdict: Verdict) -> list[str]:
    """Symbol and difference in throughput, and the deaths where there are some."""
    first, second = verdict.oom
    head = FINDING_MARKS[verdict.finding].symbol
    if verdict.effect is not None and not verdict.by_deaths:
        head = f"{head} {percent(verdict.effect.value).replace(' %', '')}"
    return [head, f"†{first.count}:{second.count}"] if first.count or second.count else [head]


def _legend(width: int, top: int, baseline: str) -> list[str]:
    words = " · ".join(f"{FINDING_MARKS[finding].symbol} {WORDS[finding]}" for finding in FINDINGS)
    return [
        _text(width / 2, top + 16, words, INK, ""),
        _text(width / 2, top + 32, "numbers: throughput, %", SOFT, "s"),
        _text(width / 2, top + 46, f"†a:b runs out of memory, the policy's and {baseline}'s", SOFT, "s"),
    ]


def _text(x: float, y: float, text: str, colour: str, kind: str) -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}" fill="{colour}"{style}>{escape(text)}</text>'
