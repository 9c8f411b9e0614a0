"""Page: a map as one self-contained HTML file. No fetch, no storage: it works from disk and in a sandboxed frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sweep.arms import AT, AT_TITLES, Arm, At
from sweep.cliffs import SIDES, cliff_words, cliffs
from sweep.figures.plane import plane_svg
from sweep.intervals import Rate
from sweep.maps import Map
from sweep.marks import FINDING_MARKS, PLACE_MARKS, cell_lines, finding_words, place_words, standing_lines
from sweep.ranking import PLACES, Standing
from sweep.verdict import FINDINGS, TIE_MARGIN, Verdict, summary
from sweep.why import Between


@dataclass(frozen=True)
class Box:
    """One drawn cell.

    Attributes:
        kind: finding or place, and the class of its style.
        symbol: its mark.
        lines: short lines, the first one larger.
        title: the cell in words.
        detail: sentences shown on hover, focus or tap.
        link: identifier of its time line in the page; empty where there is none.
        edges: cliffs along it, as "a-right" (the challenger's) or "b-top" (the baseline's).
    """

    kind: str
    symbol: str
    lines: tuple[str, ...]
    title: str
    detail: tuple[str, ...]
    link: str = ""
    edges: tuple[str, ...] = ()


Links = Mapping[tuple[Between, int], str]  # of the cells that have a time line, its identifier in the page


@dataclass(frozen=True)
class Panel:
    """One drawn plane, rows from top to bottom, each with its label; None where the sweep has no cell."""

    title: str
    rows: tuple[tuple[str, tuple[Box | None, ...]], ...]


def page(drawn: Map) -> str:
    """The map as HTML text."""
    return environment().get_template("map.html.j2").render(view_of(drawn))


def environment() -> Environment:
    """Where the templates are, everything escaped."""
    return Environment(loader=PackageLoader("sweep"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def view_of(drawn: Map, links: Links | None = None) -> dict[str, Any]:
    """What the templates are told of a map; ``links``: where a click on a cell leads."""
    return {
        "map": drawn,
        "views": [_view(drawn, at, links or {}) for at in AT],
        "planes": planes(drawn),
        "linked": bool(links),
        "cliff_legend": _cliff_legend(drawn),
        "points": drawn.layout.points,
        "policies": drawn.policies,
        "finding_legend": [(f, FINDING_MARKS[f], finding_words(f, drawn.challenger, drawn.baseline)) for f in FINDINGS],
        **common(),
        "tuned": [_setting(drawn, arm) for _, arm in sorted(drawn.tuned.items())],
    }


def common() -> dict[str, Any]:
    """What the templates are told of every sweep."""
    return {"place_legend": [(p, PLACE_MARKS[p], place_words(p)) for p in PLACES], "margin": f"{100 * TIE_MARGIN:.0f}"}


@dataclass(frozen=True)
class View:
    """Everything that is drawn once for "tuned" and once for "default"."""

    at: At
    title: str
    sentence: str
    boundary: tuple[str, ...]
    counts: tuple[tuple[str, str, int], ...]
    panels: tuple[Panel, ...]
    best: tuple[tuple[str, tuple[Panel, ...]], ...]
    points: tuple[tuple[Box, tuple[Box, ...]], ...]
    rows: tuple[tuple[Verdict, str, str], ...]


def planes(drawn: Map) -> list[tuple[str, str]]:
    """The map with what lies between its cells and both cliffs, at both settings; empty where the sweep has no plane."""
    laid = drawn.grid
    if laid.names == (drawn.layout.y.name, drawn.layout.x.name):
        laid = replace(laid, names=laid.names[::-1], values=laid.values[::-1], positions=laid.positions[:, ::-1], where=laid.where[:, ::-1])
    found = [(AT_TITLES[at], plane_svg(laid, drawn.verdicts[at], f"plane {at}")) for at in AT]
    return [(words, text) for words, text in found if text]


def _view(drawn: Map, at: At, links: Links) -> View:
    found = drawn.verdicts[at]

    edges = _edges(drawn, at)

    def verdict(cell: int) -> Box:
        return replace(verdict_box(found[cell]), link=links.get((at, cell), ""), edges=tuple(edges.get(cell, ())))

    def standing(policy: str) -> Callable[[int], Box]:
        return lambda cell: replace(standing_box(drawn.standings[at][cell, policy]), link=links.get((at, cell), ""))

    return View(
        at=at,
        title=AT_TITLES[at],
        sentence=summary(tuple(found.values())),
        boundary=drawn.sentences[at],
        counts=tuple((f, FINDING_MARKS[f].symbol, sum(v.finding == f for v in found.values())) for f in FINDINGS),
        panels=_panels(drawn, verdict),
        best=tuple((policy, _panels(drawn, standing(policy))) for policy in drawn.policies),
        points=tuple((verdict(c), tuple(standing(p)(c) for p in drawn.policies)) for c in drawn.layout.points),
        rows=tuple((v, rate_text(v.oom[0]), rate_text(v.oom[1])) for v in found.values()),
    )


def _edges(drawn: Map, at: At) -> dict[int, list[str]]:
    """Of each cell, the cliffs to its right and on top of it."""
    found: dict[int, list[str]] = {}
    for facet in drawn.layout.facets:
        for edge in cliffs(facet, drawn.verdicts[at]):
            cell = facet.rows[edge.row][edge.column]
            assert cell is not None
            found.setdefault(cell, []).append(f"{SIDES[edge.side]}-{'top' if edge.upward else 'right'}")
    return found


def _cliff_legend(drawn: Map) -> list[tuple[str, str]]:
    """Side and words of each cliff that is drawn anywhere."""
    seen = {edge[0] for at in AT for edges in _edges(drawn, at).values() for edge in edges}
    return [(side, cliff_words(policy)) for side, policy in zip(SIDES, (drawn.challenger, drawn.baseline), strict=True) if side in seen]


def _panels(drawn: Map, box: Callable[[int], Box]) -> tuple[Panel, ...]:
    """Every facet, with the largest y on top as in a graph."""
    y = drawn.layout.y
    return tuple(
        Panel(
            facet.title,
            tuple((y.text(j), tuple(None if cell is None else box(cell) for cell in facet.rows[j])) for j in reversed(range(len(facet.rows)))),
        )
        for facet in drawn.layout.facets
    )


def verdict_box(verdict: Verdict) -> Box:
    """A cell of the map of two policies."""
    words = finding_words(verdict.finding, verdict.challenger, verdict.baseline)
    detail = [f"{words}: {verdict.reason}."]
    if verdict.n:
        detail += [f"{verdict.challenger}: {rate_text(verdict.oom[0])}. {verdict.baseline}: {rate_text(verdict.oom[1])}."]
    if verdict.effect is not None:
        detail += [f"Throughput of {verdict.challenger} relative to {verdict.baseline}: {verdict.effect}, 95 % interval."]
    detail += [f"{verdict.n} pairs of replicates, {AT_TITLES[verdict.at]}, q = {verdict.q:.2g}."]
    mark = FINDING_MARKS[verdict.finding]
    return Box(verdict.finding, mark.symbol, cell_lines(verdict), verdict.label, tuple(detail))


def standing_box(standing: Standing) -> Box:
    """A cell of a small multiple."""
    words = place_words(standing.place)
    if standing.beaten_by:
        words = f"beaten by {', '.join(standing.beaten_by)}"
    detail = [f"{standing.policy}: {words}."]
    if standing.oom.n:
        detail += [f"{standing.throughput:,.0f} operations per second. {rate_text(standing.oom)}."]
    mark = PLACE_MARKS[standing.place]
    return Box(standing.place, mark.symbol, standing_lines(standing), standing.label, tuple(detail))


def rate_text(rate: Rate) -> str:
    """An OOM rate with its exact interval, in words."""
    if not rate.n:
        return "not run"
    return f"OOM {rate} [{100 * rate.low:.0f}, {100 * rate.high:.0f}] %"


def _setting(drawn: Map, arm: Arm) -> tuple[str, str, str, str, str]:
    """Cell, policy, trial, OOMs and params of a tuned best."""
    label = drawn.verdicts["tuned"][arm.cell].label
    params = ", ".join(f"{name} = {value}" for name, value in arm.params)
    trial = "0 (defaults)" if arm.trial == 0 else str(arm.trial)
    return label, arm.policy, trial, f"{arm.n_oom}/{arm.n}" if arm.n else "not run", params
