"""What writes, refaults and scans in vain cost a list: lru_note_cost(), workingset_refault(), v6.1 and v6.12. Called one by one, so interpreted only."""

from __future__ import annotations

import pytest

from core import lru
from core.jit import JIT_ENABLED
from core.mmzone import ACTIVE_FILE, ACTIVE_LIST, INACTIVE, INACTIVE_FILE
from core.page import ACCESSED, ACTIVE, WORKINGSET
from core.reclaim import evict
from core.region import EXEC, MAPPED
from core.sched import SHRINK_LIST_612
from core.vmscan_612 import balance, workingset
from tests.core.made_state import KSWAPD, frame, put, state

pytestmark = pytest.mark.skipif(JIT_ENABLED, reason="compiled callees cannot be called one by one")


@pytest.mark.parametrize(("version", "cost"), [(601, 3), (612, 3 * 32 + 10), (411, 3 * 32 + 10)])
def test_a_write_costs_32_scans_in_vain_and_in_6_1_those_cost_nothing(version: int, cost: int) -> None:
    m = state(version)
    put(m, 0, 400, INACTIVE)
    put(m, 400, 500, INACTIVE_FILE)
    balance.note_cost(m, 0, 1, 3, 10)
    assert m.nodes[0].file_cost == cost


@pytest.mark.parametrize(("version", "cost"), [(601, 1), (612, 32)])
def test_a_refault_costs_only_if_the_page_was_active_before(version: int, cost: int) -> None:
    m = state(version)
    put(m, 0, 400, INACTIVE)
    put(m, 400, 2, ACTIVE_FILE, ACTIVE)
    put(m, 500, 2, INACTIVE_FILE)
    balance.shrink_active(m, KSWAPD, 0, ACTIVE_FILE, 2)
    assert m.page[400].attr & WORKINGSET
    f = frame(m, KSWAPD, SHRINK_LIST_612)
    for p in (400, 500):
        lru.remove(m, p)
        m.zones[0].nr_isolated += 1
        evict(m, p)
    assert f.iso_head < 0
    assert workingset.refault(m, 500, 0)
    assert m.nodes[0].file_cost == 0
    assert workingset.refault(m, 400, 0)
    assert m.nodes[0].file_cost == cost
    assert m.page[400].attr & WORKINGSET  # it would cost again


def test_anonymous_pages_that_cannot_be_swapped_do_not_count_for_a_refault() -> None:
    m = state()
    put(m, 0, 300, ACTIVE_LIST, ACTIVE)
    m.nodes[0].nonresident_age = 250
    m.page[399].stamp = 0
    m.vm[0].swap_free = 0
    assert not workingset.refault(m, 399, 0)
    m.vm[0].swap_free = 1
    assert workingset.refault(m, 399, 0)


def test_text_that_stays_active_ages_the_evicted() -> None:
    m = state()
    put(m, 400, 3, ACTIVE_FILE, ACTIVE | ACCESSED)
    m.page.attr[400:403] |= EXEC | MAPPED
    balance.shrink_active(m, KSWAPD, 0, ACTIVE_FILE, 3)
    assert m.nodes[0].nonresident_age == 3
