"""Loads that drink the reserve dry: expensive writes, bursts in the shrinker, a bound on writeout; pages stay conserved under every policy of the reserve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import Machine, Streams, policies, simulate
from core.arrivals import SLAB_BURST
from core.outcome import END_DEADLOCK, END_DONE, END_HORIZON, END_PANIC
from tests.core.random_case import random_machine, random_params, random_streams

pytestmark = pytest.mark.compiled

POLICIES = ("inline", "flusher_only", "postponed", "recursive", "atomic_reclaim", "split_reserve", "preallocated")


def thirsty_case(seed: int) -> tuple[Machine, dict[str, int], Streams]:
    """A random case whose writes take up to 16 pages each, and whose shrinker allocates now and then."""
    rng = np.random.default_rng(seed)
    machine, params, load = random_machine(rng), random_params(rng), random_streams(rng, blocks=4)
    devices = {name: replace(getattr(machine, name), w_alloc_milli=int(rng.choice([0, 300, 4_000, 16_000]))) for name in ("swap", "file")}
    params["writeout_cap_pages"] = int(rng.choice([0, 1, 20, 100]))
    n = int(rng.integers(0, 5))
    bursts = np.zeros((n, 4), np.int64)
    bursts[:, 0] = rng.integers(0, load.horizon_ns, n)
    bursts[:, 1] = SLAB_BURST
    bursts[:, 2] = rng.integers(1, 700, n)
    arrivals = np.concatenate([load.arrivals, bursts])
    return replace(machine, **devices), params, replace(load, arrivals=arrivals[np.argsort(arrivals[:, 0], kind="stable")])


def own_params(name: str, seed: int) -> dict[str, int]:
    """The policy's own tunables, anywhere in their domain."""
    rng = np.random.default_rng(seed)
    return {t.name: int(rng.integers(t.low, min(t.high, 5_000) + 1)) for t in policies.load(name).own}


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_page_is_somewhere_when_the_reserve_is_empty(name: str, seed: int) -> None:
    machine, params, load = thirsty_case(seed)
    outcome = simulate(machine, policies.load(name), params | own_params(name, seed), load, audited=True)
    assert outcome.end in (END_HORIZON, END_DONE, END_DEADLOCK, END_PANIC)
    if name == "recursive":
        assert outcome.reclaim_depth <= 2


def test_the_cases_do_empty_it() -> None:
    """Otherwise the test above would show nothing."""
    empty = failed = recursions = bursts = 0
    for seed in range(30):
        machine, params, load = thirsty_case(seed)
        outcome = simulate(machine, policies.load("recursive"), params, load)
        empty += outcome.nr_free_min_seen == 0
        failed += outcome.memalloc_fail > 0
        recursions += outcome.recursions > 0
        bursts += outcome.slab_burst_max > 0
    assert min(empty, failed, recursions, bursts) >= 3, (empty, failed, recursions, bursts)
