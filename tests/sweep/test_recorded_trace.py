"""The recorded program on machines with less and less RAM: the same work, with more refaults, more stalls, more time."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from core import Machine, Outcome, policies, simulate
from sweep import workloads
from sweep.fields import build
from sweep.yamlfile import load_mapping

CONFIGS = Path(__file__).parents[2] / "configs"
RAM_MIB = (48, 64, 96, 128)


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """One run of the whole program for each size of RAM."""
    pc = build(Machine, load_mapping(CONFIGS / "machines" / "pc-2007-128m.yaml"))
    path = CONFIGS / "workloads" / "sqlite.yaml"
    workload = workloads.load({**load_mapping(path), "repeat": False, "duration_s": 3600}, path)
    policy = policies.load("inline")
    machines = [replace(pc, ram_mib=ram) for ram in RAM_MIB]
    streams = workloads.compile_streams(workload, pc, 2007)
    return [simulate(machine, policy, policy.resolve(machine, {}), streams) for machine in machines]


def test_it_does_the_same_work_whatever_the_ram(outcomes: list[Outcome]) -> None:
    assert len({outcome.ops_done for outcome in outcomes}) == 1
    assert not any(outcome.oom for outcome in outcomes)


def test_less_ram_means_more_refaults_more_stalls_and_a_longer_run(outcomes: list[Outcome]) -> None:
    for less, more in itertools.pairwise(outcomes):
        assert refaults(less) > refaults(more)
        assert less.stall_ns_total > more.stall_ns_total
        assert less.elapsed_ns > more.elapsed_ns


def test_with_enough_ram_nothing_is_read_twice(outcomes: list[Outcome]) -> None:
    assert refaults(outcomes[-1]) == 0


def refaults(outcome: Outcome) -> int:
    return outcome.workingset_refault_anon + outcome.workingset_refault_file
