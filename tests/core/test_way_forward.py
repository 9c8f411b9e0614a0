"""The way forward: zone laundry lists, kswapd alone writes, everybody else waits for it."""

from __future__ import annotations

import pytest

from core import simulate
from core.outcome import END_DEADLOCK
from core.policies import load
from core.units import SECOND
from tests.core.small import machine, run, stream_past_dirty, writers

pytestmark = pytest.mark.compiled


def test_it_lives_where_postponed_laundering_is_killed() -> None:
    outcome = run("way_forward", writers(2048, seconds=2))
    assert not outcome.oom
    assert outcome.pswpout > 1000
    assert outcome.laundry_max > 32


def test_nobody_but_kswapd_reclaims_or_writes() -> None:
    outcome = run("way_forward", writers(600, tasks=4, seconds=1))
    assert (outcome.allocstall, outcome.pgsteal_direct, outcome.pgscan_direct) == (0, 0, 0)
    assert outcome.pgscan_direct_throttle > 0  # they waited instead
    assert outcome.pgsteal_kswapd > 1000


def test_many_allocators_pay_for_the_one_reclaimer() -> None:
    load_of_four = writers(600, tasks=4, seconds=1)
    assert run("way_forward", load_of_four).ops_done < run("inline", load_of_four).ops_done


def test_a_hopeless_kswapd_means_a_kill_not_a_hang() -> None:
    outcome = run("way_forward", writers(2048), machine(swap_mib=0))
    assert outcome.oom_kills == 1
    assert not outcome.deadlock
    assert outcome.time_to_first_oom_ns - outcome.time_to_low_ns < SECOND


def test_a_silent_device_under_kswapd_hangs_everybody_and_is_called_a_deadlock() -> None:
    outcome = run("way_forward", writers(2048, seconds=12), machine(latency_ns=60 * SECOND))
    assert outcome.end == END_DEADLOCK
    assert outcome.oom_kills == 0


def test_dirty_file_pages_wait_on_the_list_and_are_conserved_across_zones() -> None:
    outcome = simulate(machine(zones_mib=(1, 3)), load("way_forward"), {"dirty_ratio": 100}, stream_past_dirty(200, seconds=1), audited=True)
    assert outcome.laundry_isolated > 0
    assert not outcome.oom
