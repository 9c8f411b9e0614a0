"""What Linux did after 2007: 3.2, 3.6, 4.11, 5.16 and today, on a load that dirties faster than its disk writes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core import Builder, Device, Machine, Outcome, decisions, operations, policies, simulate
from core.era import ERAS

pytestmark = pytest.mark.compiled

SLOW = Device("slow", 60, 20, 200_000, seek_ns=2_000_000)
PC = Machine("pc", ram_mib=4, cpus=2, swap_mib=0, swap=SLOW, file=SLOW)
MODERN = ("linux_3_2", "linux_3_6", "linux_4_11", "linux_5_16", "flusher_only")


def decide(name: str, decision: str, *arguments: int) -> int:
    policy = policies.load(name)
    function = {**ERAS[policy.era].decisions, **policy.decides}[decision]
    return int(getattr(function, "py_func", function)(*arguments, np.zeros(1, np.int64)))


def test_who_may_write_a_file_page() -> None:
    """From 3.2 on never a direct reclaimer; kswapd below priority 10 (3.2), or seen twice on a node full of dirty pages (4.11)."""
    for name in ("linux_3_2", "linux_3_6"):
        assert {decide(name, "dirty_page", 0, 0, 1, 1, p) for p in range(13)} == {decisions.MARK}
        assert [decide(name, "dirty_page", 1, 0, 0, 0, p) for p in (12, 10, 9, 1)] == [decisions.MARK, decisions.MARK, decisions.WRITE, decisions.WRITE]
    for name in ("linux_4_11", "linux_5_16"):
        for kswapd, marked, node_dirty in np.ndindex(2, 2, 2):
            may = decisions.WRITE if kswapd and marked and node_dirty else decisions.ACTIVATE
            assert decide(name, "dirty_page", kswapd, 0, marked, node_dirty, 12) == may
    for name in ("linux_3_2", "linux_3_6", "linux_4_11", "linux_5_16"):
        assert decide(name, "dirty_page", 0, 1, 0, 0, 12) == decisions.WRITE  # swap is written by the finder


def test_the_reserve_is_kept_for_writers_since_3_6() -> None:
    assert decide("linux_3_2", "before_direct", 0, 0, 10, 0) == decisions.RECLAIM
    assert decide("linux_3_6", "before_direct", 0, 9, 10, 0) == decisions.WAIT_FOR_RESERVE
    assert decide("linux_3_6", "before_direct", 0, 9, 10, 1) == decisions.RECLAIM
    assert (decide("linux_3_2", "receive"), decide("linux_3_6", "receive")) == (decisions.DROP, decisions.FILTER)


def writers(dirty_ratio: int = 95) -> dict[str, Outcome]:
    """Two tasks overwrite a file of 12 MiB on 4 MiB of RAM; the limits are high, so dirty pages reach the tail."""
    builder = Builder()
    for _ in range(2):
        file = builder.file(1500)
        builder.task(20_000).run(operations.FILE_WRITE, file.first, 1500).run(operations.FILE_WRITE, file.first, 1500).jump(0)
    load = builder.build(2 * 10**9)
    params = {"dirty_ratio": dirty_ratio, "dirty_background_ratio": 90}
    return {name: simulate(PC, policies.load(name), params, load) for name in ("inline", *MODERN)}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    return writers()


def test_the_flusher_writes_what_reclaim_meets(outcomes: dict[str, Outcome]) -> None:
    assert outcomes["flusher_only"].nr_vmscan_write == 0  # there is no swap: all would be file pages
    for name in MODERN:
        assert outcomes[name].nr_written > 1000, name
        assert outcomes[name].nr_vmscan_write * 100 < outcomes[name].nr_written, name


def test_dirty_pages_at_the_tail_are_marked_to_be_freed_when_clean(outcomes: dict[str, Outcome]) -> None:
    for name in MODERN:
        assert outcomes[name].nr_vmscan_immediate_reclaim > 0, name
        assert outcomes[name].pgrotated > 0, name
    assert outcomes["inline"].nr_vmscan_immediate_reclaim == 0


def test_nobody_is_killed_for_a_slow_disk(outcomes: dict[str, Outcome]) -> None:
    assert {name: (o.oom_kills, o.deadlock) for name, o in outcomes.items()} == dict.fromkeys(outcomes, (0, 0))


def test_anonymous_memory_without_swap_is_killed_by_every_kernel() -> None:
    """Three kinds of OOM rule come to the same end when nothing can be freed."""
    builder = Builder()
    hog = builder.anon(1200)
    builder.task().run(operations.WRITE, hog.first, 1200).jump(0)
    load = builder.build(10 * 10**9)
    for name in MODERN:
        outcome = simulate(replace(PC, swap_mib=0), policies.load(name), {}, load)
        assert outcome.oom_kills == 1, name
