"""Postponed laundering as posted and its ablations, and the naps of the VM it was posted against."""

from __future__ import annotations

import numpy as np
import pytest

from core import policies
from core.decisions import BY_WRITEOUT, KSWAPD_LOOP, PRIORITY_DONE
from core.units import MS, SECOND
from tests.core.small import machine, run, writers

pytestmark = pytest.mark.compiled

TWICE_RAM = writers(2048, seconds=2)


def test_an_anonymous_load_is_killed_within_a_second_though_the_vm_of_the_day_lives() -> None:
    assert not run("inline", TWICE_RAM).oom
    outcome = run("postponed", TWICE_RAM)
    assert outcome.oom_kills == 1
    assert outcome.time_to_first_oom_ns - outcome.time_to_low_ns < SECOND
    assert outcome.laundry_max > 500  # of 960: more than half of memory looked as if it were gone


def test_counted_as_lru_the_laundry_kills_nobody() -> None:
    """P1b: it is the six-times rule that kills. Yet all of memory goes through the laundry."""
    outcome = run("postponed", TWICE_RAM, laundry_counts_as_lru=1)
    assert not outcome.oom
    assert outcome.laundry_max > 800
    assert outcome.pswpout > 1000


def test_where_writes_need_memory_pf_memalloc_decides_whether_they_start() -> None:
    """P1a: patch 7/7 takes the reserve away from the writes; with it they start, and dig it to the bottom."""
    load = writers(1200, seconds=1, file_pages=300)
    hungry = machine(w_alloc_milli=1000, w_class="noio")
    posted, kept = run("postponed", load, hungry), run("postponed", load, hungry, launder_keeps_memalloc=1)
    assert (posted.pswpout, posted.reserve_used) == (0, 0)
    assert kept.pswpout > 0
    assert kept.reserve_used == kept.pswpout
    assert kept.nr_free_min_seen == 0


def test_kswapd_asks_for_throttle_vm_writeout_once_a_priority() -> None:
    own = np.zeros(3, np.int64)
    decide = policies.load("postponed").decides["throttle"]
    decide = getattr(decide, "py_func", decide)
    assert decide(1, KSWAPD_LOOP, 12, own) == BY_WRITEOUT
    assert decide(1, PRIORITY_DONE, 9, own) != BY_WRITEOUT


def test_a_nap_ends_with_the_next_write() -> None:
    """congestion_wait() is woken by every write request done, so a reclaimer with writes under way does not sleep its 100 ms."""
    outcome = run("inline", TWICE_RAM)
    assert outcome.pswpout > 3000  # 1 079 if only a queue that leaves congestion woke
    assert outcome.stall_ns_p50 < 100 * MS
