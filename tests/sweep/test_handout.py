"""What an administrator takes away reads back by the rules of those who read it, and says what it costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core import Machine
from core.watermark import ERA_6_12
from sweep.arms import Arm
from sweep.fields import build
from sweep.handout import write_handout
from sweep.library import load_named
from sweep.price import held, price_text
from sweep.recommend import recommend
from sweep.region import Step, downwards, reach, upwards
from sweep.sysctl import parse, problem
from sweep.tuned import PAIRS, profile, read
from tests.planted import Truth, planted
from tests.sweep import readers

CLIFF = 12_000  # kB of min_free_kbytes, from there on runs die


def sweep_with_a_gain():
    return planted(lambda _c, _p, tuned: Truth(speed=60_000 if tuned else 50_000), axes={}, points=["node"])


def retest(cell, policy, params):
    value = dict(params)["min_free_kbytes"]
    speed = 70_000.0 if value > 1448 else 50_000.0
    n = 60
    speeds = tuple(speed * (1 + 0.001 * (i % 5)) for i in range(n))
    return Arm(cell, policy, -1, params, tuple(range(n)), ("s",) * n, tuple(value >= CLIFF and i % 2 == 0 for i in range(n)), speeds)


@pytest.fixture(scope="module")
def found():
    return recommend(sweep_with_a_gain(), cell="node", oom_bound=0.05, retest=retest, has_region=True)


def test_the_files_set_the_same_and_the_undo_sets_it_back(found, tmp_path):
    results = sweep_with_a_gain()
    paths = {path.name: path.read_text(encoding="utf-8") for path in write_handout(results, found, tmp_path / "out")}
    assert set(paths) == {"card.md", "80-highwater-planted.conf", "80-highwater-planted.undo", "tuned.conf"}
    wanted = {f"vm.{change.name}": str(change.value) for change in found.changes}
    assert parse(paths["80-highwater-planted.conf"]) == read(paths["tuned.conf"]) == wanted
    assert parse(paths["80-highwater-planted.undo"]) == {f"vm.{change.name}": str(change.default) for change in found.changes}
    assert "| `vm.min_free_kbytes` | 2848 | 1448 |" in paths["card.md"]


def test_the_files_read_by_the_rules_of_systemd_sysctl_and_tuned(found, tmp_path):
    out = tmp_path / "90-highwater.conf"
    paths = {path.name: path.read_text(encoding="utf-8") for path in write_handout(sweep_with_a_gain(), found, out)}
    assert set(paths) == {"90-highwater.conf", "90-highwater.undo", "90-highwater.md", "tuned.conf"}
    wanted = {change.name: change.value for change in found.changes}
    assert readers.systemd_sysctl(paths["90-highwater.conf"]) == {f"vm/{name}": str(value) for name, value in wanted.items()}
    assert readers.systemd_sysctl(paths["90-highwater.undo"]) == {f"vm/{change.name}": str(change.default) for change in found.changes}
    sections = readers.tuned(paths["tuned.conf"])
    assert set(sections) == {"main", "sysctl"}
    assert sections["sysctl"] == {f"vm.{name}": str(value) for name, value in wanted.items()}
    for name, other in PAIRS.items():
        assert not (f"vm.{name}" in sections["sysctl"] and f"vm.{other}" in sections["sysctl"])
    for name, value in wanted.items():
        assert problem(name, value, "6.12", 128 << 10) == ""


def test_an_undo_restores_what_was_captured(found, tmp_path):
    captured = replace(found, present=(("min_free_kbytes", 5000),))
    write_handout(sweep_with_a_gain(), captured, tmp_path / "x.conf")
    undo = readers.systemd_sysctl((tmp_path / "x.undo").read_text())
    assert undo["vm/min_free_kbytes"] == "5000"
    assert undo["vm/dirty_ratio"] == "20"


def test_ranges_follow_the_version_of_the_kernel():
    assert problem("swappiness", 150, "6.1", 1 << 20, (5, 4)) == "vm.swappiness: 150; allowed: 0 to 100"
    assert problem("swappiness", 150, "6.1", 1 << 20, (5, 8)) == ""
    assert problem("watermark_scale_factor", 2000, "6.12", 1 << 20, (5, 10)) == "vm.watermark_scale_factor: 2000; allowed: 1 to 1000"
    assert problem("watermark_scale_factor", 20, "6.12", 1 << 20, (4, 4)) == "vm.watermark_scale_factor: no such key before 4.6"


def test_keeping_the_default_still_gives_the_file_that_was_asked_for(tmp_path):
    found = recommend(planted(axes={}, points=["node"], noise=0.02), cell="node")
    names = [path.name for path in write_handout(sweep_with_a_gain(), found, tmp_path / "90.conf")]
    assert names == ["90.md", "90.conf"]
    assert readers.systemd_sysctl((tmp_path / "90.conf").read_text()) == {}


def test_keeping_the_default_is_a_card_alone(tmp_path):
    found = recommend(planted(axes={}, points=["node"], noise=0.02), cell="node")
    assert [path.name for path in write_handout(sweep_with_a_gain(), found, tmp_path)] == ["card.md"]
    assert "## Keep the default" in (tmp_path / "card.md").read_text(encoding="utf-8")


def test_the_cliff_is_found_and_named(found):
    (reached,) = [one for one in found.region if one.name == "min_free_kbytes"]
    assert (reached.low, reached.high) == (356, 11392)  # less is no faster than the default, but not slower either
    assert reached.above == Step(22784, 30, 60, reached.above.objection)
    assert "at 22784 (8 times more) 30 of 60 runs out of memory" in found.text.replace("\n#     ", " ").replace("\n# ", " ")


def test_a_walk_ends_at_the_first_step_that_is_not_safe():
    ran = []

    def run(name, value):
        ran.append(value)
        return Step(value, 3, 12, "it dies") if value < 30 else Step(value, 0, 12, "")

    found = reach("swappiness", 60, (0, 200), run)
    assert (found.low, found.high, found.below.value, found.above) == (30, 200, 15, None)
    assert ran == [30, 15, 120, 200]
    assert found.text == "vm.swappiness = 60: safe from 30 to 200; at 15 (4 times less) 3 of 12 runs out of memory; no limit found above"


def test_steps_stop_at_the_kernels_limits():
    assert downwards(60, 0) == (30, 15, 7)
    assert downwards(0, 0) == ()
    assert upwards(60, 100) == (100,)
    assert upwards(0, 200) == (2, 4, 8)


def test_the_price_is_what_kswapd_keeps_free():
    machine = build(Machine, load_named("machine", "pc-2007-128m", Path("x.yaml"))[0] | {"ram_mib": 1024})
    before, after = (held(machine, ERA_6_12, {"min_free_kbytes": 4096, "watermark_scale_factor": factor}) for factor in (10, 200))
    assert before.min == after.min
    assert after.high - before.high == pytest.approx(2 * 1024 * 1024 * 190 // 10000, abs=16)
    assert "% of RAM) than with the defaults" in price_text(before, after, 1024)
    assert price_text(before, before, 1024) == "Price: none, the watermarks stay where they are."


def test_a_profile_reads_back_as_tuned_reads_it_and_never_holds_both_keys_of_a_pair():
    text = profile("a # b", [("dirty_ratio", 5), ("swappiness", 10)], ["notes [main]", "x=1"])
    assert read(text) == {"vm.dirty_ratio": "5", "vm.swappiness": "10"}
    with pytest.raises(ValueError, match="dirty_ratio and dirty_bytes: allowed: one of them"):
        profile("s", [("dirty_ratio", 5), ("dirty_bytes", 10)], [])
    with pytest.raises(ValueError, match="no section headers"):
        read("vm.a=1\n")


def test_without_fresh_runs_there_is_no_region():
    assert recommend(replace(sweep_with_a_gain()), cell="node", has_region=True).region == ()
