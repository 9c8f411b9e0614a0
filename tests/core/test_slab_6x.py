"""Slab: do_shrink_slab(), v6.1 and v6.12. Called one by one, so interpreted only."""

from __future__ import annotations

import pytest

from core.jit import JIT_ENABLED
from core.reclaim import shrink_slab
from tests.core.made_state import state

pytestmark = pytest.mark.skipif(JIT_ENABLED, reason="compiled callees cannot be called one by one")


def test_deferred_slab_work_is_shifted_by_the_priority() -> None:
    """40 pages are 800 objects; 1 000 are deferred."""
    m = state()
    m.vm[0].slab_carry = 1000
    assert shrink_slab(m, 0, 0, 12) == 0  # 1000 >> 12
    assert shrink_slab(m, 0, 0, 2) == 512 + 128  # (1000 >> 2) + 2 * (800 >> 2)
    assert m.vm[0].slab_carry == 1000 + 400 - 640


def test_a_cache_smaller_than_a_batch_is_scanned_when_pressure_is_high() -> None:
    m = state()
    m.vm[0].slab_floor = m.vm[0].nr_slab - 2  # 40 objects
    assert shrink_slab(m, 0, 0, 2) == 0
    assert shrink_slab(m, 0, 0, 0) == 80
    assert m.vm[0].nr_slab == m.vm[0].slab_floor
