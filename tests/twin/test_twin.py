"""The engine and the twin agree in every field of the outcome."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import Outcome, policies, simulate
from core.arrivals import ARRIVAL_KINDS
from core.era import ERAS
from core.outcome import END_DONE, END_HORIZON
from tests.twin.cases import case
from tests.twin.run import finished, outcome, quantile, twin

pytestmark = pytest.mark.compiled

POLICIES = policies.names()
RARE = (413, 740, 901, 1060, 1230, 1287, 2101, 2138, 2525)  # cases that end in a deadlock, or lose a server's answer, under policies that seldom do

# In how many of the 200 cases a policy's own mechanism must have been at work; counters of the twin, some beside those of the outcome.
AT_WORK = {
    "atomic_reclaim": {"atomic_reclaimed": 5},
    "clean_floor": {"balance_dirty_pauses": 30},
    "handoff": {"pages handed over": 40},
    "laundry_queue": {"laundry_isolated": 35, "pages laundered": 30},
    "mglru": {"generations begun": 35, "pages moved up to wait for I/O": 35},
    "postponed": {"laundry_isolated": 35, "pages laundered": 20},
    "preallocated": {"nr_prealloc_max": 20},
    "recursive": {"recursions": 8},
    "way_forward": {"laundry_isolated": 35, "pages laundered": 30, "pgscan_direct_throttle": 35, "recursions": 6},
}


@pytest.mark.parametrize("name", POLICIES)
def test_two_implementations_one_outcome(name: str) -> None:
    policy = policies.load(name)
    at_work: Counter[str] = Counter()

    def agrees(seed: int) -> None:
        machine, params, streams = case(seed, policy)
        k = finished(machine, policy, params, streams)
        assert simulate(machine, policy, params, streams, audited=True).asdict() == outcome(k).asdict()
        at_work.update(counter for counter, value in k.count.items() if value)

    settings(max_examples=200, deadline=None)(given(seed=st.integers(0, 2**32))(agrees))()
    assert {counter: at_work[counter] for counter, least in AT_WORK.get(name, {}).items() if at_work[counter] < least} == {}
    for seed in RARE:
        agrees(seed)


@pytest.mark.parametrize("seed", [90, 92, 104, 115, 154])
def test_pages_spared_for_their_tier(seed: int) -> None:
    """Rare: the second tier must have come back 64 times."""
    policy = policies.load("mglru")
    machine, params, streams = case(seed, policy)
    k = finished(machine, policy, params, streams)
    assert k.count["pages spared for their tier"] > 0
    assert simulate(machine, policy, params, streams, audited=True).asdict() == outcome(k).asdict()


def test_refaults_that_do_not_count_yet() -> None:
    """Before 6.5 the generations counted refaults from the oldest of them only."""
    policy = policies.load("mglru")
    earlier = replace(policy, version=601)
    fewer = 0
    for seed in (90, 92, 104, 115, 154):
        machine, params, streams = case(seed, policy)
        found = simulate(machine, earlier, params, streams, audited=True)
        assert found.asdict() == outcome(finished(machine, earlier, params, streams)).asdict()
        fewer += found.workingset_refault_file < simulate(machine, policy, params, streams).workingset_refault_file
    assert fewer > 0


@pytest.mark.parametrize("name", [name for name in POLICIES if ERAS[policies.load(name).era].version > 206])
def test_writes_that_wait_in_a_plug(name: str) -> None:
    """Few of the cases swap out so much in one go that several requests are held back together."""
    policy = policies.load(name)
    for seed in (16, 60, 68, 111):
        machine, params, streams = case(seed, policy)
        k = finished(machine, policy, params, streams)
        assert k.count["requests plugged behind another"] > 0
        assert simulate(machine, policy, params, streams, audited=True).asdict() == outcome(k).asdict()


# What the cases must reach for the agreement to mean something, and in how many of 300 at least.
REACHED = {
    "oom_kills": 20,
    "allocstall": 60,
    "atomic_fail": 30,
    "reserve_used": 20,
    "deadlock": 1,
    "acks_lost": 1,
    "pswpin": 10,
    "pswpout": 30,
    "nr_written": 100,
    "nr_vmscan_write": 30,
    "pgrotated": 30,
    "pgdeactivate": 60,
    "pgscan_kswapd": 60,
    "pgsteal_direct": 60,
    "workingset_refault_anon": 10,
    "workingset_refault_file": 30,
    "slabs_scanned": 30,
    "nr_seeks": 100,
    "packets_received": 60,
    "packets_overrun": 40,
    "packets_dropped": 3,
    "slab_burst_max": 20,
}
REACHED_6_12 = {"balance_dirty_pauses": 50, "nr_vmscan_immediate_reclaim": 20, "workingset_activate_file": 20}
WAITING = {"allocstall": 0, "pgsteal_direct": 0, "pgscan_direct_throttle": 60}  # who would reclaim waits for kswapd
REACHED_OTHERWISE = {
    "handoff": WAITING,
    "laundry_queue": WAITING,
    "mglru": {"pgdeactivate": 0, "nr_vmscan_immediate_reclaim": 0, "workingset_activate_file": 8},
    "way_forward": WAITING,
}


@pytest.mark.parametrize("name", POLICIES)
def test_the_cases_reach_what_they_are_for(name: str) -> None:
    policy = policies.load(name)
    reached: Counter[str] = Counter()
    for seed in (*range(300 - len(RARE)), *RARE):
        machine, params, streams = case(seed, policy)
        found = simulate(machine, policy, params, streams)
        reached.update({field: 1 for field, value in found.asdict().items() if value > 0} | {f"end {found.end}": 1})
    wanted = REACHED | ({} if policy.era == "2.6.23" else REACHED_6_12) | REACHED_OTHERWISE.get(name, {})
    rare = {field: reached[field] for field, least in wanted.items() if reached[field] < least}
    assert not rare
    assert reached[f"end {END_DONE}"] > 20
    assert reached[f"end {END_HORIZON}"] > 20


def test_the_cases_are_of_all_kinds() -> None:
    policy = policies.load("inline")
    kinds: Counter[str] = Counter()
    for seed in range(300):
        machine, _params, load = case(seed, policy)
        kinds.update(
            {
                "several nodes": machine.nodes > 1,
                "several nodes, a low zone": machine.nodes > 1 and len(machine.zones_mib) > 1,
                "several zones": len(machine.zones_mib) > 1,
                "swap behind a network": machine.swap.network,
                "files behind a network": machine.file.network,
                f"page_scale {machine.page_scale}": True,
                **{f"arrivals of kind {kind}": bool((load.arrivals[:, 1] == kind).any()) for kind in range(ARRIVAL_KINDS)},
            }
        )
    assert kinds["page_scale 1"] > 150
    assert {kind: cases for kind, cases in kinds.items() if cases < 15} == {}
    assert len(kinds) == 5 + ARRIVAL_KINDS + 4


def test_a_difference_of_one_page_would_be_seen() -> None:
    policy = policies.load("inline")
    seen = 0
    for seed in range(12):
        machine, params, streams = case(seed, policy)
        seen += twin(machine, policy, params, streams) != twin(machine, policy, params | {"min_free_kbytes": params["min_free_kbytes"] + 4}, streams)
    assert seen >= 4, "the others never come near the reserve"


def test_quantiles_of_stalls() -> None:
    assert quantile([], 50) == 0
    assert quantile([7], 99) == 7
    assert quantile([10, 20, 30], 50) == 20
    assert quantile([100, 1000], 99) == 1023
    assert "stall_ns_p50" in Outcome.fields()
