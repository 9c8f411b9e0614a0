"""The clean floor: free and clean memory that writes may not take."""

from __future__ import annotations

import pytest

from core.units import SECOND
from tests.core.small import RAM, machine, run, writers

pytestmark = pytest.mark.compiled


def test_without_a_floor_it_is_the_vm_of_the_day() -> None:
    load = writers(1200, seconds=1, file_pages=300)
    assert run("clean_floor", load, clean_floor_percent=0) == run("inline", load)


def test_an_anonymous_load_never_comes_near_the_watermarks() -> None:
    """Without clean page cache the floor is free memory: nobody reclaims for himself, nobody stalls in the allocator."""
    load = writers(2048, seconds=2)
    floor, plain = run("clean_floor", load, clean_floor_percent=20), run("inline", load)
    assert floor.nr_free_min_seen >= RAM * 20 // 100 - 2
    assert plain.nr_free_min_seen < 70
    assert floor.allocstall == 0
    assert plain.allocstall > 0
    assert not floor.oom
    assert floor.balance_dirty_pauses > 0  # they blocked at the floor


def test_the_price_is_throughput() -> None:
    load = writers(2048, seconds=2)
    assert run("clean_floor", load, clean_floor_percent=20).ops_done < run("inline", load).ops_done


def test_clean_page_cache_is_as_good_as_free_memory() -> None:
    """A reader that fills memory with clean pages and never writes is not slowed down by any floor."""
    load = writers(100, seconds=1, file_pages=4000)
    floor, plain = run("clean_floor", load, clean_floor_percent=30), run("inline", load)
    assert floor.ops_done >= plain.ops_done * 99 // 100


def test_a_floor_out_of_reach_ends_in_progress() -> None:
    """No swap, and three quarters of RAM written: the floor of one half cannot be kept, and the task is not stopped for it."""
    outcome = run("clean_floor", writers(700, seconds=1), machine(swap_mib=0), clean_floor_percent=50)
    assert not outcome.oom
    assert outcome.ops_done > 40_000


def test_a_load_beyond_memory_without_swap_is_killed_as_ever() -> None:
    outcome = run("clean_floor", writers(2048), machine(swap_mib=0), clean_floor_percent=20)
    assert outcome.oom_kills == 1
    assert not outcome.deadlock


def test_a_silent_device_slows_to_a_page_a_second_but_does_not_hang() -> None:
    """The floor waits for swap-outs that never end: each wait is bounded."""
    outcome = run("clean_floor", writers(2048, seconds=8), machine(latency_ns=60 * SECOND), clean_floor_percent=20)
    assert outcome.deadlock == 0
    assert outcome.balance_dirty_pauses >= 5
    assert outcome.last_op_ns > 5 * SECOND
