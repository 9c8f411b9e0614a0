"""The thread's own load, as shipped: 256 MB of anonymous memory written cyclically on 128 MB (P. Zijlstra, 21 August 2007)."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import Machine, Outcome, policies, simulate
from core.units import SECOND
from sweep import workloads
from sweep.fields import build
from sweep.yamlfile import load_mapping

CONFIGS = Path(__file__).parents[2] / "configs"
SEEDS = range(6)


def outcomes(workload_name: str, policy_name: str) -> list[Outcome]:
    """One run for each seed at kernel defaults."""
    machine = build(Machine, load_mapping(CONFIGS / "machines" / "pc-2007-128m.yaml"))
    path = CONFIGS / "workloads" / f"{workload_name}.yaml"
    workload = workloads.load(load_mapping(path), path)
    policy = policies.load(policy_name)
    return [simulate(machine, policy, {}, workloads.compile_streams(workload, machine, seed)) for seed in SEEDS]


@pytest.mark.parametrize("policy", ["inline", "flusher_only"])
def test_the_vm_of_then_and_of_now_survive_w1(policy: str) -> None:
    for outcome in outcomes("w1-zijlstra", policy):
        assert not outcome.oom
        assert outcome.pswpout > 10_000
        assert outcome.time_to_low_ns > 0


def test_postponed_laundering_is_killed_on_w1_at_once() -> None:
    """ "Almost insta-OOMs": before the first lap is done and about a second after the low watermark."""
    for outcome in outcomes("w1-zijlstra", "postponed"):
        assert outcome.oom_kills == 1
        assert outcome.ops_done < 65_536
        assert outcome.time_to_first_oom_ns - outcome.time_to_low_ns < 1.2 * SECOND
        assert outcome.laundry_max > 25_000  # 6/7 of the LRU is what it takes to look hopeless


def test_a_supply_of_clean_file_pages_keeps_it_alive() -> None:
    for outcome in outcomes("w1-clean-file", "postponed"):
        assert not outcome.oom
        assert outcome.ops_done > 65_536  # it has begun its second lap and swaps in what it swapped out
        assert outcome.pswpin > 0


@pytest.mark.parametrize("ablation", ["launder_keeps_memalloc", "launder_each_priority"])
def test_on_a_bare_disk_neither_ablation_saves_w1(ablation: str) -> None:
    """A disk whose writes need no memory: not PF_MEMALLOC kills the load but the pages missing from the LRU, also if kswapd launders more often."""
    machine = build(Machine, load_mapping(CONFIGS / "machines" / "pc-2007-128m.yaml"))
    path = CONFIGS / "workloads" / "w1-zijlstra.yaml"
    streams = workloads.compile_streams(workloads.load(load_mapping(path), path), machine, 1)
    assert simulate(machine, policies.load("postponed"), {ablation: 1}, streams).oom
