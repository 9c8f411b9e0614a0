"""Why: the best and the worst of a cell on the same streams, with the digests of the store; a report explains the cells that tell most."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from sweep.arms import Arm, At
from sweep.cliffs import cliffs
from sweep.errors import ConfigError, DeterminismError
from sweep.gains import gains
from sweep.maps import build_map
from sweep.page import page
from sweep.report import write_report
from sweep.results import Results, load_results
from sweep.telling import boundary_cells, of_gains, of_map, tell
from sweep.why import cell_of, explain, extremes, ranked, telling, why
from tests import tinysweep
from tests.planted import Truth, planted
from tests.sweep.test_replay import DYING

AXES = {"anon_share": [0.2, 0.5, 0.8, 1.0], "w_alloc_milli": [0, 250, 1000]}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("why")
    tinysweep.write(directory, DYING)
    done = tinysweep.run(directory, "--executor", "serial", "--results", directory / "results", "--set", "search.trials=2")
    assert done.returncode == 0, done.stderr
    return directory / "results"


@pytest.fixture(scope="module")
def results(directory: Path) -> Results:
    return load_results(directory)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of one policy: settings that matter with memory of either kind, and do not in "light"."""
    return tinysweep.alone(tmp_path_factory.mktemp("alone"))


def arm(policy: str, oom: tuple[bool, ...], speed: tuple[float, ...]) -> Arm:
    return Arm(0, policy, 1, (), tuple(range(len(oom))), ("",) * len(oom), oom, speed)


def test_both_run_the_same_streams_and_their_digests_are_those_of_the_store(results: Results) -> None:
    for at in ("tuned", "default"):
        found = why(results, 1, at)
        assert {side.arm.policy for side in found.sides} == {"inline", "postponed"}
        for side in found.sides:
            table = results.replicates
            row = table[(table["cell"] == 1) & (table["policy"] == side.arm.policy) & (table["trial"] == side.arm.trial) & (table["phase"] == "confirm")]
            assert side.line.outcome.digest in set(row[row["replicate"] == found.replicate]["digest"])
            if side.line.fatal is not None:
                assert side.line.columns["oom_kill"][side.line.fatal] == 0, "the moment before the first kill"
                assert side.line.seconds[side.line.fatal] * 1e9 == pytest.approx(side.line.outcome.time_to_first_oom_ns - 1)


def test_the_command_tells_what_died_of_what_and_draws_it(directory: Path, tmp_path: Path) -> None:
    told = list(explain(directory, "slow-swap", ("postponed", "inline"), "default", tmp_path / "why.png"))
    assert told[0].startswith("cell 2: slow-swap, each at kernel defaults, confirm replicate ")
    text = "\n".join(told)
    assert text.index("\npostponed, kernel defaults: ") < text.index("\ninline, kernel defaults: ")
    assert len(re.findall(r"pages free \(watermarks: min \d+, low \d+, high \d+\)", text)) == 2
    assert len(re.findall(r"reserve", text)) >= 2
    assert (tmp_path / "why.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("cell", "policies", "words"), [("77", (), "cell: 77; allowed: 0 to 2"), ("0", ("inline", "mglru"), "mglru; allowed: inline, postponed")]
)
def test_what_is_not_there_is_one_line(directory: Path, cell: str, policies: tuple[str, ...], words: str) -> None:
    if not policies:
        with pytest.raises(ConfigError, match=words):
            list(explain(directory, cell, policies))
        return
    with pytest.raises(ConfigError, match="--policies: mglru; allowed: "):
        list(explain(directory, cell, policies))


def test_another_digest_is_an_alarm_and_a_report_says_so(results: Results, tmp_path: Path) -> None:
    other = replace(results, replicates=results.replicates.assign(digest="0" * 64))
    with pytest.raises(DeterminismError, match="in the store 0000000000000000"):
        why(other, 0)
    told, left = tell(other, of_map(build_map(other)))
    assert told == {}
    assert "was it computed by this version" in left


def test_the_report_links_each_cell_to_its_time_lines(results: Results, tmp_path: Path) -> None:
    text = write_report(results, tmp_path, explained=40).read_text(encoding="utf-8")
    links = set(re.findall(r'<a class="box" href="#(why-[\w-]+)"', text))
    assert links == {f"why-{at}-{cell}" for at in ("tuned", "default") for cell in range(3)}
    identifiers = re.findall(r'\bid="([^"]+)"', text)
    assert len(identifiers) == len(set(identifiers))
    assert links < set(identifiers)
    assert not re.search(r"""(src|href)=["'](?!#)""", text.replace("xlink:href", "href"))
    few = write_report(results, tmp_path, explained=1).read_text(encoding="utf-8")
    assert "Any of them: highwater why tiny CELL" in few
    assert 'id="why"' not in write_report(results, tmp_path).read_text(encoding="utf-8")


def test_a_report_keeps_to_its_size(results: Results) -> None:
    told, left = tell(results, of_map(build_map(results)), room=1)
    assert told == {}
    assert left.startswith("Cells without time lines here, tuned or at defaults: 6.")


def test_of_one_policy_the_best_that_the_search_found_runs_against_the_defaults(alone: Path, tmp_path: Path) -> None:
    results = load_results(alone)
    found = why(results, 1, "search")
    table = results.replicates
    rows = table[(table["cell"] == 1) & (table["phase"] == "confirm") & (table["replicate"] == found.replicate)].set_index("trial")
    best, plain = found.sides
    assert (best.arm.trial > 0, plain.arm.trial) == (True, 0)
    for side in found.sides:
        assert side.line.outcome.digest == rows.loc[side.arm.trial, "digest"]
    assert rows["stream_digest"].nunique() == 1
    told = list(explain(alone, "anon_share=0.8", out=tmp_path / "it.png"))
    assert told[0] == f"cell 1: anon_share=0.8, the best that the search found against the kernel's defaults, confirm replicate {found.replicate}: inline"
    text = "\n".join(told)
    assert text.index(f"\ninline, trial {best.arm.trial}: ") < text.index("\ninline, kernel defaults: ")
    assert (tmp_path / "it.png").read_bytes().startswith(b"\x89PNG")
    assert list(explain(alone, "1"))[-1] == f"time line: {alone / 'why-1-inline.png'}"


@pytest.mark.parametrize(
    ("cell", "policies", "at", "words"),
    [
        ("light", (), "tuned", r"cell 2: the kernel's defaults are the best that the search found, nothing to compare; allowed: 0, 1$"),
        ("1", (), "default", r"--defaults: the only policy is inline; allowed: neither --policies nor --defaults, for its best settings"),
        ("1", ("inline", "inline"), "tuned", r"--policies: the only policy is inline; allowed: neither --policies nor --defaults"),
    ],
)
def test_of_one_policy_what_cannot_be_compared_is_one_line(alone: Path, cell: str, policies: tuple[str, ...], at: At, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        list(explain(alone, cell, policies, at))


def test_of_one_policy_a_cell_without_confirmed_defaults_says_so(alone: Path) -> None:
    results = load_results(alone)
    table = results.replicates
    with pytest.raises(ConfigError, match=r"cell 1: best settings and defaults are not both confirmed; allowed: 0$"):
        why(replace(results, replicates=table[(table["cell"] != 1) | (table["trial"] != 0) | (table["phase"] != "confirm")]), 1, "search")
    nowhere = replace(results, replicates=table[table["phase"] != "confirm"])
    with pytest.raises(ConfigError, match="not both confirmed; allowed: none of the cells"):
        why(nowhere, 1, "search")
    assert of_gains(gains(nowhere)).verdicts == {}


def test_the_largest_win_and_loss_of_a_search_come_first() -> None:
    def plan(cell: Mapping[str, object], _policy: str, is_tuned: bool) -> Truth:
        speeds = {0.2: 50_000, 0.5: 60_000, 0.8: 90_000, 1.0: 30_000}
        return Truth(speed=speeds[float(str(cell["anon_share"]))] if is_tuned else 50_000)

    found = planted(plan, axes=AXES | {"w_alloc_milli": [0]}, policies=["inline"])
    agenda = of_gains(gains(found))
    assert list(agenda.verdicts) == [("search", cell) for cell in (2, 3, 0, 1)]
    assert [verdict.finding for verdict in agenda.verdicts.values()] == ["win", "loss", "tie", "win"]
    assert agenda.must == 2
    assert agenda.notes["search", 2].startswith("Unlike the defaults, ")


def test_the_replicate_shown_is_one_in_which_they_differ() -> None:
    alive, dead = arm("a", (False, False, False), (9.0, 8.0, 7.0)), arm("b", (False, True, False), (5.0, 0.1, 5.0))
    assert telling([alive, dead]) == 1
    assert telling([arm("a", (False,) * 3, (9.0, 5.0, 7.0)), arm("b", (False,) * 3, (5.0, 5.0, 5.0))]) == 2, "the median of the ratios"


def test_the_best_the_worst_and_those_asked_for() -> None:
    def plan(_cell: Mapping[str, object], policy: str, _tuned: bool) -> Truth:
        return {"inline": Truth(speed=50_000), "postponed": Truth(oom=1.0, speed=90_000), "flusher_only": Truth(speed=60_000)}[policy]

    found = ranked(planted(plan), 0, "tuned")
    assert [arm.policy for arm in found] == ["flusher_only", "inline", "postponed"]
    assert [arm.policy for arm in extremes(found)] == ["flusher_only", "postponed"]
    assert [arm.policy for arm in extremes(found, ["inline"])] == ["flusher_only", "inline", "postponed"]
    assert cell_of(planted(plan), "1")[0] == cell_of(planted(plan), "anon_share=0.2 w_alloc_milli=1000")[0] == 1


def cliff(cell: Mapping[str, object], policy: str, _tuned: bool) -> Truth:
    if policy == "postponed":
        return Truth(oom=1.0 if float(str(cell["anon_share"])) >= 0.8 else 0.0, speed=70_000)
    return Truth(oom=1.0 if policy == "inline" and cell["w_alloc_milli"] == 1000 else 0.0)


def test_a_cliff_runs_where_half_of_the_runs_die() -> None:
    """The challenger dies from 0.8 on, the baseline in the top row."""
    drawn = build_map(planted(cliff, axes=AXES))
    edges = {(edge.side, edge.row, edge.column, edge.upward) for edge in cliffs(drawn.layout.facets[0], drawn.verdicts["tuned"])}
    assert edges == {(0, row, 1, False) for row in range(3)} | {(1, 1, column, True) for column in range(4)}
    text = page(drawn)
    assert text.count('<i class="cliff a-right">') == 2 * 3
    assert text.count('<i class="cliff b-top">') == 2 * 4
    assert "postponed: half of the runs out of memory" in text
    assert "cliff a-" not in page(build_map(planted(axes=AXES)))


def test_the_boundary_and_the_extremes_come_first() -> None:
    drawn = build_map(planted(cliff, axes=AXES))
    found = boundary_cells(drawn.grid, drawn.verdicts["tuned"])
    where = {cell: tuple(place) for cell, place in zip(drawn.grid.cells, drawn.grid.positions.tolist(), strict=True)}
    assert {where[cell] for cell in found} == {(x, y) for x in range(4) for y in range(3) if x in (1, 2) or y in (1, 2)}
    agenda = of_map(drawn)
    keys = list(agenda.verdicts)
    assert len(keys) == 2 * 12
    assert {("tuned", cell) for cell in found} <= set(keys[: agenda.must])
    assert {agenda.verdicts[key].finding for key in keys[:2]} == {"win", "loss"}


def test_a_legend_of_a_time_line_leaves_its_title_readable(directory: Path, results: Results) -> None:
    """With everything that can be in it: a fatal moment, the reserve in use, four kinds of waiting pages."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from sweep.figures.drawing import figure
    from sweep.timepicture import LAYOUT, PANELS, panels, scales

    line = why(results, 1, "default").sides[-1].line
    full = dict.fromkeys(("nr_dirty", "nr_writeback", "nr_laundry", "held", "below_min"), line.columns["nr_free"])
    crowded = replace(line, columns=line.columns | full)
    drawn = figure(*PANELS)
    drawn.subplots_adjust(**LAYOUT)
    axes = list(drawn.subplots(3, 1, height_ratios=[3, 2, 1.3]))
    panels(axes, crowded, scales([crowded]))
    canvas = FigureCanvasAgg(drawn)
    canvas.draw()
    for place in axes:
        title = place._left_title.get_window_extent(canvas.get_renderer())
        legend = place.get_legend().get_window_extent(canvas.get_renderer())
        assert not title.overlaps(legend), place.get_title(loc="left")
