"""Requests and timers: their length, their tick, v6.1 and v6.12. Called one by one, so interpreted only."""

from __future__ import annotations

import pytest

from core.device import merges
from core.jit import JIT_ENABLED
from core.sched import timer
from core.units import MS
from tests.core.made_state import state

pytestmark = pytest.mark.skipif(JIT_ENABLED, reason="compiled callees cannot be called one by one")


def test_a_request_is_as_long_as_its_device_takes() -> None:
    m = state()
    d = m.devs[1]
    d.last_block[1], d.last_pages[1] = 99, 128
    assert not merges(m, 1, 1, 100)
    d.max_request = 320
    assert merges(m, 1, 1, 100)


@pytest.mark.parametrize(("version", "end"), [(407, 13), (601, 16)])
def test_since_4_8_a_sleep_ends_with_the_tick_after(version: int, end: int) -> None:
    assert timer(state(version), 5 * MS, 8 * MS) == end * MS
