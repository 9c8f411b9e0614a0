"""Reclaim in atomic allocations (RFC 0/9), and the floors that atomic allocations stop at without it."""

from __future__ import annotations

import pytest

from core import Builder, Outcome, Streams, gfp, operations, policies
from core.units import MS, SECOND
from tests.core.stories import prepared, small_machine

pytestmark = pytest.mark.compiled

BURST = 300  # of 512 frames; free at the start of the burst: 512 less the file


def file_then_burst(file_pages: int, mapped: bool = False, dirty: bool = False) -> Streams:
    """12 MB GFP_ATOMIC from the timer interrupt (RFC 0/9), scaled down: BURST pages at once, after a file was read."""
    builder = Builder()
    file = builder.file(file_pages, mapped=mapped)
    task = builder.task(1_000)
    task.run(operations.READ if mapped else operations.FILE_WRITE if dirty else operations.FILE_READ, file.first, file_pages)
    task.alloc(BURST, gfp.ATOMIC)
    return builder.build(SECOND)


def run(name: str, load: Streams, **params: int) -> Outcome:
    return prepared(small_machine(), policies.load(name), {"dirty_ratio": 100, "dirty_background_ratio": 99, **params}, load)[0]


@pytest.mark.parametrize(("file_pages", "passes"), [(400, True), (300, True), (150, True)])
def test_a_burst_passes_if_free_and_clean_pages_are_enough(file_pages: int, passes: bool) -> None:
    inline, atomic = run("inline", file_then_burst(file_pages)), run("atomic_reclaim", file_then_burst(file_pages))
    assert inline.atomic_fail == (1 if 512 - file_pages - BURST < 12 else 0)  # 0.375 of 32
    assert (atomic.atomic_fail == 0) is passes


def test_dirty_and_mapped_pages_are_no_help() -> None:
    for load in (file_then_burst(400, mapped=True), file_then_burst(230, dirty=True)):  # half of memory may be dirty at most
        out = run("atomic_reclaim", load)
        assert out.atomic_fail == 1
        assert out.atomic_reclaimed == 0


def test_it_takes_no_more_than_it_needs_and_the_limit_bounds_the_latency() -> None:
    load = file_then_burst(400)
    out = run("atomic_reclaim", load)
    assert BURST - 112 <= out.atomic_reclaimed <= BURST - 112 + 32
    assert out.irqs_off_ns_max == 150  # clean pages lie at the tail: the first page scanned will do
    mixed = Builder()
    file = mixed.file(400)
    task = mixed.task(1_000).run(operations.FILE_WRITE, file.first, 100).run(operations.FILE_READ, file.first + 100, 300)
    task.alloc(BURST, gfp.ATOMIC)
    load = mixed.build(SECOND)
    far, near = run("atomic_reclaim", load), run("atomic_reclaim", load, atomic_scan_max=64)
    assert (far.atomic_fail, far.irqs_off_ns_max) == (0, 101 * 150)  # past the hundred dirty ones
    assert near.atomic_fail == 1
    assert near.irqs_off_ns_max == 64 * 150


@pytest.mark.parametrize("name", ["inline", "flusher_only", "recursive", "postponed"])
def test_gfp_atomic_never_takes_a_zone_below_its_floor(name: str) -> None:
    """0.375 min, the strict reserve on top."""
    builder = Builder()
    builder.file(1)
    builder.task(1_000).alloc(600, gfp.ATOMIC).sleep(MS).alloc(600, gfp.ATOMIC)
    load = builder.build(SECOND)
    for reserve_kbytes in (0, 80):
        out = prepared(small_machine(), policies.load(name), {"reserve_kbytes": reserve_kbytes}, load)[0]
        assert out.atomic_fail == 2
        assert out.nr_free_min_seen == 12 + reserve_kbytes // 4
