"""Recommendations: only what the evidence carries, in a form that a kernel takes, and never more."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.arms import Arm
from sweep.candidates import Params
from sweep.errors import ConfigError
from sweep.evidence import gather, mean_effect
from sweep.intervals import clean_replicates
from sweep.objection import objection
from sweep.recommend import MAX_RETESTED, needed, recommend
from sweep.recommendation import Recommendation
from sweep.results import Results
from sweep.sysctl import KEYS, comment, parse, problem
from tests.planted import Plan, Truth, planted

FASTER = {True: Truth(speed=60_000), False: Truth(speed=50_000)}


def faster(_cell: Mapping[str, object], _policy: str, tuned: bool) -> Truth:
    return FASTER[tuned]


def one_cell(plan: Plan = faster, **kwargs: object) -> Results:
    return planted(plan, axes={}, points=("node",), **kwargs)  # type: ignore[arg-type]


def set_param(results: Results, name: str, tuned: int, default: int) -> Results:
    """The same sweep with one more tunable."""
    trials = results.trials.copy()
    trials[f"param:{name}"] = trials["is_best"].map({True: tuned, False: default}).astype("Int64")
    return replace(results, trials=trials)


def test_a_clear_gain_becomes_a_sysctl_file() -> None:
    found = recommend(one_cell(), cell="node")
    assert not found.keep_default
    assert parse(found.text) == {
        "vm.min_free_kbytes": "2848",
        "vm.dirty_ratio": "22",
        "vm.watermark_scale_factor": "90",
    }
    for words in ("+20 %", "OOM 0/8", "128 MiB RAM", "sysctl -w vm.min_free_kbytes=1448", "config sha256", "seed 2007"):
        assert words in " ".join(found.text.replace("\n#", " ").split()), words
    assert found.text.isascii()
    assert max(map(len, found.text.splitlines())) <= 110


def test_no_gain_keeps_the_default_and_sets_nothing() -> None:
    found = recommend(one_cell(lambda *_: Truth(), noise=0.02), cell=0)
    assert found.keep_default
    assert "not faster beyond the interval" in found.reason
    assert parse(found.text) == {}
    assert "keep the default for policy flusher_only" in found.text


def test_a_bound_that_eight_replicates_cannot_show_is_not_promised() -> None:
    found = recommend(one_cell(), cell=0, oom_bound=0.05)
    assert found.keep_default
    assert "only shows a rate below 31 %, and the bound is 5 %" in found.reason
    assert "5 % takes 59" in found.text
    enough = recommend(one_cell(confirm=clean_replicates(0.05)), cell=0, oom_bound=0.05)
    assert not enough.keep_default


def test_a_faster_setting_that_dies_is_refused() -> None:
    found = recommend(one_cell(lambda _c, _p, tuned: Truth(speed=80_000, oom=0.4) if tuned else Truth()), cell=0)
    assert found.keep_default
    assert "runs out of memory more often than the default" in found.reason


def test_a_setting_that_saves_the_machine_is_worth_it_without_a_comparison_of_speed() -> None:
    found = recommend(one_cell(lambda _c, _p, tuned: Truth(oom=0.0 if tuned else 1.0)), cell=0)
    assert not found.keep_default
    assert "fewer OOMs than kernel defaults" in found.text
    assert "OOM 0/8 (defaults 8/8)" in found.text


def test_kernels_of_2007_are_not_told_of_keys_they_lack() -> None:
    found = recommend(one_cell(), "inline", 0)
    assert {change.name for change in found.changes} == {"min_free_kbytes", "dirty_ratio"}
    assert "watermark_scale_factor" not in found.text


def test_what_no_sysctl_sets_is_not_smuggled_in() -> None:
    found = recommend(set_param(one_cell(), "reserve_kbytes", 512, 0), cell=0)
    assert found.keep_default
    assert "also needs reserve_kbytes = 512, which no sysctl sets" in found.reason
    same = recommend(set_param(one_cell(), "reserve_kbytes", 0, 0), cell=0)
    assert "No sysctls, simulated at their default: reserve_kbytes = 0." in same.text


def test_its_sysctls_alone_count_once_they_were_run() -> None:
    asked: list[Params] = []

    def retest(cell: int, policy: str, params: Params) -> Arm:
        asked.append(params)
        speed = 70_000.0 if dict(params)["min_free_kbytes"] > 1448 else 50_000.0
        n = 60
        speeds = tuple(speed * (1 + 0.001 * (i % 5)) for i in range(n))
        return Arm(cell, policy, -1, params, tuple(range(n)), ("s",) * n, (False,) * n, speeds)

    results = set_param(one_cell(), "reserve_kbytes", 512, 0)
    found = recommend(results, cell=0, oom_bound=0.05, retest=retest)
    assert not found.keep_default
    assert "+40 %" in found.text
    assert {dict(params)["reserve_kbytes"] for params in asked} == {0}


def test_a_tuned_best_without_a_sysctl_says_so() -> None:
    results = set_param(one_cell(), "reserve_kbytes", 512, 0)
    trials = results.trials.copy()
    for name in KEYS:
        if f"param:{name}" in trials:
            trials[f"param:{name}"] = trials.groupby("policy")[f"param:{name}"].transform("first")
    found = recommend(replace(results, trials=trials), cell=0)
    assert "differ from the defaults only in reserve_kbytes, which no sysctl sets" in found.reason


def test_a_retest_looks_at_few_settings_and_stops_at_the_first_cell_that_rules_one_out() -> None:
    results = planted(faster)
    trials = results.trials.copy()
    trials["param:min_free_kbytes"] += trials["cell"] * trials["is_best"].astype(int)  # six different settings
    ran: list[tuple[int, int]] = []

    def retest(cell: int, policy: str, params: Params) -> Arm:
        value = dict(params)["min_free_kbytes"]
        ran.append((cell, value))
        speed = 50_000.0 if value == 1448 else 70_000.0 if cell == 0 else 30_000.0
        return Arm(cell, policy, -1, params, tuple(range(20)), ("s",) * 20, (False,) * 20, (speed,) * 20)

    found = recommend(replace(results, trials=trials), retest=retest)
    assert found.keep_default
    assert found.n_candidates == MAX_RETESTED
    assert {cell for cell, _ in ran} == {0, 1}, "cells after the one that ruled it out cost nothing"
    assert len(ran) == 2 + 2 * MAX_RETESTED, "defaults are run once a cell"
    assert needed(results, "flusher_only", None, 0.05) == 59
    assert needed(replace(results, trials=trials), "flusher_only", None, 0.05) == clean_replicates(0.05, 1 - 0.05 / 4)


def test_a_setting_tuned_in_one_cell_says_nothing_about_others() -> None:
    results = planted(faster)
    trials = results.trials.copy()
    here = trials["is_best"] & (trials["cell"] == 0)
    trials.loc[here, "param:min_free_kbytes"] = 4000
    found = recommend(replace(results, trials=trials), oom_bound=0.5)
    assert found.keep_default
    assert "no setting was confirmed in all cells asked for" in found.reason


def test_one_setting_confirmed_in_all_cells_is_recommended_for_all() -> None:
    found = recommend(planted(faster))
    assert not found.keep_default
    assert len(found.evidence) == 6
    assert "all 6 cells together: throughput +20 %" in found.text


def test_one_cell_that_gets_slower_stops_it() -> None:
    def plan(cell: Mapping[str, object], _policy: str, tuned: bool) -> Truth:
        good = cell["anon_share"] != 0.8
        return Truth(speed=50_000 * (1.5 if good else 0.8) if tuned else 50_000)

    found = recommend(planted(plan))
    assert found.keep_default
    assert "slower than the default in anon_share=0.8" in found.reason


def test_cells_of_machines_of_different_size_are_not_mixed() -> None:
    results = planted(faster)
    cells = results.cells.copy()
    cells.loc[0, "machine"] = str(cells.loc[0, "machine"]).replace("128,", "64,")
    found = recommend(replace(results, cells=cells))
    assert found.keep_default
    assert "machines of 64, 128 MiB" in found.reason


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"policy": "nobody"}, "policy: nobody; allowed: inline, postponed, flusher_only"),
        ({"cell": 99}, "cell: 99; allowed: 0 to 0, or a label: node"),
        ({"oom_bound": 0.0}, "oom_bound: 0.0; allowed: above 0, below 1"),
        ({"goal": "luck"}, "goal: luck; allowed: worst, mean"),
    ],
)
def test_wrong_questions_get_one_line(kwargs: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        recommend(one_cell(), **kwargs)  # type: ignore[arg-type]


def test_values_outside_the_kernels_range_are_refused() -> None:
    assert problem("watermark_scale_factor", 3001, "6.12", 2**20) == "vm.watermark_scale_factor: 3001; allowed: 1 to 3000"
    assert "no such key in kernels of 2.6.23" in problem("watermark_scale_factor", 10, "2.6.23", 2**20)
    assert "allowed: 0 to 131072" in problem("min_free_kbytes", 200_000, "6.12", 131_072)
    assert "vm.swappiness: 150; allowed: 0 to 100" in problem("swappiness", 150, "2.6.23", 2**20)
    assert problem("swappiness", 150, "6.12", 2**20) == ""
    found = recommend(set_param(one_cell(), "min_free_kbytes", 10**6, 1448), cell=0)
    assert found.keep_default
    assert "vm.min_free_kbytes: 1000000; allowed: 0 to 131072" in found.reason


@given(st.text())
def test_no_text_can_leave_a_comment(text: str) -> None:
    written = comment([text, f"x\n{text}"])
    assert parse(written) == {}
    assert all(line.startswith("#") for line in written.splitlines())


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("; c\n# c\n\nvm.a = 1\n", {"vm.a": "1"}),
        ("-vm/a=1\nvm.a = 2", {"vm.a": "2"}),
    ],
)
def test_parse_follows_sysctl_d(text: str, parsed: dict[str, str]) -> None:
    assert parse(text) == parsed


def test_parse_names_the_bad_line() -> None:
    with pytest.raises(ValueError, match="line 2"):
        parse("vm.a = 1\nvm.b\n")


@st.composite
def arms_of_a_cell(draw: st.DrawFn, cell: int = 0) -> tuple[Arm, Arm]:
    n = draw(st.sampled_from([1, 3, 8, 20, 60]))
    shift = draw(st.sampled_from([0.0, 0.0, 0.02, 0.1, -0.1, 0.5]))
    noise = draw(st.sampled_from([0.0, 0.001, 0.05, 0.5]))
    chances = draw(st.tuples(*[st.sampled_from([0.0, 0.0, 0.1, 0.5, 1.0])] * 2))
    rng = draw(st.randoms(use_true_random=False))

    def arm(up: float, chance: float) -> Arm:
        speed = tuple(50_000 * 2.718 ** (up + noise * rng.uniform(-1, 1)) for _ in range(n))
        dies = tuple(rng.random() < chance for _ in range(n))
        return Arm(cell, "flusher_only", 1, (), tuple(range(n)), ("s",) * n, dies, speed)

    return arm(shift, chances[0]), arm(0.0, chances[1])


@settings(max_examples=200, deadline=None)
@given(st.lists(arms_of_a_cell(), min_size=1, max_size=4), st.sampled_from([0.05, 0.2, 0.35, 0.9]))
def test_nothing_is_recommended_against_the_evidence(cells: list[tuple[Arm, Arm]], bound: float) -> None:
    evidence = [gather(str(i), arm, default, 0.95) for i, (arm, default) in enumerate(cells)]
    against = objection(evidence, bound)
    overall = mean_effect(evidence)
    if against == "":
        assert all(e.upper <= bound for e in evidence)
        assert all(e.oom.count <= e.oom_default.count for e in evidence)
        saves = any(e.saves(len(evidence)) for e in evidence)
        assert saves or (overall is not None and overall.low > 0)
    if overall is not None and overall.low <= 0 and not any(e.saves() for e in evidence):
        assert against


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.5, 2), st.floats(0, 0.3), st.integers(1, 70), st.integers(0, 2**20))
def test_random_tables_give_safe_files(oom: float, oom_default: float, ratio: float, noise: float, confirm: int, seed: int) -> None:
    def plan(_cell: Mapping[str, object], _policy: str, tuned: bool) -> Truth:
        return Truth(oom, 50_000 * ratio) if tuned else Truth(oom_default, 50_000)

    results = one_cell(plan, noise=noise, confirm=confirm, seed=seed, policies=("inline", "flusher_only"), trials=2)
    found: Recommendation = recommend(results, cell=0)
    assigned = parse(found.text)
    assert found.keep_default == (assigned == {})
    for key, value in assigned.items():
        name = key.removeprefix("vm.")
        assert name in KEYS
        assert problem(name, int(value), "6.12", 128 * 1024) == ""
    if assigned:
        assert found.evidence[0].upper <= found.oom_bound
        effect = found.evidence[0].effect
        assert found.evidence[0].saves() or (effect is not None and effect.low > 0)


def test_it_never_opens_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    real = builtins.open

    def watched(file: object, *args: object, **kwargs: object) -> object:
        opened.append(str(file))
        return real(file, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(builtins, "open", watched)
    recommend(one_cell(), cell=0)
    assert not [path for path in opened if path.startswith("/proc")]
