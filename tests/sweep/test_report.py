"""A report is one file that fetches nothing, small, with every section that the sweep has something for."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import matplotlib.image as mpl_image
import pytest

from sweep.errors import ConfigError
from sweep.report import MOST_BYTES, MOST_CELLS, write_report
from tests.planted import Truth, planted

AXES = {"anon_share": [0.2, 0.5, 0.8, 1.0], "w_alloc_milli": [0, 250, 1000, 2000]}


def dies_when_anonymous(cell, policy, _tuned):
    return Truth(oom=1.0 if policy == "postponed" and cell.get("anon_share", 0) >= 0.8 else 0.0)


@pytest.fixture(scope="module")
def results():
    return planted(dies_when_anonymous, axes=AXES, points=["w1"], trials=18, noise=0.002)


@pytest.fixture(scope="module")
def text(results, tmp_path_factory):
    path = write_report(results, tmp_path_factory.mktemp("report"))
    assert path.stat().st_size < MOST_BYTES
    return path.read_text(encoding="utf-8")


def test_it_fetches_nothing_and_holds_every_section(text):
    assert not re.search(r"""(src|href)=["'](?!#)""", text.replace("xlink:href", "href"))
    assert "default-src 'none'" in text
    for section in ("map", "plane", "recommend", "search", "pareto"):
        assert f'id="{section}"' in text
        assert f'href="#{section}"' in text
    assert 'id="why"' not in text
    assert "when anon_share ≥ 0.8 (tried next: 0.5)" in text
    assert text.count("<summary>") >= 17


def test_identifiers_are_unique(text):
    found = re.findall(r'\bid="([^"]+)"', text)
    assert len(found) == len(set(found))


def test_named_cells_alone_have_fronts(results, tmp_path):
    text = write_report(results, tmp_path, cells=["w1", "3"]).read_text(encoding="utf-8")
    assert text.count("Pareto front, cell") == 2


def test_every_figure_is_a_file_of_its_own(results, tmp_path):
    write_report(results, tmp_path, cells=["w1"], figures=tmp_path / "figures")
    found = {path.name for path in (tmp_path / "figures").iterdir()}
    stems = {"plane-tuned", "plane-default", "history", "importances", "pareto-w1"}
    assert found == {f"{stem}.{kind}" for stem in stems for kind in ("svg", "png")}
    for stem in stems:
        drawn = ET.parse(tmp_path / "figures" / f"{stem}.svg").getroot()
        assert drawn.tag.endswith("svg")
        _, _, width, height = (float(part) for part in drawn.attrib["viewBox"].split())
        pixels = mpl_image.imread(tmp_path / "figures" / f"{stem}.png")
        assert pixels.shape[1] / pixels.shape[0] == pytest.approx(width / height, rel=0.02), "the same figure"
        assert pixels[0, 0, :3].tolist() == [1, 1, 1]
        assert pixels.std() > 0.01, "something is drawn"


def test_an_unknown_cell_is_refused_and_nothing_is_written(results, tmp_path):
    with pytest.raises(ConfigError, match="sweep planted: cell: w9; allowed: 0 to 16, or a label"):
        write_report(results, tmp_path / "out", cells=["w9"])
    assert not (tmp_path / "out").exists()


def test_a_sweep_of_many_cells_says_what_is_left_out(tmp_path):
    results = planted(axes={"ram": list(range(MOST_CELLS + 2))}, trials=2)
    assert "2 further cells are not drawn" in write_report(results, tmp_path).read_text(encoding="utf-8")
