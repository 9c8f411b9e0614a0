"""Hand-off: kswapds reclaim, everybody else queues for the pages they free."""

from __future__ import annotations

import pytest

from core import Builder, gfp, operations, simulate
from core.policies import load
from core.units import SECOND
from tests.core.small import machine, run, writers

pytestmark = pytest.mark.compiled

FOUR = writers(600, tasks=4, seconds=1)


def test_reclaim_is_bounded_to_the_kswapds() -> None:
    outcome = run("handoff", FOUR)
    assert (outcome.allocstall, outcome.pgsteal_direct) == (0, 0)
    assert outcome.pgsteal_kswapd > 1000
    assert not outcome.oom


def test_nobody_starves_in_the_queue() -> None:
    """First come, first served: the longest wait of four allocators is below that of four direct reclaimers, whose pages others take."""
    queue, free_for_all = run("handoff", FOUR), run("inline", FOUR)
    assert queue.nr_stalls > 50
    assert queue.stall_ns_max < free_for_all.stall_ns_max * 3 // 4


def test_kswapds_of_another_gfp_class_sleep_until_it_queues() -> None:
    """User memory is GFP_KERNEL, so the second and third kswapd of a CPU change nothing; a task that allocates GFP_NOFS pages wakes the second."""
    assert run("handoff", FOUR, kswapds_per_cpu=1) == run("handoff", FOUR, kswapds_per_cpu=3)
    builder = Builder()
    anon = builder.anon(2048)
    builder.task(20_000).run(operations.WRITE, anon.first, anon.pages).jump(0)
    builder.task().alloc(200, gfp.NOFS).free(200).jump(0)
    load_with_nofs = builder.build(SECOND // 5)
    one, three = (run("handoff", load_with_nofs, kswapds_per_cpu=kswapds) for kswapds in (1, 3))
    assert one != three
    assert not three.deadlock


def test_a_hopeless_queue_is_resolved_by_a_kill() -> None:
    """Three tasks queue, one is killed, perhaps with a page in hand: no page is lost and the others go on."""
    outcome = simulate(machine(swap_mib=0), load("handoff"), {}, writers(400, tasks=3, seconds=1), audited=True)
    assert outcome.oom_kills >= 1
    assert not outcome.deadlock
    assert outcome.last_op_ns > outcome.time_to_first_oom_ns > outcome.time_to_low_ns
    assert outcome.last_op_ns > SECOND // 2
