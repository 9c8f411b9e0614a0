"""The allocator and the OOM killer: __alloc_pages_slowpath(), should_reclaim_retry(), oom_reaper, v6.1 and v6.12. Called one by one, so interpreted only."""

from __future__ import annotations

import pytest

from core import allocator, allocator_612, gfp, lru, oom
from core.actor import DEPTH
from core.jit import JIT_ENABLED
from core.mmzone import INACTIVE, INACTIVE_FILE
from core.sched import DIRECT_612, WAIT_NONE, WAIT_PFMEMALLOC, WAIT_WORK
from core.units import SECOND
from tests.core.made_state import KSWAPD, TASK, asks, frame, put, state

pytestmark = pytest.mark.skipif(JIT_ENABLED, reason="compiled callees cannot be called one by one")


def test_zones_with_nothing_reclaimable_do_not_count_for_the_reserve() -> None:
    m = state(zones=(1, 3))
    put(m, 400, 10, INACTIVE_FILE, zone=1)
    m.zones[0].nr_free, m.zones[1].nr_free = 200, 5
    assert allocator.reserve_left(m, 0) == (5, int(m.zones[1].wmark_min) // 2)
    put(m, 500, 1, INACTIVE_FILE, zone=0)
    assert allocator.reserve_left(m, 0)[0] == 204
    for p in (*range(400, 410), 500):
        lru.remove(m, p)
    assert allocator.allow_direct_reclaim(m, 0)  # no reserve at all: nobody waits


def test_who_waits_for_the_reserve_looks_before_he_goes_on() -> None:
    m = state()
    put(m, 400, 10, INACTIVE_FILE)
    m.zones[0].nr_free = 0
    kswapd = m.actors[KSWAPD]
    kswapd.wait = WAIT_WORK
    m.vm[0].waiting[WAIT_WORK] = 1
    f = frame(m, TASK, 1, older=SECOND, phase=allocator.RESERVE_WAITED, until=-1)
    allocator.reserve_waited(m, TASK, f, DIRECT_612)
    assert m.actors[TASK].wait == WAIT_PFMEMALLOC
    assert m.actors[TASK].ready_ns == SECOND
    assert kswapd.wait == WAIT_NONE  # it has to be awake meanwhile
    m.actors[TASK].wait = WAIT_NONE
    m.zones[0].nr_free = 500
    allocator.reserve_waited(m, TASK, f, DIRECT_612)
    assert m.frames[TASK * DEPTH + m.actors[TASK].depth].proc == DIRECT_612


def test_what_is_reclaimable_is_weighed_in_its_own_zone_at_the_mark_of_the_class() -> None:
    m = state(zones=(1, 3), swap_mib=0)
    m.zones[0].nr_free = m.zones[1].nr_free = 0
    put(m, 0, 200, INACTIVE, zone=0)  # no swap: not reclaimable
    low = int(m.zones[1].wmark_min)
    put(m, 400, low // 2 + 1, INACTIVE_FILE, zone=1)
    m.zones[0].nr_free = m.zones[1].nr_free = 0
    assert not allocator.reclaim_could_help(m, gfp.KERNEL, 0)
    assert allocator.reclaim_could_help(m, gfp.KERNEL | gfp.HIGH, 0)
    assert allocator.reclaim_could_help(m, gfp.KERNEL, 1)  # the victim of the OOM killer may go as deep
    assert not allocator.reclaim_could_help(m, gfp.KERNEL | gfp.NOMEMALLOC, 1)


@pytest.mark.parametrize(("version", "reclaims"), [(411, False), (601, True)])
def test_a_victim_reclaims_before_it_fails(version: int, reclaims: bool) -> None:
    m = state(version)
    m.zones[0].nr_free = 0
    m.actors[TASK].memdie = 1
    depth = int(m.actors[TASK].depth)
    f = frame(m, TASK, 1, result=1, until=-1)
    allocator_612.rebalance(m, asks(), TASK, f)
    assert (m.frames[TASK * DEPTH + m.actors[TASK].depth].proc == DIRECT_612) == reclaims
    assert (m.actors[TASK].depth == depth) != reclaims


@pytest.mark.parametrize(("version", "left"), [(306, 50), (406, 0)])
def test_the_reaper_came_with_4_6(version: int, left: int) -> None:
    m = state(version)
    put(m, 0, 50, INACTIVE)
    m.page.owner[:50] = TASK
    m.actors[TASK].rss = 50
    oom.out_of_memory(m, 0)
    assert m.queues[INACTIVE].nr == left
