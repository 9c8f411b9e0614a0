"""FreeBSD's laundry queue on the lists of 2.6.23."""

from __future__ import annotations

import math

import pytest

from core.laundry_thread import isqrt
from core.units import MS
from tests.core.small import machine, run, stream_past_dirty, writers

pytestmark = pytest.mark.compiled

plain_isqrt = getattr(isqrt, "py_func", isqrt)


def test_an_anonymous_load_lives_on_shortfall_laundering() -> None:
    outcome = run("laundry_queue", writers(2048, seconds=2))
    assert not outcome.oom
    assert outcome.pswpout > 1000
    assert outcome.laundry_max > 800  # memory is one big laundry, and nobody mistakes that for hopeless
    assert (outcome.allocstall, outcome.pgsteal_direct) == (0, 0)


def test_while_clean_pages_last_dirty_ones_are_not_written_by_reclaim() -> None:
    """A stream of clean pages flows past 200 dirty ones: the finder of 2.6.23 writes them as it meets them, the laundry keeps them for later."""
    load = stream_past_dirty(200)
    queue = run("laundry_queue", load, dirty_ratio=100, dirty_background_ratio=99)
    finder = run("inline", load, dirty_ratio=100, dirty_background_ratio=99)
    assert queue.nr_vmscan_write < finder.nr_vmscan_write
    assert queue.laundry_max > 100
    assert queue.ops_done > finder.ops_done


def test_somebody_is_killed_after_so_many_scans_that_freed_nothing() -> None:
    """Without swap nothing can be freed: a tenth of a second for each of pageout_oom_seq scans."""
    for seq in (3, 12):
        outcome = run("laundry_queue", writers(2048), machine(swap_mib=0), pageout_oom_seq=seq)
        assert outcome.oom_kills == 1
        waited = outcome.time_to_first_oom_ns - outcome.time_to_low_ns
        assert seq * 100 * MS <= waited < (seq + 1) * 100 * MS


def test_the_square_root_of_the_background_threshold() -> None:
    assert [plain_isqrt(n) for n in range(1000)] == [math.isqrt(n) for n in range(1000)]
