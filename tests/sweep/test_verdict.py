"""Verdicts: clear cells are decided with eight replicates, unclear ones are not, and null maps stay quiet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from sweep.arms import Arm, arms, pairs
from sweep.errors import ConfigError, StoreError
from sweep.verdict import Verdict, compare, decided, judge, summary, verdicts
from tests.planted import Plan, Truth, planted, same

TWENTY = {"anon_share": [0.1, 0.3, 0.5, 0.7, 0.9], "w_alloc_milli": [0, 300, 600, 1000]}
FIRST = {"anon_share": 0.1, "w_alloc_milli": 0}


def only_in_first_cell(truth: Truth, policy: str = "postponed") -> Plan:
    def plan(cell: Mapping[str, object], who: str, tuned: bool) -> Truth:
        return truth if tuned and who == policy and all(cell[axis] == v for axis, v in FIRST.items()) else Truth()

    return plan


def judged(plan: Plan, **kwargs: object) -> tuple[Verdict, ...]:
    return verdicts(planted(plan, axes=TWENTY, **kwargs), "postponed", "inline")  # type: ignore[arg-type]


@pytest.mark.parametrize("confirm", [8, 10])
@pytest.mark.parametrize(
    ("truth", "policy", "finding", "reason"),
    [
        (Truth(oom=1.0), "inline", "win", "OOM 0/{n} vs {n}/{n}"),
        (Truth(oom=1.0), "postponed", "loss", "OOM {n}/{n} vs 0/{n}"),
        (Truth(speed=65_000), "postponed", "win", "throughput +3"),
        (Truth(speed=65_000), "inline", "loss", "throughput −2"),
    ],
)
def test_one_clear_cell_among_twenty_is_decided(truth: Truth, policy: str, finding: str, reason: str, confirm: int) -> None:
    found = judged(only_in_first_cell(truth, policy), confirm=confirm)
    assert found[0].finding == finding
    assert found[0].reason.startswith(reason.format(n=confirm))
    assert {v.finding for v in found[1:]} <= {"tie", "undecided"}


def test_equal_policies_tie_with_the_evidence_in_words() -> None:
    found = judged(same, noise=0.003)
    assert {v.finding for v in found} == {"tie"}
    assert found[0].reason.startswith("throughput within ±2 %")
    assert decided(found) == (20, 20)
    assert "postponed wins 0 and loses 0 of 20 cells against inline; 20 tie" in summary(found)


def test_four_pairs_are_too_few_for_a_tie() -> None:
    found = judged(same, noise=0.001, confirm=4)
    assert {v.finding for v in found} == {"undecided"}
    assert "4 pairs cannot show equal OOM rates" in found[0].reason


def test_a_difference_nobody_notices_is_a_tie_even_if_certain() -> None:
    found = judged(only_in_first_cell(Truth(speed=50_500)), noise=0.0005)
    assert found[0].effect is not None
    assert found[0].effect.low > 0
    assert found[0].finding == "tie"


def test_both_dying_everywhere_is_a_tie() -> None:
    found = judged(lambda *_: Truth(oom=1.0))
    assert {v.reason for v in found} == {"both fail: OOM 8/8 vs 8/8"}
    assert {v.finding for v in found} == {"tie"}


def test_faster_but_seen_to_die_more_often_is_undecided() -> None:
    found = judged(only_in_first_cell(Truth(oom=0.3, speed=70_000)), seed=2)
    first = found[0]
    assert 0 < first.oom[0].count < 5
    assert first.finding == "undecided"
    assert "but OOM" in first.reason


def test_noise_alone_is_undecided() -> None:
    found = judged(same, noise=0.2)
    assert {v.finding for v in found} == {"undecided"}
    assert "may be zero" in {v.reason.split(": ")[1] for v in found}


def test_no_confirm_replicates_is_undecided() -> None:
    results = planted()
    search_only = results.replicates[results.replicates["phase"] == "search"]
    found = verdicts(replace(results, replicates=search_only), "postponed", "inline")
    assert {v.reason for v in found} == {"no confirm replicates yet"}
    assert decided(found) == (0, 6)


def test_defaults_are_judged_apart_from_tuned_bests() -> None:
    def plan(_cell: Mapping[str, object], policy: str, tuned: bool) -> Truth:
        return Truth(oom=float(policy == "postponed" and not tuned))

    results = planted(plan)
    assert {v.finding for v in verdicts(results, "postponed", "inline", "default")} == {"loss"}
    assert "loss" not in {v.finding for v in verdicts(results, "postponed", "inline", "tuned")}


def test_swapping_the_policies_swaps_the_verdict() -> None:
    results = planted(only_in_first_cell(Truth(speed=70_000)), axes=TWENTY)
    swap = {"win": "loss", "loss": "win", "tie": "tie", "undecided": "undecided"}
    there = verdicts(results, "postponed", "inline")
    back = verdicts(results, "inline", "postponed")
    assert [swap[v.finding] for v in there] == [v.finding for v in back]


NULLS = ("quiet", "noisy", "deadly", "sometimes", "rare", "heavy tails", "skewed", "two humps")


def null_arm(rng: np.random.Generator, kind: str, cell: int, policy: str, common: np.ndarray, luck: np.ndarray) -> Arm:
    """An arm of a map in which the policies do not differ: the same law for each, half of the luck shared."""
    n = len(common)
    own = {
        "quiet": lambda: rng.normal(0, 0.005, n),
        "noisy": lambda: rng.normal(0, 0.2, n),
        "heavy tails": lambda: 0.02 * rng.standard_t(2, n),
        "skewed": lambda: 0.1 * rng.lognormal(0, 0.8, n),
        "two humps": lambda: 0.2 * rng.integers(0, 2, n) + rng.normal(0, 0.01, n),
    }.get(kind, lambda: rng.normal(0, 0.05, n))()
    chance = {"deadly": 0.5, "sometimes": 0.15, "rare": 0.03, "skewed": 0.1}.get(kind, 0.0)
    dies = np.where(rng.random(n) < 0.5, luck, rng.random(n)) < chance
    speed = np.exp(10 + common + own)
    return Arm(cell, policy, 1, (), tuple(range(n)), ("s",) * n, tuple(dies.tolist()), tuple(speed.tolist()))


@pytest.mark.parametrize("kind", NULLS)
def test_two_hundred_null_maps_rarely_show_a_win_or_a_loss(kind: str) -> None:
    maps, cells, n = 200, 20, 8
    rng = np.random.default_rng(2007)
    wrong = []
    for _ in range(maps):
        raw = []
        for cell in range(cells):
            common, luck = rng.normal(0, 0.3, n), rng.random(n)
            first, second = (null_arm(rng, kind, cell, policy, common, luck) for policy in ("postponed", "inline"))
            raw.append(compare(first, second, (cell, str(cell), "postponed", "inline", "tuned")))
        wrong.append(sum(v.finding in ("win", "loss") for v in judge(raw)))
    assert sum(wrong) / (maps * cells) < 0.05, "share of false verdicts"
    assert sum(w > 0 for w in wrong) / maps < 0.05 + 3 * 0.0154, "maps with any false verdict: 5 % and three standard errors"


def test_unknown_policy_is_named() -> None:
    with pytest.raises(ConfigError, match=r"policies: postpond; allowed: inline, postponed, flusher_only"):
        verdicts(planted(), "postpond", "inline")


def test_different_streams_are_never_compared() -> None:
    results = planted()
    results.replicates.loc[results.replicates["policy"] == "inline", "stream_digest"] = "f" * 64
    found = arms(results, "tuned")
    with pytest.raises(StoreError, match="ran different streams"):
        pairs(found[0, "postponed"], found[0, "inline"])
