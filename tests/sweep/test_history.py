"""Histories: bounded, the same however they came about, and never without the best."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.config import Search
from sweep.history import Past, Score, best, crowding, elite, fronts, method

SEARCH = Search.model_validate({"trials": 1000, "batch": 4, "history": 16})
OUTCOMES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 20), st.booleans()), min_size=1, max_size=120)


def scores(outcomes: list[tuple[int, int, bool]]) -> list[Score]:
    return [Score(n, (("x", n),), oom / 4, float(speed), is_stopped=given_up) for n, (oom, speed, given_up) in enumerate(outcomes)]


def remembered(found: list[Score], search: Search = SEARCH) -> Past:
    past = Past()
    for one in found:
        past = past.plus(one, ((False, one.throughput),), search)
    return past


@given(OUTCOMES)
def test_a_history_is_bounded_and_holds_the_best_and_the_latest(outcomes: list[tuple[int, int, bool]]) -> None:
    found = scores(outcomes)
    past = remembered(found)
    assert past.count == len(found)
    assert len(past.held) <= 16 * 3 // 2 + 4
    assert past.held[-8:] == tuple(found[-8:])
    assert [one.trial for one in past.held] == sorted(one.trial for one in past.held)
    assert past.best == best(found)
    assert past.first == found[0]
    if not past.best.is_stopped:
        assert any(one.losses(SEARCH) == past.best.losses(SEARCH) and not one.is_stopped for one in past.held)
        assert past.bar == ((False, past.best.throughput),)


def test_what_is_sent_to_a_worker_does_not_grow_with_the_search() -> None:
    rng = np.random.default_rng(1)
    found = [Score(n, (("x", n),), float(rng.random()), float(rng.random())) for n in range(2000)]
    few, many = (len(pickle.dumps(remembered(found[:n]))) for n in (96, 2000))
    assert many < 1.5 * few


def test_samplers_that_do_not_learn_remember_nothing() -> None:
    for sampler in ("random", "qmc"):
        past = remembered(scores([(0, 3, False)] * 30), SEARCH.model_copy(update={"sampler": sampler}))
        assert past.held == ()
        assert past.best is not None
        assert past.best.trial == 0


def test_the_front_survives_and_is_thinned_out_where_it_is_crowded() -> None:
    front = [Score(n, (), n / 10, 100.0 * n) for n in range(11)]
    behind = [Score(20 + n, (), n / 10, 100.0 * n - 50) for n in range(11)]
    assert sorted(one.trial for one in elite([*behind, *front], 11, SEARCH)) == list(range(11))
    assert {0, 10} <= {one.trial for one in elite(front, 4, SEARCH)}, "the ends of the front stay"
    assert list(fronts([*front, *behind], SEARCH)[:11]) == [0] * 11


def test_constraints_come_before_objectives_and_what_was_given_up_comes_last() -> None:
    search = Search.model_validate({"objectives": ["throughput"], "constraints": {"oom_rate": 0.1}}, strict=False)
    fast, slow, given_up = Score(0, (), 0.5, 900.0), Score(1, (), 0.1, 100.0), Score(2, (), 0.0, 999.0, is_stopped=True)
    assert best([fast, slow, given_up], search).trial == 1
    assert list(fronts([given_up, fast, slow], search)) == [2, 1, 0]


def test_crowding_is_infinite_at_the_ends() -> None:
    distance = crowding(np.array([[0.0, 3.0], [1.0, 2.0], [1.1, 1.0], [3.0, 0.0]]))
    assert np.isinf(distance[[0, 3]]).all()
    assert distance[1] == pytest.approx(1.1 / 3 + 2 / 3)


def test_auto_goes_by_the_budget() -> None:
    auto = Search.model_validate({"sampler": "auto", "trials": 16, "batch": 8})
    assert method(auto, 3) == "qmc"
    assert method(auto.model_copy(update={"trials": 60}), 3) == "tpe"
    assert method(auto.model_copy(update={"sampler": "nsga2"}), 3) == "nsga2"
