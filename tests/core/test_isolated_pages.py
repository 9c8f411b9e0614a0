"""Who waits while others hold many isolated pages: too_many_isolated(), v6.1 and v6.12. Called one by one, so interpreted only."""

from __future__ import annotations

import pytest

from core import gfp
from core.jit import JIT_ENABLED
from core.mmzone import INACTIVE_FILE
from core.sched import SHRINK_NODE_612, WAIT_ISOLATED, WAIT_NONE
from core.units import MS, SECOND
from core.vmscan_612 import node
from tests.core.made_state import FLUSHER, KSWAPD, TASK, asks, frame, put, state

pytestmark = pytest.mark.skipif(JIT_ENABLED, reason="compiled callees cannot be called one by one")


def test_a_direct_reclaimer_waits_20_ms_and_the_rest_of_a_tick_while_more_than_an_eighth_is_isolated() -> None:
    m = state()
    put(m, 400, 160, INACTIVE_FILE)
    m.nodes[0].nr_isolated[1] = 21
    f = frame(m, TASK, SHRINK_NODE_612, zone=INACTIVE_FILE, count=32)
    assert not node.isolation_allowed(m, asks(), TASK, f, f)
    assert (m.actors[TASK].wait, m.actors[TASK].ready_ns) == (WAIT_ISOLATED, 24 * MS)  # no timer is early
    assert node.isolation_allowed(m, asks(), TASK, f, f)  # still too many: this batch is left out
    assert f.phase == node.LISTS_LEFT
    assert m.queues[INACTIVE_FILE].nr == 160
    f.gfp = gfp.NOFS  # who may hold locks may isolate as much as is left
    f.loops = 0
    assert node.isolation_allowed(m, asks(), TASK, f, f)
    assert f.phase == node.SHRUNK
    assert m.nodes[0].nr_isolated[1] == 21 + 32


def test_kswapd_and_kernel_threads_do_not_wait_for_isolated_pages() -> None:
    for actor in (KSWAPD, FLUSHER):
        m = state()
        put(m, 400, 80, INACTIVE_FILE)
        m.nodes[0].nr_isolated[1] = 30
        f = frame(m, actor, SHRINK_NODE_612, zone=INACTIVE_FILE, count=32)
        assert node.isolation_allowed(m, asks(), actor, f, f)
        assert m.actors[actor].wait == WAIT_NONE
        assert (f.phase == node.SHRUNK) == (actor == KSWAPD)


def test_who_finds_few_isolated_pages_wakes_the_others() -> None:
    m = state()
    put(m, 400, 80, INACTIVE_FILE)
    m.actors[TASK].wait, m.actors[TASK].ready_ns = WAIT_ISOLATED, SECOND
    m.vm[0].waiting[WAIT_ISOLATED] = 1
    f = frame(m, FLUSHER, SHRINK_NODE_612)
    assert not node.too_many_isolated(m, FLUSHER, 0, INACTIVE_FILE, f)
    assert m.actors[TASK].wait == WAIT_NONE
