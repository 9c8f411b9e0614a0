"""Text map: the map as tables for a terminal, and as plain text for a file or a mail."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from sweep.arms import AT, AT_TITLES, At
from sweep.maps import Facet, Map
from sweep.marks import FINDING_MARKS, PLACE_MARKS, cell_lines, finding_words, standing_lines
from sweep.verdict import FINDINGS, Verdict, summary

if TYPE_CHECKING:
    from rich.console import RenderableType

PLAIN_WIDTH = 110


def text_map(drawn: Map) -> Group:
    """The map for `rich.console.Console.print`: both grids, the named points, and who is best where."""
    parts: list[RenderableType] = []
    for at in AT:
        parts += [Text(summary(tuple(drawn.verdicts[at].values())), style="bold")]
        parts += [_grid(drawn, facet, at) for facet in drawn.layout.facets]
        parts += [Text(sentence) for sentence in drawn.sentences[at]]
    if drawn.layout.points:
        parts += [_points(drawn)]
    parts += [_ranking(drawn), Text(_legend(drawn), style="dim")]
    return Group(*parts)


def plain(drawn: Map) -> str:
    """The same without colours, PLAIN_WIDTH columns wide, with its origin."""
    console = Console(file=io.StringIO(), width=PLAIN_WIDTH, color_system=None, force_terminal=False)
    console.print(text_map(drawn))
    origin = drawn.provenance
    console.print(
        f"Sweep {origin.sweep}, seed {origin.seed}, config sha256 {origin.config_sha256}; {origin.versions}.\nReproduce: {origin.command}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in str(text).splitlines()) + "\n"


def _legend(drawn: Map) -> str:
    words = (f"{FINDING_MARKS[f].symbol} {finding_words(f, drawn.challenger, drawn.baseline)}" for f in FINDINGS)
    return (
        f"{'   '.join(words)}\n"
        f"Throughput of {drawn.challenger} relative to {drawn.baseline} with its 95 % interval in %; "
        f"OOM: confirm replicates out of memory, {drawn.challenger} vs {drawn.baseline}."
    )


def _verdict(verdict: Verdict) -> Text:
    mark = FINDING_MARKS[verdict.finding]
    head, *rest = cell_lines(verdict)
    return Text(f" {mark.symbol} ", style=mark.style).append(f" {head}", style="default").append(
        "".join(f"\n{line}" for line in rest), style="dim"
    )  # fmt: skip


def _grid(drawn: Map, facet: Facet, at: At) -> Table:
    columns, rows = drawn.layout.x, drawn.layout.y
    title = AT_TITLES[at].capitalize() + (f", {facet.title}" if facet.title else "")
    table = Table(title=Text(title), title_justify="left", title_style="bold", caption=Text(f"→ {columns.title}"))
    table.add_column(Text(f"↑ {rows.title}" if rows.name else ""), style="dim", justify="right")
    for i in range(len(columns.values)):
        table.add_column(Text(columns.text(i)), no_wrap=True)
    for j in reversed(range(len(rows.values))):
        boxes = [Text("") if cell is None else _verdict(drawn.verdicts[at][cell]) for cell in facet.rows[j]]
        table.add_row(Text(rows.text(j)), *boxes)
    return table


def _points(drawn: Map) -> Table:
    table = Table(title="Named points", title_justify="left", title_style="bold")
    table.add_column("point", style="dim")
    for at in AT:
        table.add_column(AT_TITLES[at])
    for cell in drawn.layout.points:
        boxes = [_verdict(drawn.verdicts[at][cell]) for at in AT]
        table.add_row(Text(drawn.verdicts["tuned"][cell].label), *boxes)
    return table


def _ranking(drawn: Map) -> Table:
    table = Table(title="Who is best where, each at its tuned best", title_justify="left", title_style="bold")
    table.add_column("cell", style="dim")
    for policy in drawn.policies:
        table.add_column(Text(policy), no_wrap=True)
    found = drawn.standings["tuned"]
    for cell, verdict in drawn.verdicts["tuned"].items():
        marks = [(PLACE_MARKS[found[cell, p].place], standing_lines(found[cell, p])) for p in drawn.policies]
        boxes = [Text(f" {mark.symbol} ", style=mark.style).append(f" {' '.join(lines)}") for mark, lines in marks]
        table.add_row(Text(verdict.label), *boxes)
    return table
