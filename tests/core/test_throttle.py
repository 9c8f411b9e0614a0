"""A device with a throttle that is filled up in ticks, as the lab's null_blk: what fits in the fill passes at once, the rest with the next one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core import Builder, Device, Outcome, policies, simulate
from core.operations import FILE_READ, READ, WRITE
from core.units import MS, SECOND
from tests.core.small import machine

pytestmark = pytest.mark.compiled

FILL = 20 * MS  # at 20 MB/s: 97 pages


def reads(pages: int, think_ns: int = 0, **device: int) -> Outcome:
    """Single reads of every other page of a mapped file, one after the other."""
    builder = Builder()
    file = builder.file(2 * pages, mapped=True)
    task = builder.task(1_000)
    for page in np.arange(file.first, file.first + 2 * pages, 2):
        task.touch(READ, np.array([page]))
        if think_ns:
            task.think(think_ns)
    return simulate(machine(**device), policies.load("flusher_only"), {}, builder.build(10 * SECOND))


def test_single_reads_within_the_fill_wait_for_no_transfer() -> None:
    even, throttled = reads(50), reads(50, refill_ns=FILL, max_sectors_kb=64)
    assert throttled.last_op_ns < FILL
    assert even.last_op_ns - throttled.last_op_ns > 40 * 204_800, "each has its transfer behind it"


def test_what_is_beyond_the_fill_waits_for_the_next() -> None:
    assert reads(97, refill_ns=FILL, max_sectors_kb=64).last_op_ns < FILL
    assert FILL < reads(98, refill_ns=FILL, max_sectors_kb=64).last_op_ns < FILL + MS
    assert 10 * FILL < reads(1000, refill_ns=FILL, max_sectors_kb=64).last_op_ns < 11 * FILL


def test_nothing_is_saved_up() -> None:
    """Slow readers leave most of each fill, which does not make a later one larger."""
    idle = reads(5, think_ns=100 * MS, refill_ns=FILL, max_sectors_kb=64)
    assert idle.last_op_ns > 500 * MS
    builder = Builder()
    file = builder.file(400, mapped=True)
    builder.task(1_000).think(505 * MS).touch(READ, np.arange(file.first, file.first + 300, 2))
    late = simulate(machine(refill_ns=FILL, max_sectors_kb=64), policies.load("flusher_only"), {}, builder.build(SECOND))
    assert late.last_op_ns > 520 * MS


def test_a_request_that_does_not_fit_in_waits_as_a_whole() -> None:
    """90 single pages leave room for seven of the window of 16 that a sequential reader of 2.6.23 asks for: all 16 come with the next fill."""
    builder = Builder()
    single, long = builder.file(200, mapped=True), builder.file(32)
    task = builder.task(1_000)
    task.touch(READ, np.arange(single.first, single.first + 180, 2))
    task.touch(FILE_READ, np.arange(long.first, long.first + 7))
    load = builder.build(SECOND)
    found = simulate(machine(refill_ns=FILL, max_sectors_kb=64), policies.load("inline"), {}, load)
    assert found.last_op_ns > FILL, "its first page waits for its last one"


def swapping(**costs: int) -> Outcome:
    builder = Builder()
    anon = builder.anon(1200)
    task = builder.task(1_000)
    task.run(WRITE, anon.first, anon.pages).jump(0)
    on = replace(machine(cpus=1, read_mb_s=2000, write_mb_s=2000, latency_ns=1_000), **costs)
    return simulate(on, policies.load("flusher_only"), {"page_cluster": 0}, builder.build(SECOND))


@pytest.mark.parametrize("cost", ["request_ns", "swapin_ns", "pass_ns"])
def test_what_swapping_costs_beside_its_pages(cost: str) -> None:
    assert swapping(**{cost: 50_000}).ops_done < 0.9 * swapping().ops_done


def test_pages_that_merge_cost_one_request() -> None:
    """The same number of pages, next to one another and apart."""

    def cpu_ns(step: int) -> int:
        builder = Builder()
        file = builder.file(1000)
        builder.task(1_000).touch(FILE_READ, np.arange(file.first, file.first + 64 * step, step))
        load = builder.build(SECOND)
        on = machine(read_mb_s=2000, latency_ns=0)
        dear = simulate(replace(on, request_ns=100_000), policies.load("inline"), {}, load)
        return dear.last_op_ns - simulate(on, policies.load("inline"), {}, load).last_op_ns

    assert cpu_ns(15) == 64 * 100_000
    assert cpu_ns(1) < 10 * 100_000


def test_refused() -> None:
    with pytest.raises(ValueError, match=r"^disk\.refill_ns: 1000000; allowed: 0, or at least 3318400, the longest request, and seek_ns 0$"):
        Device("disk", 158, 158, 0, refill_ns=MS)
    with pytest.raises(ValueError, match=r"seek_ns 0$"):
        Device("disk", 500, 500, 0, seek_ns=1, refill_ns=FILL)
    with pytest.raises(ValueError, match="page_scale 1"):
        replace(machine(refill_ns=100 * MS), page_scale=2)
    with pytest.raises(ValueError, match="the same for both"):
        replace(machine(refill_ns=100 * MS), same_device=True, file=Device("file", 20, 20, 0))
