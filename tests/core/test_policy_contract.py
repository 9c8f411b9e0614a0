"""What every policy must keep, whoever wrote it: one file in core/policies/ or in $HIGHWATER_POLICY_PATH, and these tests apply to it without an edit."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import Builder, Machine, Outcome, Policy, Streams, operations, policies, simulate
from core.decisions import ANSWERS, ARGUMENTS
from core.era import ERAS
from core.outcome import END_DEADLOCK, END_DONE, END_HORIZON, END_PANIC
from core.units import SECOND
from tests.core.random_case import random_device, random_machine, random_params, random_streams

pytestmark = pytest.mark.compiled

every_policy = pytest.mark.parametrize("policy", [policies.load(name) for name in policies.names()], ids=policies.names())

# What the arguments of decisions can be; all others are flags.
DOMAIN = {
    "priority": range(-1, 13),
    "when": range(3),
    "why": range(7),
    "gfp": range(64),
    "loops": range(40),
    "nr_laundry": (0, 1, 31, 32, 1000, 1 << 20),
    "free": (0, 1, 31, 32, 1000, 1 << 20),
    "half_min": (0, 1, 31, 32, 1000, 1 << 20),
}


def python_function(decision: object) -> object:
    return getattr(decision, "py_func", decision)


def arguments(decision: str, rng: np.random.Generator) -> list[int]:
    return [int(rng.choice(DOMAIN.get(name, range(2)))) for name in ARGUMENTS[decision]]


def own_values(policy: Policy, machine: Machine, params: dict[str, int]) -> np.ndarray:
    values = policy.resolve(machine, params)
    return np.array([values[t.name] for t in policy.own] or [0], np.int64)


def extremes(policy: Policy, machine: Machine) -> Iterator[dict[str, int]]:
    """Each tunable of its own at its lowest and highest value, the others as they are."""
    for tunable in policy.own:
        for value in (tunable.low, min(tunable.high, machine.ram_pages)):
            yield {tunable.name: value}


def crowded(seed: int = 5) -> tuple[Machine, Streams]:
    """4 MiB of RAM, more anonymous memory and files than that, written and read by three tasks."""
    rng = np.random.default_rng(seed)
    machine = Machine("crowded", 4, 2, 16, random_device(rng, "swap"), random_device(rng, "file"), kernel_pages=100, slab_pages=60)
    return machine, random_streams(rng)


@every_policy
def test_it_says_what_it_is(policy: Policy) -> None:
    document = inspect.getdoc(importlib.import_module(f"core.policies.{policy.name}")) or ""
    assert policy.title
    assert policy.era in ERAS
    assert len(policy.source) > 10
    assert "Kernel:" in document or "Source:" in document
    assert "Differs:" in document
    assert "Expect:" in document


@every_policy
def test_its_tunables_have_a_domain_a_default_and_a_summary(policy: Policy) -> None:
    names = [tunable.name for tunable in policy.tunables]
    assert len(names) == len(set(names))
    for tunable in policy.tunables:
        assert tunable.low < tunable.high
        assert tunable.default is None or tunable.low <= tunable.default <= tunable.high
        assert tunable.summary
        assert not tunable.log or tunable.low > 0


@every_policy
def test_defaults_resolve_on_any_machine(policy: Policy) -> None:
    for seed in range(8):
        values = policy.resolve(random_machine(np.random.default_rng(seed)), {})
        assert set(values) == {tunable.name for tunable in policy.tunables}


@every_policy
def test_a_foreign_tunable_is_refused(policy: Policy) -> None:
    with pytest.raises(ValueError, match=f"params.bananas: unknown tunable of policy {policy.name}; allowed: "):
        policy.resolve(random_machine(np.random.default_rng(0)), {"bananas": 1})


@every_policy
def test_its_decisions_answer_what_the_engine_understands(policy: Policy) -> None:
    rng = np.random.default_rng(7)
    machine = random_machine(rng)
    for params in ({}, *extremes(policy, machine)):
        own = own_values(policy, machine, params)
        for name, decision in policy.decides.items():
            low, high = ANSWERS[name]
            for _ in range(40):
                answer = python_function(decision)(*arguments(name, rng), own)
                assert low <= answer <= high, (name, params)
                assert answer == int(answer)


@every_policy
def test_nothing_happens_when_there_is_enough_memory(policy: Policy) -> None:
    builder = Builder()
    anon = builder.anon(100)
    builder.task(1000).run(operations.WRITE, anon.first, 100).jump(0)
    machine = random_machine(np.random.default_rng(3))
    outcome = simulate(machine, policy, {"min_free_kbytes": 128}, builder.build(SECOND))
    assert (outcome.pgscan_kswapd, outcome.pgscan_direct, outcome.pswpout, outcome.allocstall, outcome.oom_kills) == (0, 0, 0, 0, 0)
    assert outcome.ops_done > 900_000


@every_policy
def test_pages_are_conserved_at_the_edges_of_its_tunables(policy: Policy) -> None:
    machine, stream = crowded()
    for params in ({}, *extremes(policy, machine)):
        outcome = simulate(machine, policy, params, stream, audited=True)
        check_sane(outcome, machine)


def check_sane(outcome: Outcome, machine: Machine) -> None:
    assert outcome.end in (END_HORIZON, END_DONE, END_DEADLOCK, END_PANIC)
    assert 0 <= outcome.nr_free_min_seen <= machine.ram_pages
    assert outcome.pgsteal_kswapd + outcome.pgsteal_direct <= outcome.pgscan_kswapd + outcome.pgscan_direct + outcome.laundry_isolated
    assert outcome.ops_done > 0


@every_policy
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_same_run_gives_the_same_bits(policy: Policy, seed: int) -> None:
    rng = np.random.default_rng(seed)
    machine, params, stream = random_machine(rng), random_params(rng), random_streams(rng)
    assert simulate(machine, policy, params, stream).digest == simulate(machine, policy, params, stream).digest


@every_policy
def test_it_lives_on_files_alone(policy: Policy) -> None:
    """Reading a file twice the size of RAM needs no write and kills nobody, under any policy worth the name."""
    machine, _ = crowded()
    builder = Builder()
    file = builder.file(2 * machine.ram_pages)
    builder.task(1000).run(operations.FILE_READ, file.first, file.pages)
    outcome = simulate(machine, policy, {}, builder.build(60 * SECOND))
    assert (outcome.oom, outcome.end, outcome.ops_done) == (False, END_DONE, file.pages)
