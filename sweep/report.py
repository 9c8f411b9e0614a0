"""Report: everything about a sweep in one self-contained HTML file, which opens from disk and in MLflow's artifact viewer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sweep.arms import AT, arms
from sweep.board import BOARD_WORDS, boards
from sweep.cards import cards
from sweep.errors import refusal
from sweep.figures.drawing import Drawing
from sweep.figures.history import history_svg
from sweep.figures.importance import importance_svg
from sweep.figures.pareto import pareto_svg
from sweep.gains import Gain, gain_summary, gains
from sweep.graded import graded
from sweep.maps import build_map, provenance
from sweep.marks import FINDING_MARKS
from sweep.page import Links, common, environment, view_of
from sweep.telling import of_gains, of_map, tell
from sweep.verdict import FINDINGS, labels

if TYPE_CHECKING:
    from sweep.results import Results

FILE: Final = "report.html"
MOST_CELLS: Final = 40  # Pareto fronts drawn unless cells are named
MOST_BYTES: Final = 15_000_000
RESERVED: Final = 3_000_000  # of them for all that is neither a front nor a time line
_CONTENTS: Final = (
    ("map", "map"),
    ("plane", "between the cells"),
    ("published", "what vendors publish"),
    ("gains", "what the search found"),
    ("recommend", "recommendation"),
    ("why", "why"),
    ("search", "search"),
    ("pareto", "Pareto fronts"),
)


def write_report(
    results: Results,
    out: Path,
    cells: Sequence[str] = (),
    explained: int = 0,
    figures: Path | None = None,
    tick: Callable[[str], None] = lambda _: None,
) -> Path:
    """Write report.html into directory ``out``.

    Args:
        results: a finished or partial sweep; one of a single policy has gains in place of a map.
        out: made if missing.
        cells: labels or numbers of the cells whose Pareto fronts are drawn; none: the first MOST_CELLS.
        explained: cells whose runs are simulated again and drawn over time, see ``telling.tell``; 0: none.
        figures: a directory for every figure of the report as an SVG and a PNG file besides, made if missing.
        tick: is told what is being drawn.

    Raises:
        ConfigError: a cell that the sweep does not have.
    """
    tick("map")
    drawn = build_map(results) if results.config.get("compare") else None
    gained = () if drawn else gains(results)
    tick("search")
    history, importances = history_svg(results), importance_svg(results)
    chosen = _chosen(results, cells)
    fronts, confirmed = [], [arms(results, at) for at in AT]
    for cell, label in chosen[: None if cells else MOST_CELLS]:
        tick(f"cell {label}")
        fronts.append((label, pareto_svg(results, cell, confirmed)))
    fronts = [(label, text) for label, text in fronts if text]
    agenda = of_map(drawn) if drawn else of_gains(gained)
    told, left = tell(results, agenda, explained, MOST_BYTES - RESERVED - sum(len(text) for _, text in fronts), tick)
    links = {key: one.id for key, one in told.items()}
    view = view_of(drawn, links) if drawn else _alone(results, gained, links)
    timelines = list(told.values())
    recommended, cards_left = cards(results, tick)
    shown = list(boards(graded(results)))
    parts = {
        "cards": recommended,
        "cards_left": cards_left,
        "boards": shown,
        "board_legend": [(f, FINDING_MARKS[f], words) for f, words in BOARD_WORDS.items()],
        "timelines": timelines,
        "timelines_left": left,
        "more_than_two": any(len(one.sides) > 2 for one in timelines),
        "history": history,
        "importances": importances,
        "fronts": fronts,
        "fronts_left": 0 if cells else max(len(chosen) - MOST_CELLS, 0),
    }
    there = {"map": drawn, "plane": view["planes"], "published": shown, "gains": view.get("gains"), "recommend": recommended, "why": timelines or left,
             "search": history or importances, "pareto": fronts}  # fmt: skip
    contents = [(name, words) for name, words in _CONTENTS if there[name]]
    text = environment().get_template("report.html.j2").render({"gains": ()} | view | parts | {"contents": contents})
    out.mkdir(parents=True, exist_ok=True)
    path = out / FILE
    half = out / f".{FILE}.part"
    half.write_text(text, encoding="utf-8")
    half.replace(path)
    if figures is not None:
        drawings = {f"plane-{at}": text for at, (_, text) in zip(AT, view["planes"], strict=False)} | {"history": history, "importances": importances}
        drawings |= {f"pareto-{label}": text for label, text in fronts}
        drawings |= {f"{one.id}-{side.name}": side.drawing for one in timelines for side in one.sides}
        write_figures(figures, drawings)
    return path


def _alone(results: Results, found: tuple[Gain, ...], links: Links) -> dict[str, Any]:
    """What the template is told in place of a map, of a sweep that compares no policies; ``links``: where a click on a cell leads."""
    return common() | {
        "views": [],
        "planes": [],
        "map": {"name": results.name, "provenance": provenance(results)},
        "policies": list(results.config["policies"]),
        "finding_legend": [(f, FINDING_MARKS[f], f) for f in FINDINGS],
        "gains": found,
        "gain_links": {cell: link for (_, cell), link in links.items()},
        "gain_sentence": gain_summary(found),
    }


def write_figures(directory: Path, drawings: Mapping[str, str]) -> None:
    """Each drawing as two files of its own, SVG and PNG, named after it; nothing for those that are empty."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in drawings.items():
        if text:
            stem = re.sub(r"[^a-zA-Z0-9=.,_-]+", "-", name)
            (directory / f"{stem}.svg").write_text(text, encoding="utf-8")
            if isinstance(text, Drawing):
                text.write_png(directory / f"{stem}.png")


def _chosen(results: Results, cells: Sequence[str]) -> list[tuple[int, str]]:
    """Index and label of the cells asked for, or of all."""
    known = labels(results)
    if not cells:
        return known
    found = []
    for wanted in cells:
        matching = [(cell, label) for cell, label in known if wanted in (label, str(cell))]
        if not matching:
            raise refusal(f"sweep {results.name}", "cell", wanted, f"0 to {len(known) - 1}, or a label")
        found += matching
    return found
