"""Dirty throttling: balance_dirty_pages(), wb_position_ratio(), writeback_chunk_size(), v6.1 and v6.12. Called one by one, so interpreted only."""

from __future__ import annotations

import pytest

from core.balance_dirty import dirty_poll_interval, step_6x, throttle
from core.bandwidth import position_ratio, update_dirty_limit, writeback_chunk_size
from core.dirty import dirty_limits
from core.jit import JIT_ENABLED
from core.sched import BALANCE_DIRTY
from core.state import Memory
from core.units import JIFFY
from tests.core.made_state import TASK, frame, state

pytestmark = pytest.mark.skipif(JIT_ENABLED, reason="compiled callees cannot be called one by one")


def written(m: Memory, file_dirty: int, swap_writeback: int) -> None:
    m.vm[0].nr_dirty = file_dirty
    m.vm[0].nr_writeback = swap_writeback


def test_swap_under_writeback_counts_for_who_dirties_files() -> None:
    m = state()
    background, limit = dirty_limits(m)
    for swap, pauses in ((0, 0), (limit, 1)):
        written(m, 10, swap)
        m.actors[TASK].depth = 0
        f = frame(m, TASK, BALANCE_DIRTY, nr_dirty=32, phase=0)
        step_6x(m, TASK, f)
        assert m.vm[0].balance_dirty_pauses == pauses
    assert background < limit


def test_the_longest_pause_is_a_jiffy_more_than_the_dirty_pages_last() -> None:
    """100 dirty pages at 25 600 pages/s: 800 in a 32nd of a second, so 0 jiffies and one."""
    m = state()
    written(m, 100, 0)
    f = frame(m, TASK, BALANCE_DIRTY, nr_dirty=100_000)
    throttle(m, TASK, f, 50, 1000)
    assert m.actors[TASK].ready_ns == 2 * JIFFY  # no timer is early
    m.vm[0].avg_write_bw = 320  # 11 pages in a 32nd
    throttle(m, TASK, f, 50, 1000)
    assert m.actors[TASK].ready_ns == (100 // 11 + 1 + 1) * JIFFY


def test_time_between_two_pauses_is_taken_off_the_pause() -> None:
    m = state()
    written(m, 3000, 0)
    m.vm[0].avg_write_bw = 1000
    for thinks, pause in ((0, 25), (10, 15)):
        m.actors[TASK].dirty_paused_when = 100
        f = frame(m, TASK, BALANCE_DIRTY, nr_dirty=100)
        throttle(m, TASK, f, 100 + thinks, 1000)  # 100 pages at 1000/s
        assert m.actors[TASK].ready_ns == (pause + 1) * JIFFY
        assert m.actors[TASK].dirty_paused_when == 125


def test_the_limit_of_the_domain_follows_down_slowly() -> None:
    m = state()
    m.vm[0].dirty_limit = 1000
    update_dirty_limit(m, 50, 680, 100)
    assert m.vm[0].dirty_limit == 990
    update_dirty_limit(m, 60, 680, 100)  # not twice in 200 ms
    assert m.vm[0].dirty_limit == 990
    written(m, 900, 0)
    assert position_ratio(m, 340, 680, 900) > 0  # above the limit, below what is left of the old one
    m.vm[0].dirty_limit = 680
    assert position_ratio(m, 340, 680, 900) == 0
    assert dirty_poll_interval(m, 100, 164) == 8


def test_a_chunk_is_half_a_second_of_bandwidth_in_whole_4_mib() -> None:
    m = state()
    m.vm[0].dirty_limit = 1 << 20
    for bandwidth, chunk in ((1000, 1024), (25_600, 13_312), (2048, 2048)):
        m.vm[0].avg_write_bw = bandwidth
        assert writeback_chunk_size(m, 0) == chunk
    assert writeback_chunk_size(m, 10) == 1024
    m.vm[0].avg_write_bw = 1 << 20
    m.vm[0].dirty_limit = 8 * 3000
    assert writeback_chunk_size(m, 0) == 3072
