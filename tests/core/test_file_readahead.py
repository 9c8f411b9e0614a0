"""Readahead of files since 2.6.31: windows that grow, a mark in them that brings the next one, and what pages in memory say of a reader."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from core import Builder, Outcome, policies, simulate
from core.operations import FILE_READ
from core.units import MS, SECOND
from tests.core.small import machine

pytestmark = pytest.mark.compiled

BASE = 16  # pages from the start of the file, where the first miss would be taken for a reader of the whole
LATENCY = 5 * MS


def reads(pages: Sequence[int], policy: str = "flusher_only", op_ns: int = 1_000) -> Outcome:
    """One task reads pages of a file; each wait for the device is one latency, and page reads are what was allocated."""
    builder = Builder()
    file = builder.file(600)
    builder.task(op_ns).touch(FILE_READ, np.array(pages) + file.first + BASE)
    return simulate(machine(cpus=1, read_mb_s=2000, latency_ns=LATENCY), policies.load(policy), {}, builder.build(SECOND))


def brought(pages: Sequence[int], policy: str = "flusher_only") -> int:
    """Pages read from the device."""
    return reads(pages, policy).pgalloc


def waits(pages: Sequence[int], op_ns: int) -> int:
    """Latencies that are not hidden behind what the task does with the pages."""
    return (reads(pages, op_ns=op_ns).last_op_ns - len(pages) * op_ns) // LATENCY


def test_one_page_at_random_brings_one_page() -> None:
    assert brought([0]) == 1
    assert brought([0, 100, 50, 300]) == 4


def test_the_second_page_in_order_brings_four_and_its_mark_eight() -> None:
    assert brought([0, 1]) == 1 + 4
    assert brought([0, 1, 2]) == 1 + 4 + 8, "the mark is on the second page of the window: all but the page asked for are ahead"
    assert brought([0, 1, 2, 3, 4]) == 1 + 4 + 8
    assert brought([0, 1, 2, 3, 4, 5]) == 1 + 4 + 8 + 16
    assert brought(list(range(14))) == 1 + 4 + 8 + 16 + 32
    assert brought(list(range(100))) == 1 + 4 + 8 + 16 + 32 * 4, "never more than 32 at a time"


def test_a_start_of_file_is_read_on_at_once() -> None:
    assert brought([-BASE]) == 4


def test_the_next_window_is_there_before_it_is_needed() -> None:
    assert waits(range(500), op_ns=MS // 5) == 3, "the first two misses, and the window of eight, which four pages of 0.2 ms do not hide"


def test_pages_left_in_memory_are_the_trace_of_a_reader() -> None:
    """Two pages before the missed one, read in whatever order: a reader may have come this way."""
    assert brought([0, 200, 201 - 200]) == 2 + 1, "one page of history is none"
    assert brought([1, 0, 100, 2]) == 3 + 3, "two pages before: those two and the one asked for"
    assert brought([3, 2, 1, 0, 100, 4]) == 5 + 5
    assert brought([1, 0, 100, 2], "inline") == 4, "2.6.23 does not look"


def test_a_file_in_memory_from_its_start_on_counts_twice() -> None:
    """One task has read the first four pages backwards; another comes from elsewhere and misses the fifth."""
    builder = Builder()
    file = builder.file(600)
    builder.task(1_000).touch(FILE_READ, np.array([3, 2, 1, 0]) + file.first)
    builder.task(1_000).think(100 * MS).touch(FILE_READ, np.array([200, 4]) + file.first)
    found = simulate(machine(), policies.load("flusher_only"), {}, builder.build(SECOND))
    assert found.pgalloc == 4 + 1 + (2 * 4 + 1)


def test_a_mark_that_another_reader_left_begins_behind_what_is_there() -> None:
    """The task was elsewhere meanwhile, so the mark belongs to no window of its own: what follows the pages in memory is read."""
    assert brought([0, 1, 100, 101, 2]) == 2 * (1 + 4) + 8
