"""The thread's own load, as shipped: 256 MB of anonymous memory written cyclically on 128 MB (P. Zijlstra, 21 August 2007)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core import Machine, policies, simulate
from sweep import workloads
from sweep.compare import RowResult, compare
from sweep.fields import build
from sweep.library import config_file
from sweep.scenario import load_scenario
from sweep.yamlfile import load_mapping

CONFIGS = Path(__file__).parents[2] / "configs"
SEEDS = 6


@pytest.fixture(scope="module")
def w1() -> dict[str, RowResult]:
    """The shipped scenario with half of its seeds."""
    scenario = replace(load_scenario(config_file("w1", "scenario")), seeds=SEEDS)
    return {result.row.name: result for result in compare(scenario)}


def test_the_scenario_is_as_it_expects(w1: dict[str, RowResult]) -> None:
    assert {name: list(result.failures()) for name, result in w1.items()} == {name: [] for name in w1}


@pytest.mark.parametrize("policy", ["inline", "flusher_only"])
def test_the_vm_of_then_and_of_now_survive_w1(w1: dict[str, RowResult], policy: str) -> None:
    assert w1[policy].count("killed") == w1[policy].count("deadlock") == 0
    assert min(w1[policy].values("pswpout")) > 10_000
    assert min(w1[policy].values("time_to_low_ns")) > 0


def test_postponed_laundering_is_killed_on_w1_at_once(w1: dict[str, RowResult]) -> None:
    """ "Almost insta-OOMs": before the first lap is done and about a second after the low watermark."""
    killed = w1["postponed"]
    assert set(killed.values("oom_kills")) == {1}
    assert max(killed.values("ops_done")) < 65_536
    assert max(killed.values("killed_after_low_s")) < 1.2
    assert min(killed.values("laundry_max")) > 25_000, "6/7 of the LRU is what it takes to look hopeless"


def test_a_supply_of_clean_file_pages_keeps_it_alive(w1: dict[str, RowResult]) -> None:
    alive = w1["postponed, clean file"]
    assert alive.count("killed") == alive.count("deadlock") == 0
    assert min(alive.values("ops_done")) > 65_536, "it has begun its second lap and swaps in what it swapped out"
    assert min(alive.values("pswpin")) > 0


@pytest.mark.parametrize("ablation", ["launder_keeps_memalloc", "launder_each_priority"])
def test_on_a_bare_disk_neither_ablation_saves_w1(ablation: str) -> None:
    """A disk whose writes need no memory: not PF_MEMALLOC kills the load but the pages missing from the LRU, also if kswapd launders more often."""
    machine = build(Machine, load_mapping(CONFIGS / "machines" / "pc-2007-128m.yaml"))
    path = CONFIGS / "workloads" / "w1-zijlstra.yaml"
    streams = workloads.compile_streams(workloads.load(load_mapping(path), path), machine, 1)
    assert simulate(machine, policies.load("postponed"), {ablation: 1}, streams).oom
