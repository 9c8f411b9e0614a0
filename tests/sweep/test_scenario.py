"""Scenarios: rows take what the file says for all, and every mistake is one line that names file, key, value and what is allowed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sweep.errors import ConfigError
from sweep.library import config_file, shipped_files
from sweep.measure import COMPUTED
from sweep.plan import load_plan
from sweep.scenario import is_scenario, load_scenario
from tests import tinyscenario, tinysweep


@pytest.mark.parametrize("path", shipped_files("scenario"), ids=lambda path: path.stem)
def test_a_shipped_scenario_loads_and_says_what_it_shows(path: Path) -> None:
    scenario = load_scenario(path)
    assert scenario.name == path.stem
    assert scenario.title
    assert config_file(path.stem, "scenario") == path
    assert all(row.expect for row in scenario.rows), "a claim that is shipped is checked"


def test_the_documented_scenario_loads(tmp_path: Path) -> None:
    page = (tinysweep.REPOSITORY / "docs" / "scenarios.md").read_text()
    example, missed = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert load_scenario(tinyscenario.write(tmp_path, example)).extent == "2 rows, 24 simulations"
    with_a_miss = example.replace("    expect: {killed: none}\n", missed, 1)
    assert load_scenario(tinyscenario.write(tmp_path, with_a_miss)).rows[0].missed
    assert {name for name in COMPUTED if f"| `{name}` |" in page} == set(COMPUTED)


def test_a_bare_name_means_one_file() -> None:
    assert not {path.stem for path in shipped_files("sweep")} & {path.stem for path in shipped_files("scenario")}


def test_a_scenario_is_told_from_a_sweep(tmp_path: Path) -> None:
    scenario = tinyscenario.write(tmp_path)
    sweep = tinysweep.write(tmp_path, name="sweep.yaml")
    assert is_scenario(scenario)
    assert not is_scenario(sweep)
    assert load_scenario(scenario).extent == "4 rows, 12 simulations"
    with pytest.raises(ConfigError, match=r"unknown key; allowed: axes, "):
        load_plan(scenario)


def test_a_row_replaces_what_the_file_says_for_all(tmp_path: Path) -> None:
    inline, postponed, slow, mix = load_scenario(tinyscenario.write(tmp_path)).rows
    assert inline.cell.key == postponed.cell.key, "the same machine and workload"
    assert (inline.cell.machine.swap.write_mb_s, slow.cell.machine.swap.write_mb_s) == (50, 5)
    assert [row.cell.workload.kind for row in (inline, slow, mix)] == ["cyclic", "cyclic", "mix"]
    assert {row.cell.machine.swap.nr_requests for row in (inline, postponed, slow, mix)} == {64}
    assert [row.baseline for row in (inline, slow, mix)] == ["inline", "inline", "mix"]
    assert dict(slow.params) == {"min_free_kbytes": 400}


def test_a_setting_of_the_command_line_goes_over_the_file(tmp_path: Path) -> None:
    path = tinyscenario.write(tmp_path)
    scenario = load_scenario(path, ["machine.cpus=1", "seeds=5", "rows.2.params.min_free_kbytes=500"])
    assert {row.cell.machine.cpus for row in scenario.rows} == {1}
    assert scenario.seeds == 5
    assert dict(scenario.rows[2].params) == {"min_free_kbytes": 500}


def test_rows_are_chosen_by_name_or_first_word_and_bring_their_baselines(tmp_path: Path) -> None:
    scenario = load_scenario(tinyscenario.write(tmp_path))
    assert [row.name for row in scenario.only(["W1 slow"]).rows] == ["inline", "W1 slow"]
    assert [row.name for row in scenario.only(["mix", "inline"]).rows] == ["inline", "mix"]
    assert [row.name for row in scenario.only(["mix"]).rows] == ["mix"]
    with pytest.raises(ConfigError, match=r"^--row: W1; allowed: W1 postponed, W1 slow$"):
        scenario.only(["W1"])
    with pytest.raises(ConfigError, match=r"^--row: W2; allowed: inline, W1 postponed, W1 slow, mix$"):
        scenario.only(["W2"])


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("policy: postponed", "policy: prompt", "rows[1].policy: prompt; allowed: "),
        ("min_free_kbytes: 400", "min_free: 400", "rows[2].params.min_free: unknown tunable of policy inline; allowed: "),
        ("min_free_kbytes: 400", "min_free_kbytes: 5000", "rows[2].params.min_free_kbytes: 5000; allowed: at most half of RAM, 4096"),
        ("min_free_kbytes: 400", "min_free_kbytes: true", "rows[2].params.min_free_kbytes: True; allowed: an integer"),
        ("name: W1 slow", "name: inline", "rows: 'inline' appears twice; allowed: each once"),
        ("name: W1 slow", 'name: " slow"', "rows[2].name:  slow; allowed: text matching"),
        ("baseline: inline", "baseline: outline", "baseline: outline; allowed: the name of a row: inline, W1 postponed"),
        ("baseline: mix", "baseline: max", "rows[3].baseline: max; allowed: the name of a row: inline, W1 postponed"),
        ("baseline: inline\n", "", "rows[0].expect.throughput: a ratio without baseline; allowed: "),
        ("ratios: [pswpout]", "ratios: [swapped]", "ratios[0]: swapped; allowed: killed, throughput, "),
        ("killed: all", "kild: all", "rows[1].expect.kild: kild; allowed: killed, throughput, "),
        ("killed: all", "killed: most", "rows[1].expect.killed: most; allowed: all, none, some, any (of the replicates), or [low, high]"),
        ("[null, 0.99]", "[0.5]", "rows[2].expect.pswpout: [0.5]; allowed: all, none, some, any"),
        ("[0, 1]", "[1, 0]", "rows[1].expect_median.killed_after_low_s: [1, 0]; allowed: low <= high"),
        ("[0, 1]", "all", "rows[1].expect_median.killed_after_low_s: all; allowed: [low, high] of the median"),
        ("seeds: 3", "seeds: 0", "seeds: 0; allowed: >= 1"),
        ("seeds: 3", "seed: 3", "seed: unknown key; allowed: baseline, machine, name, ratios, rows, seeds, "),
        ("machine.swap.write_mb_s", "machine.swap.write_mb", "machine.swap.write_mb: unknown key; allowed: "),
        ("workload: {kind: mix", "workload: {kind: max", "rows[3].workload.kind: max; allowed: crew, cyclic, mix, trace"),
        ("workload: {kind: cyclic, size_mib: 16, text_pages: 4, op_ns: 1000, duration_s: 1}\n", "", "rows[0].workload: missing; allowed: the name or the keys"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, old: str, new: str, problem: str) -> None:
    path = tinyscenario.write(tmp_path, tinyscenario.TINY.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_scenario(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: {problem}")
    assert line.isprintable()


def test_ratios_need_something_to_compare_with(tmp_path: Path) -> None:
    path = tinyscenario.write(tmp_path, "name: a\nratios: [pswpout]\nrows: [{name: b, policy: inline}]\n")
    with pytest.raises(ConfigError, match=r": ratios: no baseline; allowed: with the key baseline: the name of a row$"):
        load_scenario(path)
