"""GT4: a swap server that is away under a flood of packets. Who filters comes back with it, the others wait for ever.

P. Zijlstra's client was without its server for hours; here the outage is 20 s, the client has 16 MB, and the flood is in proportion: the sockets may hold
half of RAM (75 of them with the rmem_default of 108 KiB).
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from core import Builder, Device, Machine, Policy, Streams, operations, policies, simulate
from core.arrivals import PACKETS, SERVER_DOWN, SERVER_UP
from core.outcome import END_DEADLOCK, END_HORIZON
from core.units import MS, SECOND

pytestmark = pytest.mark.compiled

NBD = Device("nbd", 110, 110, 300_000, w_alloc_milli=100, network=True)  # 1 GbE; headers of the packets of 10 pages take one
DISK = Device("disk", 60, 60, 100_000, 10 * MS)
CLIENT = Machine("client", ram_mib=16, cpus=1, swap_mib=64, swap=NBD, file=DISK, kernel_pages=256)
DOWN, UP, END = 5 * SECOND, 25 * SECOND, 60 * SECOND


@cache
def flood(down_ns: int = DOWN, up_ns: int = UP, end_ns: int = END, packets_per_s: int = 500, sockets: int = 2000) -> Streams:
    """W4: a loop over 23 MB of anonymous memory that also reads its sockets; foreign packets all the time."""
    builder = Builder()
    anon = builder.anon(6000)
    text = builder.file(8, executable=True)
    task = builder.task(1000)
    for first in range(0, anon.pages, 250):
        task.run(operations.READ, text.first, 8).run(operations.WRITE, anon.first + first, 250).receive(1000)
    task.jump(0)
    gaps = np.random.default_rng(4).exponential(SECOND / packets_per_s, packets_per_s * end_ns // SECOND)
    builder.arrivals(PACKETS, np.cumsum(gaps.astype(np.int64)), 1, sockets)
    builder.arrivals(SERVER_DOWN, down_ns, 0)
    builder.arrivals(SERVER_UP, up_ns, 0)
    return builder.build(end_ns)


def test_strict_reserve_goes_on_when_the_server_is_back() -> None:
    policy = policies.load("strict_reserve")
    outcome = simulate(CLIENT, policy, {}, flood())
    assert (outcome.end, outcome.oom_kills, outcome.acks_lost) == (END_HORIZON, 0, 0)
    assert outcome.packets_filtered > 1000
    assert outcome.packets_dropped == 0
    until_up = simulate(CLIENT, policy, {}, replace(flood(), horizon_ns=UP))
    assert until_up.last_op_ns < DOWN + SECOND  # user space stood still ...
    assert outcome.ops_done > 2 * until_up.ops_done  # ... and did more since than before
    assert outcome.last_op_ns > END - SECOND


@pytest.mark.parametrize("policy", ["inline", "recursive", "split_reserve"])
def test_who_does_not_filter_never_comes_back(policy: str) -> None:
    """The page that the answer needs is what the answer would free; neither recursion nor a share of the reserve for interrupts changes that."""
    outcome = simulate(CLIENT, policies.load(policy), {}, flood())
    assert (outcome.end, outcome.oom_kills) == (END_DEADLOCK, 0)
    assert outcome.acks_lost == 5  # one for each retransmission in the 5 s until it counts as dead
    assert outcome.last_op_ns < DOWN + SECOND


def test_the_reserve_alone_does_not_help_the_filter_does() -> None:
    reserve = {"reserve_kbytes": policies.load("strict_reserve").defaults["reserve_kbytes"]}
    assert simulate(CLIENT, policies.load("inline"), reserve, flood()).end == END_DEADLOCK
    outcome = simulate(CLIENT, policies.load("strict_reserve"), {"reserve_kbytes": 0}, flood())
    assert outcome.end == END_HORIZON  # as long as writeout leaves a single page


def test_modern_kernels_filter_too() -> None:
    """Since 3.6; swap over NBD and NFS would not have been merged without it."""
    outcome = simulate(CLIENT, policies.load("flusher_only"), {}, flood())
    assert (outcome.end, outcome.oom_kills) == (END_HORIZON, 0)
    assert outcome.last_op_ns > END - SECOND


@pytest.mark.parametrize("change", [{"sockets": 100}, {"down_ns": END - 2, "up_ns": END - 1}])
def test_without_the_outage_or_with_sockets_that_hold_little_inline_lives_as_well(change: dict[str, int]) -> None:
    # Without swap readahead, which takes memory down to min for pages that nobody waits for: with it sockets of 100 pages are too much as well.
    assert simulate(CLIENT, policies.load("inline"), {"page_cluster": 0}, flood(**change)).end == END_HORIZON


def test_a_deadlock_is_not_an_out_of_memory() -> None:
    """A page for each page written: writeout takes the last page before its queue is full, and then the kernel of 2.6.23 kills instead of waiting."""
    hungry = replace(CLIENT, swap=replace(NBD, w_alloc_milli=1000))
    outcome = simulate(hungry, policies.load("inline"), {}, flood())
    assert (outcome.oom_kills, outcome.nr_free_min_seen) == (1, 0)
    assert outcome.end != END_DEADLOCK
    outcome = simulate(hungry, policies.load("strict_reserve"), {}, flood())
    assert (outcome.oom_kills, outcome.end) == (0, END_HORIZON)


def test_an_empty_reserve_drops_everything() -> None:
    """Without a reserve beyond min, hungry writes empty it: answers are lost although the network filters."""
    hungry = replace(CLIENT, swap=replace(NBD, w_alloc_milli=1000))
    outcome = simulate(hungry, policies.load("strict_reserve"), {"reserve_kbytes": 0}, flood())
    assert outcome.nr_free_min_seen == 0
    assert outcome.acks_lost > 0
    assert outcome.packets_dropped > 0


def test_the_default_reserve_is_the_patchs_and_fits_the_machine() -> None:
    policy = policies.load("strict_reserve")
    assert policy.resolve(CLIENT, {})["reserve_kbytes"] == 656 * 4
    assert policy.resolve(replace(CLIENT, ram_mib=4, kernel_pages=0), {})["reserve_kbytes"] == 1024
    assert {t.name: t.default for t in policy.tunables}["reserve_kbytes"] == 656 * 4
    assert policies.load("inline").resolve(CLIENT, {})["reserve_kbytes"] == 0


def test_defaults_are_checked() -> None:
    with pytest.raises(ValueError, match=r"policy x: defaults.reserve: unknown tunable; allowed: min_free_kbytes, "):
        Policy("x", "x", "x", "2.6.23", defaults={"reserve": 1})
    with pytest.raises(ValueError, match=r"policy x: defaults.dirty_ratio: 1; allowed: 2 to 100"):
        Policy("x", "x", "x", "2.6.23", defaults={"dirty_ratio": 1})
