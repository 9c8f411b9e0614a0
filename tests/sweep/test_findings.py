"""The shipped study: its small version runs from file to maps, sentences and pages, and docs/findings.md says what its files say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.study import tables
from sweep.errors import ConfigError
from sweep.library import sweep_file
from sweep.plan import load_plan, load_plans
from sweep.results import load_results
from tests import tinysweep

SMALL = (
    "policies=[inline, postponed]",
    "maps.0.axes.0.values=[0.2, 1.0]",
    "maps.0.axes.1.values=[0, 4000]",
    "maps.0.refine=null",
    "maps.1.axes.0.values=[5, 40]",
    "maps.1.axes.1.values=[1448, 13107]",
    "maps.2.axes.0.values=[1, 8]",
    "maps.2.axes.1.values=[20, 200]",
    "search.trials=2",
    "search.replicates=1",
    "search.confirm=7",
    "search.params={reserve_kbytes: {low: 0, high: 8000}, dirty_ratio: {low: 2, high: 80}}",
)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of `highwater run laundry`, two values an axis and two policies, in one process."""
    directory = tmp_path_factory.mktemp("laundry")
    options = [part for text in SMALL for part in ("--set", text)]
    done = tinysweep.highwater(directory, "run", "laundry", "--executor", "serial", "--no-mlflow", *options)
    assert done.returncode == 0, done.stderr
    return directory / "results"


@pytest.mark.slow
def test_one_command_runs_the_three_maps(ran: Path) -> None:
    assert sorted(path.name for path in ran.iterdir()) == ["laundry-allocators", "laundry-limits", "laundry-memory"]
    for directory in ran.iterdir():
        text = " ".join((directory / "map.txt").read_text().split())
        assert len(load_results(directory).cells) == 4
        for at in ("kernel defaults", "its tuned best"):
            assert f"With each at {at}, postponed wins against inline" in text or "No cell of the grid is decided yet." in text
        assert "highwater run laundry" in text
        assert (directory / "map.html").stat().st_size > 10_000
        assert (directory / "map.png").stat().st_size > 10_000


@pytest.mark.slow
def test_the_load_of_2007_kills_postponed_laundering_and_not_the_kernel_of_then(ran: Path) -> None:
    results = load_results(ran / "laundry-memory")
    confirm = results.replicates[(results.replicates["phase"] == "confirm") & (results.replicates["trial"] == 0)]
    anonymous = results.cells.index[results.cells["anon_share"] == 1.0]
    dead = confirm[confirm["cell"].isin(anonymous)].groupby("policy")["oom"].mean()
    assert dead["postponed"] > 0.5
    assert dead["inline"] == 0.0


@pytest.mark.slow
def test_a_tunable_as_an_axis_is_what_is_simulated_and_is_not_searched(ran: Path) -> None:
    results = load_results(ran / "laundry-limits")
    trials = results.trials.join(results.cells[["dirty_ratio", "min_free_kbytes"]], on="cell")
    assert (trials["param:dirty_ratio"] == trials["dirty_ratio"]).all()
    assert (trials["param:min_free_kbytes"] == trials["min_free_kbytes"]).all()
    assert trials["param:reserve_kbytes"].nunique() > 1
    assert "dirty_ratio" not in {dimension.name for study in load_plans(sweep_file("laundry"))[1].studies for dimension in study.space}


@pytest.mark.slow
def test_a_report_and_a_map_of_one_of_the_three(ran: Path) -> None:
    done = tinysweep.highwater(ran.parent, "report", "laundry-limits")
    assert done.returncode == 0, done.stderr
    assert "postponed" in (ran / "laundry-limits" / "report.html").read_text()


def test_a_file_of_several_maps_is_not_one_sweep() -> None:
    with pytest.raises(ConfigError, match="maps"):
        load_plan(sweep_file("laundry"))
    memory, limits, allocators = load_plans(sweep_file("laundry"))
    assert [plan.sweep.policies for plan in (limits, allocators)] == [memory.sweep.policies] * 2
    assert limits.sweep.set["workload.footprint_mib"] == memory.sweep.set["workload.footprint_mib"], "a map adds to what the file sets"
    assert limits.sweep.set["workload.anon_share"] == 0.6
    assert {cell.machine.swap.read_mb_s for cell in allocators.cells} == {cell.machine.file.write_mb_s for cell in allocators.cells} == {6, 20, 60, 200, 600}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("maps=3", "maps: 3; allowed: a list of mappings"),
        ("maps=[7]", "maps\\[0\\]: 7; allowed: a mapping with a name"),
        ("maps=[{name: a}, {name: a}]", "maps\\[1\\].name: a; allowed: each name once"),
        ("maps.1.axes.0.set=params.nothing", "params.nothing: unknown tunable of policy inline"),
        ("maps.1.axes.0.values=[2.5]", "values: 2.5; allowed: whole numbers"),
        ("maps.1.axes.0.values=[101]", "params.dirty_ratio: 101; allowed: 2 to 100"),
    ],
)
def test_a_mistake_in_a_file_of_maps_is_one_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_plans(sweep_file("laundry"), [text])


def test_every_table_of_the_findings_is_what_its_files_say() -> None:
    page = tables.PAGE.read_text(encoding="utf-8")
    assert len(tables.BLOCK.findall(page)) > 10
    assert tables.rendered(page) == page, "python -m benchmarks.study.tables"


def test_figures_of_the_findings_outside_the_tables_stand_in_a_table() -> None:
    """Prose repeats figures with a percent sign, and every one of them stands in a block."""
    page = tables.PAGE.read_text(encoding="utf-8")
    blocks = " ".join(match[0] for match in tables.BLOCK.finditer(page))
    prose = tables.BLOCK.sub("", page)
    quoted = re.findall(r"[+−]\d+(?:\.\d+)? %|×\d+", prose)
    assert quoted
    assert not [figure for figure in quoted if figure not in blocks]


def test_the_committed_verdicts_follow_from_their_own_figures() -> None:
    for row in tables.rows("laundry.csv"):
        if row["verdict"] == "win" and row["oom"] == row["oom_baseline"]:
            assert float(row["low"]) > 0
        if row["verdict"] == "loss" and row["oom"] == row["oom_baseline"]:
            assert float(row["high"]) < 0
    said = [row for row in tables.rows("sentences.csv") if " in none of the " in row["sentence"]]
    assert said
    for row in said:
        finding = "win" if " wins " in row["sentence"] else "loss"
        here = (row["map"], row["at"], row["policy"], "grid")
        found = [r["verdict"] for r in tables.rows("laundry.csv") if (r["map"], r["at"], r["policy"], r["kind"]) == here]
        assert finding not in found
        decided = re.search(r"none of the (\d+) decided", row["sentence"])
        assert decided
        assert int(decided[1]) == sum(one != "undecided" for one in found)


def test_a_figure_that_is_too_wide_for_a_narrow_window_has_a_second_drawing() -> None:
    """420 pixels less the margins, at full size: figures of 9 pixels stay readable."""
    page = tables.PAGE.read_text(encoding="utf-8")
    shown = dict(re.findall(r'<picture><source media="\(max-width: \d+px\)" srcset="([^"]+)"><img src="([^"]+)"', page))
    alone = re.findall(r"!\[[^\]]+\]\(([^)]+\.svg)\)", page)
    assert len(shown) == len(alone) == 3
    for name in (*shown, *alone):
        viewed = re.search(r'viewBox="0 0 (\d+) \d+"', (tables.DOCS / name).read_text(encoding="utf-8"))
        assert viewed
        assert int(viewed[1]) <= 390, name
    for narrow, wide in shown.items():
        texts = [re.findall(r"<text [^>]*>([^<]*)<", (tables.DOCS / name).read_text(encoding="utf-8")) for name in (narrow, wide)]
        assert sorted(texts[0]) == sorted(texts[1]), "the same cells in both"
