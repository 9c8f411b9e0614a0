"""Pictures and pages: complete, self-contained, escaped, and the same words everywhere."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from sweep.marks import FINDING_MARKS, PLACE_MARKS
from sweep.render import MapFiles, write_map
from sweep.verdict import FINDINGS
from tests.planted import Truth, planted

NASTY = "</script><img src=x onerror=alert(1)> & \"quotes\" 'too' [bold]$x$"


def plan(cell: Mapping[str, object], policy: str, _tuned: bool) -> Truth:
    """One win, one loss by death, one tie, and a cell in which both die."""
    corner = (cell.get("anon_share"), cell.get("w_alloc_milli"))
    if corner == (0.8, 1000):
        return Truth(oom=1.0)
    if policy == "postponed":
        return {(0.2, 0): Truth(speed=66_000), (0.8, 0): Truth(oom=1.0)}.get(corner, Truth())
    return Truth()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> MapFiles:
    return write_map(planted(plan, points=(NASTY,), noise=0.004), tmp_path_factory.mktemp("sweep") / "map")


def test_every_file_is_there_and_nothing_half_written(files: MapFiles) -> None:
    assert sorted(p.name for p in files.png.parent.iterdir()) == ["map.csv", "map.html", "map.png", "map.txt"]
    assert files.png.read_bytes().startswith(b"\x89PNG")
    assert files.html.stat().st_size < 6_000_000


def test_page_fetches_and_stores_nothing(files: MapFiles) -> None:
    html = files.html.read_text().replace("http://www.w3.org/", "")  # names of namespaces, not addresses
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)|localStorage|sessionStorage|cookie|fetch\(|XMLHttp", html)
    assert not re.search(r"<(link|iframe|object|embed|base)\b|\bsrc=(?!x )", html)
    assert "default-src 'none'" in html


def test_names_are_escaped(files: MapFiles) -> None:
    html = files.html.read_text()
    assert "<img" not in html
    assert html.count("</script>") == 1
    assert "&lt;/script&gt;&lt;img src=x" in html
    assert NASTY[:20] in files.text


def test_text_says_every_finding(files: MapFiles) -> None:
    assert "postponed wins 1 and loses 1 of 7 cells against inline" in files.text
    for words in (
        "W  +3",
        "L  OOM",
        "8 vs 0",
        "both fail",
        "=  ",
        "→ anon_share",
        "Reproduce: highwater run planted.yaml",
    ):
        assert words in files.text, words
    assert "\x1b" not in files.text


def test_table_has_a_row_per_verdict(files: MapFiles) -> None:
    rows = list(csv.DictReader(files.csv.open(newline="")))
    assert len(rows) == 14
    first = rows[0]
    assert (first["at"], first["verdict"], first["pairs"]) == ("tuned", "win", "8")
    assert 0.28 < float(first["throughput_low"]) < float(first["throughput_high"]) < 0.36


def test_page_says_the_same_as_the_table(files: MapFiles) -> None:
    html = files.html.read_text()
    kinds = re.findall(r'<td class="(\w+)"><button', html)
    assert sum(kinds.count(finding) for finding in FINDINGS) == 14
    for kind in {*FINDING_MARKS, *PLACE_MARKS}:
        assert f".{kind} {{ background-color:" in html


def test_the_same_map_twice_is_byte_identical(files: MapFiles, tmp_path: Path) -> None:
    again = write_map(planted(plan, points=(NASTY,), noise=0.004), tmp_path)
    for kind in ("png", "html", "txt", "csv"):
        assert getattr(files, kind).read_bytes() == getattr(again, kind).read_bytes(), kind


def test_marks_stay_apart_in_a_grey_print() -> None:
    def luminance(fill: str) -> float:
        parts = (int(fill[i : i + 2], 16) / 255 for i in (1, 3, 5))
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    levels = sorted(luminance(mark.fill) for mark in FINDING_MARKS.values())
    assert all(high - low > 0.15 for low, high in pairwise(levels))
    for mark in (*FINDING_MARKS.values(), *PLACE_MARKS.values()):
        low, high = sorted((luminance(mark.fill), luminance(mark.ink)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, f"{mark}: contrast of the text"
    for marks in (FINDING_MARKS, PLACE_MARKS):
        assert len({mark.symbol for mark in marks.values()}) == len(marks)


@pytest.mark.parametrize("axes", [{}, {"ram_mib": [64]}, {"ram_mib": [32 + i for i in range(12)]}])
def test_odd_shapes_are_drawn(axes: Mapping[str, list[object]], tmp_path: Path) -> None:
    found = write_map(planted(axes=axes, points=("w1",), policies=("inline", "postponed")), tmp_path)
    assert found.png.stat().st_size > 10_000


def test_facets_are_drawn(tmp_path: Path) -> None:
    axes = {"anon_share": [0.2, 0.8], "w_alloc_milli": [0, 1000], "device": ["disk", "flash"]}
    text = write_map(planted(axes=axes), tmp_path, axes=["anon_share", "w_alloc_milli"]).text
    assert "device = flash" in text
