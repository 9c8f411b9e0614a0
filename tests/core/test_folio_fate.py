"""What becomes of a page: shrink_folio_list(), v6.1 and v6.12. Called one by one, so interpreted only."""

from __future__ import annotations

from typing import Any

import pytest

from core import gfp, lru
from core.decisions import KEEP, WRITE
from core.jit import JIT_ENABLED
from core.mmzone import INACTIVE, INACTIVE_FILE
from core.page import ACTIVE, DIRTY
from core.sched import SHRINK_LIST_612, SHRINK_NODE_612
from core.state import Memory
from core.vmscan_612 import folios, node
from tests.core.made_state import KSWAPD, asks, frame, put, state

pytestmark = pytest.mark.skipif(JIT_ENABLED, reason="compiled callees cannot be called one by one")


def fate_of(m: Memory, p: int, actor: int = KSWAPD, pol: Any = None, **fields: int) -> int:
    f = frame(m, actor, SHRINK_LIST_612, **fields)
    lru.remove(m, p)
    m.zones[0].nr_isolated += 1
    return int(folios.fate(m, pol or asks(dirty_page=WRITE), actor, f, f, p))


def test_a_file_page_is_not_written_by_who_may_not_enter_file_systems() -> None:
    m = state()
    put(m, 400, 2, INACTIVE_FILE, DIRTY)
    assert fate_of(m, 400) == WRITE
    assert fate_of(m, 401, gfp=gfp.NOFS) == KEEP


def test_a_page_whose_write_failed_is_kept_and_the_write_has_cost() -> None:
    m = state()
    put(m, 0, 300, INACTIVE)
    f = frame(m, KSWAPD, SHRINK_LIST_612, phase=folios.WROTE, ret=0, page=0, is_file=0, nr_taken=1, nr_activated=0, nr_pageout=0)
    for name in ("nr_dirty", "nr_unqueued_dirty", "nr_congested", "nr_file_writeback", "nr_immediate"):
        setattr(f, name, 0)
    m.nodes[0].nr_isolated[0] = 1
    lru.remove(m, 0)
    m.zones[0].nr_isolated = 1
    folios.step(m, asks(), KSWAPD, f)
    assert not m.flags[0] & ACTIVE
    assert m.page[0].list == INACTIVE
    assert m.nodes[0].anon_cost == 32 + 1
    assert m.nodes[0].nr_isolated[0] == 0


@pytest.mark.parametrize(("version", "marked"), [(601, 1), (612, 0)])
def test_6_1_lets_kswapd_write_files_when_it_met_none(version: int, marked: int) -> None:
    m = state(version)
    f = frame(m, KSWAPD, SHRINK_NODE_612)
    for name in ("nr_dirty", "nr_unqueued_dirty", "nr_congested", "nr_file_writeback", "nr_immediate", "nr_file_taken", "cache_trim"):
        setattr(f, name, 0)
    f.nr_taken = 32
    node.node_done(m, asks(), KSWAPD, f, f)
    assert m.nodes[0].dirty == marked
