"""Plans: every sweep of the repository has one, and every mistake is one line that names file, key, value and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweep.errors import ConfigError
from sweep.library import shipped, sweep_file
from sweep.plan import load_plan, load_plans
from tests import tinysweep

BAD = sorted((Path(__file__).parent / "configs" / "bad").glob("*.yaml"))
SHIPPED = sorted((shipped() / "sweeps").glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_sweep_has_a_plan(path: Path) -> None:
    for plan in load_plans(path):
        assert plan.sweep.name.partition("-")[0] == path.stem
        assert len(plan.studies) == len(plan.cells) * len(plan.sweep.policies)
        assert len({cell.label for cell in plan.cells}) == len(plan.cells)
    assert sweep_file(path.stem) == path


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_sweep_is_refused_for_its_reason(path: Path) -> None:
    expected = path.read_text().splitlines()[0].removeprefix("# error: ")
    with pytest.raises(ConfigError) as caught:
        load_plan(path)
    line = str(caught.value)
    assert line.startswith(f"{path}:")
    assert expected in line
    assert line.isprintable()


def test_there_are_bad_sweeps() -> None:
    assert len(BAD) > 20


def test_the_grid_comes_first_and_the_last_axis_runs_fastest(tmp_path: Path) -> None:
    axes = "axes:\n  - {name: swap, set: machine.swap_mib, values: [32, 64]}\n"
    plan = load_plan(tinysweep.write(tmp_path, tinysweep.TINY.replace("axes:\n", axes)))
    assert [cell.label for cell in plan.cells] == [
        "swap=32 anon_share=0.2",
        "swap=32 anon_share=0.8",
        "swap=64 anon_share=0.2",
        "swap=64 anon_share=0.8",
        "slow-swap",
    ]
    assert [cell.machine.swap_mib for cell in plan.cells] == [32, 32, 64, 64, 64]
    assert [cell.kind for cell in plan.cells] == ["grid"] * 4 + ["point"]
    assert plan.cells[4].machine.swap.write_mb_s == 5
    assert len({cell.key for cell in plan.cells}) == 5


def test_a_sweep_without_a_grid_is_its_points_or_one_cell(tmp_path: Path) -> None:
    text = tinysweep.TINY
    without_axes = text[: text.index("axes:")] + text[text.index("points:") :]
    plan = load_plan(tinysweep.write(tmp_path, without_axes))
    assert [cell.label for cell in plan.cells] == ["slow-swap"]
    alone = text[: text.index("axes:")] + text[text.index("search:") :]
    assert [cell.label for cell in load_plan(tinysweep.write(tmp_path, alone)).cells] == ["tiny"]


def test_a_whole_machine_or_workload_can_be_an_axis(tmp_path: Path) -> None:
    axes = "axes:\n  - {name: load, set: workload, values: [mix, w1-zijlstra]}\n"
    text = tinysweep.TINY.replace("axes:\n", axes).replace("  - {name: anon_share, set: workload.anon_share, values: [0.2, 0.8]}\n", "")
    cells = load_plan(tinysweep.write(tmp_path, text)).cells
    assert [cell.workload.kind for cell in cells[:2]] == ["mix", "cyclic"]


def test_values_of_the_sweep_hold_for_its_own_machine_and_workload(tmp_path: Path) -> None:
    text = tinysweep.TINY + "set: {workload.zipf: 0.5, machine.cpus: 1}\n"
    text = text.replace("points:\n", "points:\n  - {name: w1, workload: w1-zijlstra}\n")
    cells = load_plan(tinysweep.write(tmp_path, text)).cells
    assert [cell.machine.cpus for cell in cells] == [1] * 4
    assert [getattr(cell.workload, "zipf", None) for cell in cells] == [0.5, 0.5, None, 0.5]


def test_a_policy_searches_only_the_tunables_it_has(tmp_path: Path) -> None:
    text = tinysweep.TINY.replace("[inline, postponed]", "[inline, postponed, flusher_only]")
    text += "    watermark_scale_factor: {low: 10, high: 1000, log: true}\n"
    studies = load_plan(tinysweep.write(tmp_path, text)).studies
    spaces = {study.policy: [dimension.name for dimension in study.space] for study in studies}
    assert spaces["inline"] == spaces["postponed"] == ["min_free_kbytes", "dirty_ratio"]
    assert spaces["flusher_only"] == ["min_free_kbytes", "dirty_ratio", "watermark_scale_factor"]


def test_values_of_the_command_line_come_before_validation(tmp_path: Path) -> None:
    path = tinysweep.write(tmp_path)
    sets = ["search.trials=7", "axes.0.values=[0.5]", "machine.ram_mib=32", "policies=[postponed, inline]"]
    plan = load_plan(path, sets)
    assert plan.sweep.search.trials == 7
    assert plan.cells[0].label == "anon_share=0.5"
    assert plan.cells[0].machine.ram_mib == 32
    assert plan.studies[0].policy == "postponed"
    named = load_plan(path, ["machine=pc-2007-128m", "machine.cpus=1"]).cells[0].machine
    assert (named.name, named.cpus, named.ram_mib) == ("pc-2007-128m", 1, 128)


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("search.trials=many", "--set: search.trials: many; allowed: an integer"),
        ("search.trails=1", "--set: search.trails: unknown key; allowed: baselines, batch"),
        ("axes.0.values=[]", "--set: axes[0].values: []; allowed: at least 1 entries"),
        ("axes.7.values=[1]", "--set axes.7.values: 7 is not a key; allowed:"),
        ("search.trials", "--set: search.trials; allowed: key.path=value"),
        ("seed=[1", "--set seed:1: expected ',' or ']'"),
        ("name.x=1", "--set name.x: no such key; allowed:"),
    ],
)
def test_a_wrong_option_is_one_line(tmp_path: Path, option: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_plan(tinysweep.write(tmp_path), [option])
    assert problem in str(caught.value)


def test_the_identity_of_a_plan_is_what_it_computes(tmp_path: Path) -> None:
    path = tinysweep.write(tmp_path)
    same = tinysweep.write(tmp_path, "# a comment\n" + tinysweep.TINY, "same.yaml")
    assert load_plan(path).config_sha256 == load_plan(same).config_sha256
    for option in ("seed=2", "search.confirm=3", "machine.scan_ns=151", "workload.zipf=0.8"):
        assert load_plan(path, [option]).config_sha256 != load_plan(path).config_sha256, option


def test_what_a_named_machine_holds_is_part_of_the_identity(tmp_path: Path) -> None:
    path = tinysweep.write(tmp_path, tinysweep.TINY.replace("machine:\n", "machine: box\nold:\n"))
    text = tinysweep.TINY
    keys = text[text.index("machine:\n") + len("machine:\n") : text.index("workload:")]
    path.write_text(text.replace("machine:\n" + keys, "machine: box\n"))
    (tmp_path / "machines").mkdir()
    box = tmp_path / "machines" / "box.yaml"
    box.write_text(keys.replace("\n  ", "\n").removeprefix("  "))
    first = load_plan(path)
    assert first.cells[0].machine.name == "box"
    box.write_text(box.read_text().replace("cpus: 2", "cpus: 4"))
    assert load_plan(path).config_sha256 != first.config_sha256
    box.write_text(box.read_text() + "name: bax\n")
    with pytest.raises(ConfigError, match=r"box.yaml: name: bax; allowed: box, the name of the file"):
        load_plan(path)
    box.write_text("ram: 1\n")
    with pytest.raises(ConfigError, match=r"box.yaml: ram: unknown key; allowed: .*ram_mib"):
        load_plan(path)
