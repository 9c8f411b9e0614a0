"""Who sleeps: reclaim_throttle(), v6.1 and v6.12. Called one by one, so interpreted only."""

from __future__ import annotations

import pytest

from core.jit import JIT_ENABLED
from core.mmzone import INACTIVE_FILE
from core.sched import SHRINK_NODE_612, WAIT_NONE, WAIT_TIMER
from core.vmscan_612 import node
from core.vmscan_612.direct import consider_throttle
from tests.core.made_state import FLUSHER, TASK, asks, frame, put, state

pytestmark = pytest.mark.skipif(JIT_ENABLED, reason="compiled callees cannot be called one by one")


def test_tasks_are_throttled_and_the_flusher_is_not() -> None:
    for actor, sleeps in ((TASK, True), (FLUSHER, False)):
        m = state()
        put(m, 400, 100, INACTIVE_FILE)
        m.zones[0].nr_write_pending = 80
        m.nodes[0].congested = 1
        f = frame(m, actor, SHRINK_NODE_612, priority=1, nr_scanned=8, cache_trim=0)
        node.node_done(m, asks(), actor, f, f)
        assert (m.actors[actor].wait == WAIT_TIMER) == sleeps
        m.actors[actor].wait = WAIT_NONE
        assert consider_throttle(m, asks(), actor, f) == sleeps
