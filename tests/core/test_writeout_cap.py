"""Bounded writeout: writes in flight hold no more than writeout_cap_pages, and one may always go."""

from __future__ import annotations

import pytest

from core import Builder, Outcome, Streams, operations, policies
from core.units import SECOND
from tests.core.stories import disk, prepared, small_machine

pytestmark = pytest.mark.compiled


def growing(anon_pages: int, file_pages: int) -> Streams:
    """Anonymous memory beyond RAM is written, then a file that is synced."""
    builder = Builder()
    anon, file = builder.anon(anon_pages), builder.file(file_pages)
    builder.task(5_000).run(operations.WRITE, anon.first, anon_pages).run(operations.FILE_WRITE, file.first, file_pages).fsync(file)
    return builder.build(20 * SECOND)


def run(name: str, cap: int, w_class: str = "noio") -> Outcome:
    device = {"w_alloc_milli": 2_000, "latency_ns": 5_000_000, "w_class": w_class}
    machine = small_machine(disk("swap", **device), disk("file", **device))
    return prepared(machine, policies.load(name), {"writeout_cap_pages": cap}, growing(700, 100))[0]


@pytest.mark.parametrize("name", ["inline", "recursive", "flusher_only"])
def test_writes_in_flight_hold_no_more_than_the_cap(name: str) -> None:
    free, capped = run(name, 0), run(name, 8)
    assert free.writeout_held_max > 8
    assert capped.writeout_held_max <= 8
    assert capped.nr_written > 0


def test_one_write_may_always_go() -> None:
    """A cap below what one write needs serialises, it does not stop."""
    out = run("inline", 1)
    assert out.writeout_held_max == 2
    assert out.pswpout > 0
    assert out.deadlock == 0


def test_what_the_cap_keeps_is_the_reserve() -> None:
    free, capped = run("inline", 0), run("inline", 8)
    assert free.nr_free_min_seen == 0
    assert free.memalloc_fail > 0
    assert capped.memalloc_fail == 0
    assert capped.reserve_used < free.reserve_used


def test_a_mempool_counts_too() -> None:
    device = disk("swap", 1_000, 5_000_000)
    pooled = type(device)(**{**vars(device), "w_pool": 64})
    out = prepared(small_machine(pooled), policies.load("inline"), {"writeout_cap_pages": 4}, growing(700, 10))[0]
    assert out.pswpout > 0
    assert out.writeout_held_max <= 4
