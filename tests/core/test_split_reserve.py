"""Split reserve: writes that dig into the reserve leave a share of it to interrupts."""

from __future__ import annotations

import pytest

from core import Builder, Outcome, Streams, gfp, operations, policies
from core.state import Memory
from core.units import MS, SECOND
from core.watermark import ERA_2_6_23, MARK_MIN, MARK_NONE, floor
from tests.core.stories import disk, prepared, small_machine

pytestmark = pytest.mark.compiled


def growing_under_interrupts() -> Streams:
    """One task writes more anonymous memory than there is RAM; another takes five pages GFP_ATOMIC each millisecond and frees them."""
    builder = Builder()
    anon = builder.anon(700)
    builder.task(20_000).run(operations.WRITE, anon.first, 700)
    interrupts = builder.task()
    for _ in range(200):
        interrupts.alloc(5, gfp.ATOMIC).free(5).sleep(MS)
    return builder.build(2 * SECOND)


def run(name: str, **params: int) -> tuple[Outcome, Memory]:
    """The swap device needs two pages for each page written, for 20 ms."""
    return prepared(small_machine(swap=disk("swap", 2_000, 20_000_000), cpus=2), policies.load(name), params, growing_under_interrupts())


def test_reclaim_leaves_the_share_of_interrupts_alone() -> None:
    inline, _ = run("inline")
    split, _ = run("split_reserve")
    assert inline.reserve_used > 0
    assert inline.nr_free_min_seen == 0
    assert split.atomic_fail < inline.atomic_fail
    assert split.memalloc_fail > 0
    same, _ = run("split_reserve", atomic_reserve_percent=0)
    assert same == inline


def test_the_floors_are_turned_round() -> None:
    """Of a min of 1000: PF_MEMALLOC stops at 370, GFP_ATOMIC at 5; the swap cache's own atomic allocation is reclaim's and stays."""
    test = getattr(floor, "py_func", floor)
    _, memory = run("split_reserve")
    zone = memory.zones[0]
    assert zone.atomic_reserve == 32 * 37 // 100
    zone.wmark_min, zone.atomic_reserve = 1000, 370
    assert test(zone, MARK_NONE, gfp.KERNEL, ERA_2_6_23) == 370
    assert test(zone, MARK_MIN, gfp.ATOMIC, ERA_2_6_23) == 5
    assert test(zone, MARK_MIN, gfp.ATOMIC | gfp.NOMEMALLOC, ERA_2_6_23) == 375
    assert test(zone, MARK_MIN, gfp.HIGH | gfp.WAIT, ERA_2_6_23) == 500
