"""What is scanned, when it is enough: prepare_scan_control(), shrink_lruvec(), balance_pgdat(), v6.1 and v6.12. Called one by one, so interpreted only."""

from __future__ import annotations

import pytest

from core.actor import DEPTH
from core.jit import JIT_ENABLED
from core.mmzone import INACTIVE, INACTIVE_FILE
from core.sched import SHRINK_NODE_612
from core.vmscan_612 import balance, node
from tests.core.made_state import KSWAPD, asks, frame, put, state

pytestmark = pytest.mark.skipif(JIT_ENABLED, reason="compiled callees cannot be called one by one")


@pytest.mark.parametrize(("version", "goes_on"), [(516, 1), (601, 0), (612, 0)])
def test_since_6_0_reclaim_stops_a_round_after_it_has_enough(version: int, goes_on: int) -> None:
    m = state(version)
    f = frame(m, KSWAPD, SHRINK_NODE_612, proportional=0, nr_reclaimed=32)
    f.scan[:] = f.goal[:] = (64, 0, 640, 0)
    assert not node.enough(m, f, f)
    assert f.scan[INACTIVE] == 0
    assert f.proportional == goes_on
    assert node.enough(m, f, f) != bool(goes_on)


def test_the_file_lists_are_tiny_with_the_boost_counted() -> None:
    m = state()
    put(m, 0, 200, INACTIVE)
    put(m, 400, 8, INACTIVE_FILE)
    m.zones[0].nr_free = 300
    m.zones[0].wmark_high = 250
    sc = frame(m, KSWAPD, SHRINK_NODE_612, priority=0)
    balance.prepare_scan_control(m, 0, sc)
    assert not sc.file_tiny
    m.zones[0].wmark_boost = 60
    balance.prepare_scan_control(m, 0, sc)
    assert sc.file_tiny


@pytest.mark.parametrize(("version", "again"), [(601, 0), (612, 1)])
def test_6_12_tries_once_more_without_cache_trim_mode(version: int, again: int) -> None:
    from core.vmscan_612 import kswapd

    m = state(version)
    m.zones[0].nr_free = 0
    f = m.frames[KSWAPD * DEPTH]
    f.phase, f.priority, f.result, f.boost, f.cache_trim_failed, f.no_cache_trim = kswapd.PRIORITY, 0, 0, 0, 1, 0
    kswapd.step(m, asks(), KSWAPD, f)
    assert f.no_cache_trim == again
    assert m.nodes[0].kswapd_failures == 1 - again
