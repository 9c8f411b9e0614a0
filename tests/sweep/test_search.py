"""Search: a batch follows from its seed and what is remembered, for every sampler, and stays inside its ranges."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

import pytest

from core import Device, Machine, policies
from sweep.config import Search
from sweep.history import Past, Score
from sweep.search import ask
from sweep.space import Dimension, Space
from tests.tinysweep import REPOSITORY

DISK = Device("sda", 50, 50, 100_000)
MACHINE = Machine("box", 128, 2, 256, DISK, DISK)
DIMENSIONS = (Dimension("min_free_kbytes", 200, 2000, True), Dimension("dirty_ratio", 10, 80, False))
SPACE = Space(policies.load("inline"), MACHINE, DIMENSIONS)
CMAES = pytest.param("cmaes", marks=pytest.mark.skipif(find_spec("cmaes") is None, reason="pip install cmaes"))
SAMPLERS = ("tpe", "random", "qmc", "nsga2", CMAES)


def searching(sampler: str, **keys: object) -> Search:
    objectives = ["throughput"] if sampler == "cmaes" else ["oom_rate", "throughput"]
    return Search.model_validate({"sampler": sampler, "batch": 6, "trials": 200, "objectives": objectives, **keys}, strict=False)


def score(trial: int, params: Mapping[str, int]) -> Score:
    """An objective with a best point: large reserve, small dirty ratio."""
    oom = 1.0 if params["min_free_kbytes"] < 500 else 0.0
    return Score(trial, tuple(params.items()), oom, 1000.0 - params["dirty_ratio"])


def searched(sampler: str, batches: int, seed: int = 7, **keys: object) -> list[dict[str, int]]:
    search = searching(sampler, **keys)
    past = Past()
    asked: list[dict[str, int]] = []
    for batch in range(batches):
        for params in ask(search, SPACE, past, seed, batch, 6):
            asked.append(params)
            past = past.plus(score(past.count, params), (), search)
    return asked


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_asks_the_same(sampler: str) -> None:
    first = searched(sampler, 3)
    assert first == searched(sampler, 3)
    assert first != searched(sampler, 3, seed=8)
    assert all(d.holds(params[d.name]) for params in first for d in DIMENSIONS)
    assert len({tuple(params.values()) for params in first}) > 12


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", CMAES])
def test_a_search_learns(sampler: str) -> None:
    asked = searched(sampler, 8)
    assert sum(p["dirty_ratio"] for p in asked[30:]) / 18 < sum(p["dirty_ratio"] for p in asked[:18]) / 18 - 5


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_a_search_learns_from_what_it_remembers_alone(sampler: str) -> None:
    asked = [params["dirty_ratio"] for seed in range(4) for params in searched(sampler, 20, seed, history=32)[96:]]
    assert sum(asked) / len(asked) < 40, "45 without learning"


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", CMAES])
def test_a_constraint_is_learned(sampler: str) -> None:
    """The fastest settings run out of memory; asked for speed among those that do not, a search goes elsewhere."""
    search = searching(sampler, objectives=["throughput"], constraints={"oom_rate": 0.0})
    past = Past()
    kept = []
    for batch in range(16):
        for params in ask(search, SPACE, past, 3, batch, 6):
            low = params["min_free_kbytes"] < 1000
            kept.append(not low)
            past = past.plus(Score(past.count, tuple(params.items()), float(low), 3000.0 - params["min_free_kbytes"]), (), search)
    assert sum(kept[48:]) > 20, "14 without learning"
    assert past.best is not None
    assert past.best.oom_rate == 0
    assert dict(past.best.params)["min_free_kbytes"] < 1060


def test_a_sobol_sequence_goes_on_where_it_was() -> None:
    search = Search.model_validate({"sampler": "qmc", "batch": 5})
    whole = ask(search, SPACE, Past(), 1, 0, 8)
    past = Past()
    for number, params in enumerate(whole[:5]):
        past = past.plus(score(number, params), (), search)
    assert past.held == ()
    assert whole[5:] == ask(search, SPACE, past, 1, 1, 3)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_defaults_outside_the_searched_ranges_are_no_error(sampler: str) -> None:
    search = searching(sampler)
    past = Past().plus(Score(0, (("min_free_kbytes", 100), ("dirty_ratio", 10)), 0.0, 1.0), (), search)
    assert len(ask(search, SPACE, past, 1, 0, 3)) == 3


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_range_of_one_value_is_searched_too(sampler: str) -> None:
    search = searching(sampler)
    space = Space(policies.load("inline"), MACHINE, (Dimension("dirty_ratio", 30, 30, False),))
    past = Past()
    for number in range(8):
        past = past.plus(Score(number, (("dirty_ratio", 30),), 0.0, 1.0), (), search)
    assert ask(search, space, Past(), 1, 0, 2) == [{"dirty_ratio": 30}] * 2
    assert ask(search, space, past, 1, 1, 2) == [{"dirty_ratio": 30}] * 2


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_nothing_is_run_twice_while_there_is_something_new(sampler: str) -> None:
    """Equal params on equal streams would give equal results: a wasted trial."""
    asked = searched(sampler, 12)
    assert len({tuple(sorted(params.items())) for params in asked}) == len(asked)


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", CMAES])
def test_what_was_given_up_is_not_taken_for_finished(sampler: str) -> None:
    """With nothing but trials that were given up there is nothing to learn from, and no error."""
    search = searching(sampler)
    past = Past()
    for number in range(12):
        one = Score(number, (("min_free_kbytes", 200 + number), ("dirty_ratio", 20)), 1.0, 0.0, is_stopped=True)
        past = past.plus(one, (), search)
    assert len(ask(search, SPACE, past, 1, 2, 6)) == 6


def test_the_page_about_search_names_every_key() -> None:
    page = (REPOSITORY / "docs" / "search.md").read_text()
    table = page[: page.index("## What is asked")]
    assert [name for name in Search.model_fields if f"`{name}`" not in table] == []
