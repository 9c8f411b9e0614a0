"""The systems of the mail of 22 August 2007 (S1 to S11) and the ground truths that are quick, each with two of its seeds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sweep.compare import compare
from sweep.library import config_file
from sweep.scenario import load_scenario

SEEDS = 2


@pytest.mark.parametrize("name", ["presets", "gt2", "gt3", "gt4"])
def test_every_row_is_as_expected(name: str) -> None:
    scenario = replace(load_scenario(config_file(name, "scenario")), seeds=SEEDS)
    results = compare(scenario)
    assert {result.row.name: list(result.failures()) for result in results if list(result.failures())} == {}
    assert len(results) == len(scenario.rows)


def test_every_preset_is_there_and_has_what_the_table_prints() -> None:
    scenario = replace(load_scenario(config_file("presets", "scenario")), seeds=1)
    assert {row.name.partition(" ")[0] for row in scenario.rows} == {f"S{number}" for number in range(1, 12)}
    for result in compare(scenario):
        for measure in ("killed", "deadlock", "throughput", "nr_free_min_seen", "reserve_per_freed"):
            assert all(value is not None and value >= 0 for value in result.values(measure)), (result.row.name, measure)
