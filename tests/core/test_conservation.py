"""Pages are conserved and the clock never goes back, at every event, whatever the load."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import InvariantError, policies, simulate
from core import audit as audit_module
from core.outcome import END_DEADLOCK, END_DONE, END_HORIZON, END_PANIC
from tests.core.random_case import random_machine, random_params, random_streams

pytestmark = pytest.mark.compiled


@pytest.mark.parametrize("name", policies.names())
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_page_is_somewhere_at_every_event(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    machine, params, streams = random_machine(rng), random_params(rng), random_streams(rng)
    outcome = simulate(machine, policies.load(name), params, streams, audited=True)
    assert outcome.end in (END_HORIZON, END_DONE, END_DEADLOCK, END_PANIC)
    assert outcome.pgsteal_kswapd <= outcome.pgscan_kswapd
    assert 0 <= outcome.nr_free_min_seen <= machine.ram_pages
    assert outcome.elapsed_ns <= streams.horizon_ns + 10**7  # an operation may end after the horizon
    assert simulate(machine, policies.load(name), params, streams) == outcome


def test_a_lost_page_is_noticed() -> None:
    """The audit can fail: take one page out of the books and it says so."""
    rng = np.random.default_rng(1)
    machine, streams = random_machine(rng), random_streams(rng)
    from core import memory, simulator
    from core.watermark import ERA_6_12

    policy = policies.load("flusher_only")
    state, kernel = memory.boot(machine, ERA_6_12, policy.resolve(machine, {}), np.zeros(1, np.int64), streams)
    state.zones[0].nr_free -= 1
    simulator.engine.run(state, policy.decisions(), kernel)
    assert state.vm[0].invariant == audit_module.LOST_PAGE
    assert issubclass(InvariantError, RuntimeError)


def test_no_demand_means_no_reclaim() -> None:
    from core import Builder, operations

    builder = Builder()
    anon = builder.anon(100)
    builder.task(1000).run(operations.WRITE, anon.first, 100).jump(0)
    machine = random_machine(np.random.default_rng(3))
    for name in policies.names():
        outcome = simulate(machine, policies.load(name), {"min_free_kbytes": 128}, builder.build(10**9))
        assert (outcome.pgscan_kswapd, outcome.pgscan_direct, outcome.pswpout, outcome.allocstall) == (0, 0, 0, 0)
        assert outcome.pgfault == 100
        assert outcome.ops_done > 900_000_000 // 1_050
