"""Hand-off: kswapds reclaim, everybody else queues for the pages they free."""

from __future__ import annotations

from core import simulate
from core.policies import load
from core.units import SECOND
from tests.core.small import machine, run, writers

FOUR = writers(600, tasks=4, seconds=1)


def test_reclaim_is_bounded_to_the_kswapds() -> None:
    outcome = run("handoff", FOUR)
    assert (outcome.allocstall, outcome.pgsteal_direct) == (0, 0)
    assert outcome.pgsteal_kswapd > 1000
    assert not outcome.oom


def test_nobody_starves_in_the_queue() -> None:
    """First come, first served: the longest wait of four allocators is far below that of four direct reclaimers, whose pages others take."""
    queue, free_for_all = run("handoff", FOUR), run("inline", FOUR)
    assert queue.nr_stalls > 50
    assert 2 * queue.stall_ns_max < free_for_all.stall_ns_max


def test_one_kswapd_a_cpu_frees_less_than_three() -> None:
    assert run("handoff", FOUR, kswapds_per_cpu=1).pgsteal_kswapd < run("handoff", FOUR).pgsteal_kswapd


def test_a_hopeless_queue_is_resolved_by_a_kill() -> None:
    """Three tasks queue, one is killed, perhaps with a page in hand: no page is lost and the others go on."""
    outcome = simulate(machine(swap_mib=0), load("handoff"), {}, writers(400, tasks=3, seconds=1), audited=True)
    assert outcome.oom_kills >= 1
    assert not outcome.deadlock
    assert outcome.last_op_ns > outcome.time_to_first_oom_ns > outcome.time_to_low_ns
    assert outcome.last_op_ns > SECOND // 2
