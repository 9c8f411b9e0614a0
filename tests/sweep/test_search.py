"""Search: a batch follows from its seed and the finished trials, for every sampler, and stays inside its ranges."""

from __future__ import annotations

import pytest

from sweep.config import Search
from sweep.search import Score, ask
from sweep.space import Dimension

SPACE = (Dimension("min_free_kbytes", 200, 2000, True), Dimension("dirty_ratio", 2, 80, False))
SAMPLERS = ("tpe", "random", "qmc", "nsga2")


def score(trial: int, params: dict[str, int]) -> Score:
    """An objective with a best point: large reserve, small dirty ratio."""
    oom = 1.0 if params["min_free_kbytes"] < 500 else 0.0
    return Score(trial, tuple(params.items()), oom, 1000.0 - params["dirty_ratio"])


def searched(sampler: str, batches: int, seed: int = 7) -> list[dict[str, int]]:
    search = Search.model_validate({"sampler": sampler, "batch": 6})
    history: list[Score] = []
    for batch in range(batches):
        for params in ask(search, SPACE, history[: 6 * batch], seed, batch, 6):
            history.append(score(len(history), params))
    return [dict(item.params) for item in history]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_asks_the_same(sampler: str) -> None:
    first = searched(sampler, 3)
    assert first == searched(sampler, 3)
    assert first != searched(sampler, 3, seed=8)
    assert all(d.holds(params[d.name]) for params in first for d in SPACE)
    assert len({tuple(params.values()) for params in first}) > 12


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_a_search_learns(sampler: str) -> None:
    asked = searched(sampler, 6)
    assert sum(p["dirty_ratio"] for p in asked[18:]) < sum(p["dirty_ratio"] for p in asked[:18])


def test_a_sobol_sequence_goes_on_where_it_was() -> None:
    search = Search.model_validate({"sampler": "qmc"})
    whole = ask(search, SPACE, [], 1, 0, 8)
    half = [score(number, params) for number, params in enumerate(whole[:5])]
    assert whole[5:] == ask(search, SPACE, half, 1, 1, 3)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_defaults_outside_the_searched_ranges_are_no_error(sampler: str) -> None:
    search = Search.model_validate({"sampler": sampler})
    defaults = Score(0, (("min_free_kbytes", 100), ("dirty_ratio", 10)), 0.0, 1.0)
    assert len(ask(search, SPACE, [defaults], 1, 0, 3)) == 3


def test_a_range_of_one_value_is_searched_too() -> None:
    for sampler in SAMPLERS:
        search = Search.model_validate({"sampler": sampler})
        assert ask(search, (Dimension("dirty_ratio", 5, 5, False),), [], 1, 0, 2) == [{"dirty_ratio": 5}] * 2
