"""Several NUMA nodes: local memory first, other nodes before reclaim, a kswapd for each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import Builder, Device, Machine, operations, policies, simulate
from core.actor import DEPTH
from core.memory import boot
from core.outcome import END_DEADLOCK, END_DONE, END_HORIZON, END_PANIC
from core.state import Memory
from core.watermark import lowmem_reserve
from tests.core.random_case import on_nodes, random_machine, random_params, random_streams

pytestmark = pytest.mark.compiled

DISK = Device("disk", 100, 100, 100_000)
SETTLED = 200_000_000  # kswapd of 6.12 looks once more 100 ms after boot
TWO = Machine("two", ram_mib=8, cpus=2, swap_mib=16, swap=DISK, file=DISK, nodes=2)


def run(machine: Machine, name: str, builder: Builder, horizon_ns: int) -> Memory:
    """Run to the end and return the state, to look at the zones."""
    from core import engine

    policy = policies.load(name)
    own = np.array([t.default for t in policy.own] or [0], np.int64)
    state, kernel = boot(machine, policy.mechanics, policy.resolve(machine, {}), own, builder.build(horizon_ns))
    engine.run(state, policy.decisions(), kernel)
    assert state.vm[0].invariant == 0
    return state


def test_low_zones_lie_on_node_0_and_every_node_has_its_share() -> None:
    machine = replace(TWO, ram_mib=1024, zones_mib=(16, 240, 768), nodes=2)
    mib = [[pages // 256 for pages in node] for node in machine.node_zones]
    assert mib == [[16, 240, 256], [512]]
    assert lowmem_reserve(machine.node_zones[0], 1) == 256  # 256 MiB of node 0 above it, not the 512 of node 1
    with pytest.raises(ValueError, match=r"machine.nodes: 4; allowed: .* 256 MiB"):
        replace(machine, nodes=4)
    with pytest.raises(ValueError, match=r"machine.nodes: 9; allowed: 1 to 8"):
        replace(machine, nodes=9)


@pytest.mark.parametrize("name", ["inline", "flusher_only"])
def test_local_memory_first_then_the_other_node_before_anybody_reclaims(name: str) -> None:
    builder = Builder()
    small, large = builder.anon(800), builder.anon(800)
    builder.task().sleep(SETTLED).run(operations.WRITE, small.first, 800).sleep(10**10)
    state = run(TWO, name, builder, 10**9)
    assert [int(z.nr_lru) for z in state.zones] == [800, 0]
    builder.task().sleep(SETTLED).run(operations.WRITE, large.first, 800).sleep(10**10)
    state = run(TWO, name, builder, 10**9)
    assert [int(z.nr_lru) for z in state.zones] == [800, 800]
    more = Builder()
    region = more.anon(1200)
    more.task().sleep(SETTLED).run(operations.WRITE, region.first, 1200).sleep(10**10)
    state = run(TWO, name, more, 10**9)
    local, remote = (int(z.nr_lru) for z in state.zones)
    assert local == 1024 - state.zones[0].wmark_low
    assert remote == 1200 - local
    assert (state.vm[0].pgscan_kswapd, state.vm[0].pgscan_direct) == (0, 0)


def test_only_the_kswapd_of_the_node_that_is_short_runs() -> None:
    """A task that fills its node and half of the other never wakes anybody; one that fills both wakes both."""
    builder = Builder()
    region = builder.anon(3000)
    builder.task().sleep(SETTLED).run(operations.WRITE, region.first, 3000)
    state = run(TWO, "flusher_only", builder, 10**9)
    assert state.vm[0].pgscan_kswapd > 0
    assert all(state.frames[state.nodes[n].kswapd * DEPTH].nr_to_reclaim for n in range(2))  # both have balanced once


def test_a_hopeless_kswapd_sleeps_until_somebody_frees_a_page_of_its_node() -> None:
    """Anonymous memory without swap on node 0: its kswapd gives up after sixteen passes; exit of the hog is no progress, direct reclaim of cache is."""
    machine = replace(TWO, swap_mib=0)
    builder = Builder()
    hog = builder.anon(2 * 1024 - 150)
    builder.task().sleep(SETTLED).run(operations.WRITE, hog.first, hog.pages).run(operations.WRITE, hog.first, hog.pages).jump(0)
    state = run(machine, "flusher_only", builder, 3 * 10**9)
    assert [int(n.kswapd_failures) for n in state.nodes] == [0, 0]  # nobody was short
    crowd = Builder()
    hog = crowd.anon(2 * 1024 - 105)
    crowd.task().sleep(SETTLED).run(operations.WRITE, hog.first, hog.pages).jump(0)
    state = run(machine, "flusher_only", crowd, 3 * 10**9)
    assert all(int(n.kswapd_failures) >= 16 for n in state.nodes)
    woken = int(state.vm[0].kswapd_wake)
    cache = crowd.file(400)
    crowd.task().sleep(10**9).run(operations.READ, hog.first, 1).run(operations.FILE_READ, cache.first, 400).jump(0)
    state = run(machine, "flusher_only", crowd, 3 * 10**9)
    assert state.vm[0].pgsteal_direct > 0
    assert state.vm[0].kswapd_wake > woken


@pytest.mark.parametrize("name", policies.names())
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_page_is_somewhere_at_every_event(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    machine, params, load = on_nodes(random_machine(rng), rng), random_params(rng), random_streams(rng)
    outcome = simulate(machine, policies.load(name), params, load, audited=True)
    assert outcome.end in (END_HORIZON, END_DONE, END_DEADLOCK, END_PANIC)
    assert simulate(machine, policies.load(name), params, load) == outcome
