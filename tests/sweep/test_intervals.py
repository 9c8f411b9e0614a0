"""Statistics: exactness, coverage, and power at the number of replicates that a sweep really has."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sweep.intervals import (
    clean_replicates,
    false_discovery,
    interval_text,
    paired_rate_p,
    paired_ratio,
    percent,
    rate,
    upper_rate,
)


def test_rate_is_clopper_pearson() -> None:
    found = rate(0, 8)
    assert (found.count, found.n, found.low) == (0, 8, 0.0)
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 8))
    assert str(rate(3, 8)) == "3/8"


def test_no_replicates_say_nothing() -> None:
    found = rate(0, 0)
    assert (found.low, found.high) == (0.0, 1.0)
    assert math.isnan(found.value)
    assert upper_rate(0, 0) == 1.0


def test_fifty_nine_clean_replicates_show_five_percent() -> None:
    assert clean_replicates(0.05) == 59
    assert upper_rate(0, 59) <= 0.05 < upper_rate(0, 58)


def test_eight_deaths_against_none_pass_a_map_of_twenty_cells() -> None:
    one_clear_cell_of_twenty = 0.05 / 20
    assert 2 * paired_rate_p(8, 0, 8) < one_clear_cell_of_twenty
    assert stats.binomtest(8, 8).pvalue > one_clear_cell_of_twenty, "McNemar's test could not"


def test_all_against_none_has_the_closed_form() -> None:
    for n in (4, 8, 12):
        assert paired_rate_p(n, 0, n) == pytest.approx(2 * 0.25**n)


@given(st.integers(1, 24).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(0, n))))
def test_rate_test_is_symmetric_and_never_worse_than_mcnemar(drawn: tuple[int, int, int]) -> None:
    n, first, second = drawn
    if first + second > n:
        return
    p = paired_rate_p(first, second, n)
    assert p == paired_rate_p(second, first, n)
    mcnemar = stats.binomtest(first, first + second).pvalue if first + second else 1.0
    assert 0 < p <= mcnemar * (1 + 1e-9)


@pytest.mark.parametrize("chance", [0.02, 0.1, 0.3, 0.5, 0.8])
@pytest.mark.parametrize("shared", [0.0, 0.5, 0.9])
def test_rate_test_keeps_its_level_for_any_rate_and_any_sharing(chance: float, shared: float) -> None:
    rng = np.random.default_rng(7)
    runs, n = 4000, 8
    common = rng.random((runs, n)) < chance
    own = rng.random((2, runs, n)) < chance
    take = rng.random((runs, n)) < shared
    first, second = np.where(take, common, own[0]), np.where(take, common, own[1])
    counts = zip((first & ~second).sum(axis=1), (second & ~first).sum(axis=1), strict=True)
    p = np.array([paired_rate_p(int(a), int(b), n) for a, b in counts])
    for level in (0.05, 0.01):
        assert (p <= level).mean() <= level + 3 * math.sqrt(level / runs)


def test_ratio_finds_thirty_percent() -> None:
    second = [100.0, 150.0, 90.0, 210.0, 130.0, 100.0, 80.0, 170.0]
    first = [1.3 * s * (1 + 0.002 * (-1) ** i) for i, s in enumerate(second)]
    effect = paired_ratio(first, second)
    assert effect is not None
    assert effect.low < 0.3 < effect.high
    assert effect.value == pytest.approx(0.3, abs=0.001)
    assert effect.p < 1e-9
    assert not effect.within(0.02)


def test_equal_differences_do_not_give_a_width_of_zero() -> None:
    effect = paired_ratio([100.01] * 8, [100.0] * 8)
    assert effect is not None
    assert effect.low < 0 < effect.high
    assert effect.within(0.02)


def test_ratio_needs_pairs_and_work_done() -> None:
    assert paired_ratio([1.0, 2.0], [1.0, 2.0]) is None
    assert paired_ratio([], []) is None
    assert paired_ratio([1.0, 2.0, 0.0], [1.0, 2.0, 3.0]) is None


@pytest.mark.parametrize("spread", ["normal", "heavy"])
def test_ratio_interval_covers(spread: str) -> None:
    rng = np.random.default_rng(3)
    runs, n, hits = 600, 8, 0
    for _ in range(runs):
        noise = rng.normal(0, 0.05, n) if spread == "normal" else 0.02 * rng.standard_t(3, n)
        effect = paired_ratio(np.exp(noise + 0.1).tolist(), [1.0] * n)
        assert effect is not None
        hits += effect.low <= math.expm1(0.1) <= effect.high
    assert hits / runs >= 0.92


def test_false_discovery_is_benjamini_hochberg() -> None:
    assert false_discovery([]) == ()
    assert false_discovery([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.04, 0.04))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.31, "+31 %"),
        (-0.004, "−0.4 %"),
        (0.0, "0 %"),
        (0.0995, "+10 %"),
        (-0.5, "−50 %"),
        (19.0, "×20"),
        (-0.0001, "0 %"),
    ],
)
def test_percent_reads_well(value: float, text: str) -> None:
    assert percent(value) == text


def test_interval_text_has_one_precision() -> None:
    assert interval_text(0.28, 0.34) == "28, 34"
    assert interval_text(-0.002, 0.004) == "−0.2, 0.4"
    assert interval_text(10.0, 20.0) == "×11, ×21"
