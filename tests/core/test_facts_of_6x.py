"""What v6.1 and v6.12 do at single points of reclaim, on a state made by hand: functions of the engine called one by one, so interpreted only."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core import Builder, Device, Machine, allocator, allocator_612, gfp, lru, oom, policies, streams
from core.balance_dirty import dirty_poll_interval, step_6x, throttle
from core.bandwidth import position_ratio, update_dirty_limit, writeback_chunk_size
from core.decisions import ACTIVATE, BY_EVENT, KEEP, WRITE
from core.device import merges
from core.dirty import dirty_limits
from core.jit import JIT_ENABLED
from core.memory import boot
from core.reclaim import evict, shrink_slab
from core.sched import (
    BALANCE_DIRTY,
    DIRECT_612,
    SHRINK_LIST_612,
    SHRINK_NODE_612,
    WAIT_ISOLATED,
    WAIT_NONE,
    WAIT_PFMEMALLOC,
    WAIT_TIMER,
    WAIT_WORK,
    push,
    timer,
)
from core.state import ACTIVE_FILE, ACTIVE_LIST, CACHED, DEPTH, INACTIVE, INACTIVE_FILE, WORKINGSET, Memory
from core.streams import ACCESSED, ACTIVE, DIRTY, PRESENT
from core.units import JIFFY, MS, SECOND
from core.vmscan_612 import balance, folios, node, workingset
from core.vmscan_612.direct import consider_throttle

pytestmark = pytest.mark.skipif(JIT_ENABLED, reason="compiled callees cannot be called one by one")

DISK = Device("disk", 60, 60, 100_000)
FILE_PAGES = 600
TASK, KSWAPD, FLUSHER = 0, 1, 2


def state(version: int = 612, zones: tuple[int, ...] = (), swap_mib: int = 4, **params: int) -> Memory:
    """4 MiB, a task with 400 anonymous pages (0 to 399) and a file of 600 (400 to 999); nothing is resident yet."""
    machine = Machine("state", 4, 1, swap_mib, swap=DISK, file=DISK, zones_mib=zones, kernel_pages=0, slab_pages=40)
    builder = Builder()
    builder.anon(400)
    file = builder.file(FILE_PAGES)
    builder.task().run(streams.FILE_READ, file.first, 1)
    policy = policies.load("flusher_only")
    m = boot(machine, policy.mechanics, policy.resolve(machine, params), np.zeros(1, np.int64), builder.build(SECOND))[0]
    m.vm[0].version = version
    return m


def put(m: Memory, first: int, pages: int, which: int, flags: int = 0, zone: int = 0) -> None:
    """Pages resident on a list."""
    for p in range(first, first + pages):
        m.page[p].attr |= CACHED
        m.page[p].zone = zone
        m.flags[p] = flags | PRESENT
        m.zones[zone].nr_free -= 1
        lru.add_head(m, p, which)
        if p >= 400:
            m.vm[0].nr_file += 1
            m.vm[0].nr_dirty += 1 if flags & DIRTY else 0


def frame(m: Memory, a: int, proc: int, **fields: Any) -> Any:
    """A frame of an actor whose fields of an earlier use are gone."""
    f = push(m, a, proc)
    values = {"gfp": gfp.KERNEL, "priority": 12, "may_writepage": 1, "may_swap": 1, "sc": int(m.actors[a].depth), "node": 0, "nr_to_reclaim": 32}
    for name, value in (values | fields).items():
        setattr(f, name, value)
    return f


def asks(**answers: int) -> Any:
    """A policy that always answers the same."""
    defaults = {"throttle": BY_EVENT, "dirty_page": ACTIVATE, "writeback_page": ACTIVATE, "wake_pdflush": 0, "before_direct": 0, "recurse": 0, "atomic_scan": 0}
    return SimpleNamespace(**{name: lambda *_, answer=answer: answer for name, answer in (defaults | answers).items()})


# --- too_many_isolated() -------------------------------------------------------------------------------------------------------------------


def test_a_direct_reclaimer_waits_20_ms_and_the_rest_of_a_tick_while_more_than_an_eighth_is_isolated() -> None:
    m = state()
    put(m, 400, 160, INACTIVE_FILE)
    m.nodes[0].nr_isolated[1] = 21
    f = frame(m, TASK, SHRINK_NODE_612, zone=INACTIVE_FILE, count=32)
    assert not node.isolation_allowed(m, asks(), TASK, f, f)
    assert (m.actors[TASK].wait, m.actors[TASK].ready_ns) == (WAIT_ISOLATED, 24 * MS)  # no timer is early
    assert node.isolation_allowed(m, asks(), TASK, f, f)  # still too many: this batch is left out
    assert f.phase == node.LISTS_LEFT
    assert m.queues[INACTIVE_FILE].nr == 160
    f.gfp = gfp.NOFS  # who may hold locks may isolate as much as is left
    f.loops = 0
    assert node.isolation_allowed(m, asks(), TASK, f, f)
    assert f.phase == node.SHRUNK
    assert m.nodes[0].nr_isolated[1] == 21 + 32


def test_kswapd_and_kernel_threads_do_not_wait_for_isolated_pages() -> None:
    for actor in (KSWAPD, FLUSHER):
        m = state()
        put(m, 400, 80, INACTIVE_FILE)
        m.nodes[0].nr_isolated[1] = 30
        f = frame(m, actor, SHRINK_NODE_612, zone=INACTIVE_FILE, count=32)
        assert node.isolation_allowed(m, asks(), actor, f, f)
        assert m.actors[actor].wait == WAIT_NONE
        assert (f.phase == node.SHRUNK) == (actor == KSWAPD)


def test_who_finds_few_isolated_pages_wakes_the_others() -> None:
    m = state()
    put(m, 400, 80, INACTIVE_FILE)
    m.actors[TASK].wait, m.actors[TASK].ready_ns = WAIT_ISOLATED, SECOND
    m.vm[0].waiting[WAIT_ISOLATED] = 1
    f = frame(m, FLUSHER, SHRINK_NODE_612)
    assert not node.too_many_isolated(m, FLUSHER, 0, INACTIVE_FILE, f)
    assert m.actors[TASK].wait == WAIT_NONE


# --- costs ---------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "cost"), [(601, 3), (612, 3 * 32 + 10), (411, 3 * 32 + 10)])
def test_a_write_costs_32_scans_in_vain_and_in_6_1_those_cost_nothing(version: int, cost: int) -> None:
    m = state(version)
    put(m, 0, 400, INACTIVE)
    put(m, 400, 500, INACTIVE_FILE)
    balance.note_cost(m, 0, 1, 3, 10)
    assert m.nodes[0].file_cost == cost


@pytest.mark.parametrize(("version", "cost"), [(601, 1), (612, 32)])
def test_a_refault_costs_only_if_the_page_was_active_before(version: int, cost: int) -> None:
    m = state(version)
    put(m, 0, 400, INACTIVE)
    put(m, 400, 2, ACTIVE_FILE, ACTIVE)
    put(m, 500, 2, INACTIVE_FILE)
    balance.shrink_active(m, KSWAPD, 0, ACTIVE_FILE, 2)
    assert m.page[400].attr & WORKINGSET
    f = frame(m, KSWAPD, SHRINK_LIST_612)
    for p in (400, 500):
        lru.remove(m, p)
        m.zones[0].nr_isolated += 1
        evict(m, p)
    assert f.iso_head < 0
    assert workingset.refault(m, 500, 0)
    assert m.nodes[0].file_cost == 0
    assert workingset.refault(m, 400, 0)
    assert m.nodes[0].file_cost == cost
    assert m.page[400].attr & WORKINGSET  # it would cost again


def test_anonymous_pages_that_cannot_be_swapped_do_not_count_for_a_refault() -> None:
    m = state()
    put(m, 0, 300, ACTIVE_LIST, ACTIVE)
    m.nodes[0].nonresident_age = 250
    m.page[399].stamp = 0
    m.vm[0].swap_free = 0
    assert not workingset.refault(m, 399, 0)
    m.vm[0].swap_free = 1
    assert workingset.refault(m, 399, 0)


def test_text_that_stays_active_ages_the_evicted() -> None:
    m = state()
    put(m, 400, 3, ACTIVE_FILE, ACTIVE | ACCESSED)
    m.page.attr[400:403] |= streams.EXEC | streams.MAPPED
    balance.shrink_active(m, KSWAPD, 0, ACTIVE_FILE, 3)
    assert m.nodes[0].nonresident_age == 3


# --- what is scanned -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "goes_on"), [(516, 1), (601, 0), (612, 0)])
def test_since_6_0_reclaim_stops_a_round_after_it_has_enough(version: int, goes_on: int) -> None:
    m = state(version)
    f = frame(m, KSWAPD, SHRINK_NODE_612, proportional=0, nr_reclaimed=32)
    f.scan[:] = f.goal[:] = (64, 0, 640, 0)
    assert not node.enough(m, f, f)
    assert f.scan[INACTIVE] == 0
    assert f.proportional == goes_on
    assert node.enough(m, f, f) != bool(goes_on)


def test_the_file_lists_are_tiny_with_the_boost_counted() -> None:
    m = state()
    put(m, 0, 200, INACTIVE)
    put(m, 400, 8, INACTIVE_FILE)
    m.zones[0].nr_free = 300
    m.zones[0].wmark_high = 250
    sc = frame(m, KSWAPD, SHRINK_NODE_612, priority=0)
    balance.prepare_scan_control(m, 0, sc)
    assert not sc.file_tiny
    m.zones[0].wmark_boost = 60
    balance.prepare_scan_control(m, 0, sc)
    assert sc.file_tiny


@pytest.mark.parametrize(("version", "again"), [(601, 0), (612, 1)])
def test_6_12_tries_once_more_without_cache_trim_mode(version: int, again: int) -> None:
    from core.vmscan_612 import kswapd

    m = state(version)
    m.zones[0].nr_free = 0
    f = m.frames[KSWAPD * DEPTH]
    f.phase, f.priority, f.result, f.boost, f.cache_trim_failed, f.no_cache_trim = kswapd.PRIORITY, 0, 0, 0, 1, 0
    kswapd.step(m, asks(), KSWAPD, f)
    assert f.no_cache_trim == again
    assert m.nodes[0].kswapd_failures == 1 - again


# --- slab ----------------------------------------------------------------------------------------------------------------------------------


def test_deferred_slab_work_is_shifted_by_the_priority() -> None:
    """40 pages are 800 objects; 1 000 are deferred."""
    m = state()
    m.vm[0].slab_carry = 1000
    assert shrink_slab(m, 0, 0, 12) == 0  # 1000 >> 12
    assert shrink_slab(m, 0, 0, 2) == 512 + 128  # (1000 >> 2) + 2 * (800 >> 2)
    assert m.vm[0].slab_carry == 1000 + 400 - 640


def test_a_cache_smaller_than_a_batch_is_scanned_when_pressure_is_high() -> None:
    m = state()
    m.vm[0].slab_floor = m.vm[0].nr_slab - 2  # 40 objects
    assert shrink_slab(m, 0, 0, 2) == 0
    assert shrink_slab(m, 0, 0, 0) == 80
    assert m.vm[0].nr_slab == m.vm[0].slab_floor


# --- what becomes of a page ----------------------------------------------------------------------------------------------------------------


def fate_of(m: Memory, p: int, actor: int = KSWAPD, pol: Any = None, **fields: int) -> int:
    f = frame(m, actor, SHRINK_LIST_612, **fields)
    lru.remove(m, p)
    m.zones[0].nr_isolated += 1
    return int(folios.fate(m, pol or asks(dirty_page=WRITE), actor, f, f, p))


def test_a_file_page_is_not_written_by_who_may_not_enter_file_systems() -> None:
    m = state()
    put(m, 400, 2, INACTIVE_FILE, DIRTY)
    assert fate_of(m, 400) == WRITE
    assert fate_of(m, 401, gfp=gfp.NOFS) == KEEP


def test_a_page_whose_write_failed_is_kept_and_the_write_has_cost() -> None:
    m = state()
    put(m, 0, 300, INACTIVE)
    f = frame(m, KSWAPD, SHRINK_LIST_612, phase=folios.WROTE, ret=0, page=0, is_file=0, nr_taken=1, nr_activated=0, nr_pageout=0)
    for name in ("nr_dirty", "nr_unqueued_dirty", "nr_congested", "nr_file_writeback", "nr_immediate"):
        setattr(f, name, 0)
    m.nodes[0].nr_isolated[0] = 1
    lru.remove(m, 0)
    m.zones[0].nr_isolated = 1
    folios.step(m, asks(), KSWAPD, f)
    assert not m.flags[0] & ACTIVE
    assert m.page[0].list == INACTIVE
    assert m.nodes[0].anon_cost == 32 + 1
    assert m.nodes[0].nr_isolated[0] == 0


@pytest.mark.parametrize(("version", "marked"), [(601, 1), (612, 0)])
def test_6_1_lets_kswapd_write_files_when_it_met_none(version: int, marked: int) -> None:
    m = state(version)
    f = frame(m, KSWAPD, SHRINK_NODE_612)
    for name in ("nr_dirty", "nr_unqueued_dirty", "nr_congested", "nr_file_writeback", "nr_immediate", "nr_file_taken", "cache_trim"):
        setattr(f, name, 0)
    f.nr_taken = 32
    node.node_done(m, asks(), KSWAPD, f, f)
    assert m.nodes[0].dirty == marked


# --- who sleeps ----------------------------------------------------------------------------------------------------------------------------


def test_tasks_are_throttled_and_the_flusher_is_not() -> None:
    for actor, sleeps in ((TASK, True), (FLUSHER, False)):
        m = state()
        put(m, 400, 100, INACTIVE_FILE)
        m.zones[0].nr_write_pending = 80
        m.nodes[0].congested = 1
        f = frame(m, actor, SHRINK_NODE_612, priority=1, nr_scanned=8, cache_trim=0)
        node.node_done(m, asks(), actor, f, f)
        assert (m.actors[actor].wait == WAIT_TIMER) == sleeps
        m.actors[actor].wait = WAIT_NONE
        assert consider_throttle(m, asks(), actor, f) == sleeps


# --- the allocator -------------------------------------------------------------------------------------------------------------------------


def test_zones_with_nothing_reclaimable_do_not_count_for_the_reserve() -> None:
    m = state(zones=(1, 3))
    put(m, 400, 10, INACTIVE_FILE, zone=1)
    m.zones[0].nr_free, m.zones[1].nr_free = 200, 5
    assert allocator.reserve_left(m, 0) == (5, int(m.zones[1].wmark_min) // 2)
    put(m, 500, 1, INACTIVE_FILE, zone=0)
    assert allocator.reserve_left(m, 0)[0] == 204
    for p in (*range(400, 410), 500):
        lru.remove(m, p)
    assert allocator.allow_direct_reclaim(m, 0)  # no reserve at all: nobody waits


def test_who_waits_for_the_reserve_looks_before_he_goes_on() -> None:
    m = state()
    put(m, 400, 10, INACTIVE_FILE)
    m.zones[0].nr_free = 0
    kswapd = m.actors[KSWAPD]
    kswapd.wait = WAIT_WORK
    m.vm[0].waiting[WAIT_WORK] = 1
    f = frame(m, TASK, 1, older=SECOND, phase=allocator.RESERVE_WAITED, until=-1)
    allocator.reserve_waited(m, TASK, f, DIRECT_612)
    assert m.actors[TASK].wait == WAIT_PFMEMALLOC
    assert m.actors[TASK].ready_ns == SECOND
    assert kswapd.wait == WAIT_NONE  # it has to be awake meanwhile
    m.actors[TASK].wait = WAIT_NONE
    m.zones[0].nr_free = 500
    allocator.reserve_waited(m, TASK, f, DIRECT_612)
    assert m.frames[TASK * DEPTH + m.actors[TASK].depth].proc == DIRECT_612


def test_what_is_reclaimable_is_weighed_in_its_own_zone_at_the_mark_of_the_class() -> None:
    m = state(zones=(1, 3), swap_mib=0)
    m.zones[0].nr_free = m.zones[1].nr_free = 0
    put(m, 0, 200, INACTIVE, zone=0)  # no swap: not reclaimable
    low = int(m.zones[1].wmark_min)
    put(m, 400, low // 2 + 1, INACTIVE_FILE, zone=1)
    m.zones[0].nr_free = m.zones[1].nr_free = 0
    assert not allocator.reclaim_could_help(m, gfp.KERNEL, 0)
    assert allocator.reclaim_could_help(m, gfp.KERNEL | gfp.HIGH, 0)
    assert allocator.reclaim_could_help(m, gfp.KERNEL, 1)  # the victim of the OOM killer may go as deep
    assert not allocator.reclaim_could_help(m, gfp.KERNEL | gfp.NOMEMALLOC, 1)


@pytest.mark.parametrize(("version", "reclaims"), [(411, False), (601, True)])
def test_a_victim_reclaims_before_it_fails(version: int, reclaims: bool) -> None:
    m = state(version)
    m.zones[0].nr_free = 0
    m.actors[TASK].memdie = 1
    depth = int(m.actors[TASK].depth)
    f = frame(m, TASK, 1, result=1, until=-1)
    allocator_612.rebalance(m, asks(), TASK, f)
    assert (m.frames[TASK * DEPTH + m.actors[TASK].depth].proc == DIRECT_612) == reclaims
    assert (m.actors[TASK].depth == depth) != reclaims


@pytest.mark.parametrize(("version", "left"), [(306, 50), (406, 0)])
def test_the_reaper_came_with_4_6(version: int, left: int) -> None:
    m = state(version)
    put(m, 0, 50, INACTIVE)
    m.page.owner[:50] = TASK
    m.actors[TASK].rss = 50
    oom.out_of_memory(m, 0)
    assert m.queues[INACTIVE].nr == left


# --- dirty throttling ----------------------------------------------------------------------------------------------------------------------


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


# --- the device ----------------------------------------------------------------------------------------------------------------------------


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
