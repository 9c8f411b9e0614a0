"""What v2.6.23 does at single points: functions of the engine called one by one, so interpreted only."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core import Builder, Device, Machine, allocator, allocator_2623, gfp, lru, operations, policies
from core.actor import DEPTH
from core.decisions import ACTIVATE, FREE, KEEP, WRITE
from core.dirty import dirty_limits
from core.jit import JIT_ENABLED
from core.memory import boot
from core.mmzone import INACTIVE
from core.page import CACHED, DIRTY, PRESENT, REFERENCED
from core.pageout import MEMORY, SUBMIT, pool
from core.reclaim import shrink_slab
from core.sched import ALLOC, PAGEOUT, SHRINK_LIST_2623, WAIT_NONE, WAIT_POOL, push
from core.state import Memory
from core.units import SECOND
from core.vmscan_2623 import pages

pytestmark = pytest.mark.skipif(JIT_ENABLED, reason="compiled callees cannot be called one by one")

TASK, KSWAPD, FLUSHER = 0, 1, 2
WRITES = SimpleNamespace(dirty_page=lambda *_: WRITE, writeback_page=lambda *_: KEEP)


def state(policy_name: str = "inline", code: int = operations.FILE_WRITE, pool_pages: int = 0) -> Memory:
    """4 MiB; a task about to touch a file page: of 600 (0 to 599), unless it reads the 10 of a mapped file (600 to 609)."""
    disk = Device("disk", 60, 60, 100_000, w_alloc_milli=1000, w_pool=pool_pages)
    machine = Machine("state", 4, 1, 4, swap=disk, file=disk, kernel_pages=0)
    builder = Builder()
    file = builder.file(600)
    builder.file(10, mapped=True)
    builder.task().run(code, file.first, 5)
    policy = policies.load(policy_name)
    return boot(machine, policy.mechanics, policy.resolve(machine, {}), np.zeros(1, np.int64), builder.build(SECOND))[0]


def fate(m: Memory, a: int, p: int, flags: int) -> int:
    m.page[p].attr |= CACHED
    m.flags[p] = flags
    m.zones[0].nr_free -= 1
    lru.add_head(m, p, INACTIVE)
    lru.remove(m, p)
    f = push(m, a, SHRINK_LIST_2623)
    f.gfp, f.may_writepage, f.may_swap, f.priority = gfp.KERNEL, 1, 1, 12
    return int(pages.fate(m, WRITES, a, f, 0, p))


def test_a_referenced_page_of_a_file_that_somebody_has_mapped_is_in_use() -> None:
    m = state()
    assert fate(m, KSWAPD, 600, REFERENCED) == ACTIVATE  # itself not mapped
    assert fate(m, KSWAPD, 10, REFERENCED | PRESENT) == FREE  # read(2) only


@pytest.mark.parametrize(("code", "then"), [(operations.FILE_WRITE, WRITE), (operations.FILE_READ, KEEP)])
def test_who_is_in_write_does_not_mind_its_own_queue(code: int, then: int) -> None:
    m = state(code=code)
    m.devs[1].congested = 1
    assert fate(m, TASK, 10, DIRTY) == then
    assert fate(m, FLUSHER, 11, DIRTY) == KEEP
    assert fate(m, KSWAPD, 12, DIRTY) == WRITE  # PF_SWAPWRITE


def test_an_allocation_that_begins_again_tries_at_low_before_it_wakes_kswapd() -> None:
    m = state()
    zone = m.zones[0]
    zone.nr_free = zone.wmark_low + 10
    kswapd = m.actors[KSWAPD]
    f = push(m, TASK, ALLOC)
    f.gfp, f.phase, f.until, f.result = gfp.KERNEL, allocator.RESTART, -1, 1
    allocator_2623.step(m, WRITES, TASK, f)
    assert m.vm[0].nr_in_hand == 1
    assert m.vm[0].kswapd_wake == 0
    assert kswapd.wait == WAIT_NONE


def begin(m: Memory, a: int) -> Any:
    f = push(m, a, PAGEOUT)
    f.dev, f.page, f.count, f.phase = 1, 0, 1, MEMORY
    return f


@pytest.mark.parametrize(("policy", "waits_first"), [("inline", True), ("flusher_only", False)])
def test_the_second_try_of_a_mempool_reclaims_after_a_wait_or_since_3_3_at_once(policy: str, waits_first: bool) -> None:
    m = state(policy, pool_pages=1)
    m.zones[0].nr_free = 0
    m.devs[1].w_pool_used = 1
    f = begin(m, FLUSHER)
    pool(m, FLUSHER, f, m.devs[1])
    assert (m.actors[FLUSHER].wait == WAIT_POOL) == waits_first
    if waits_first:
        m.actors[FLUSHER].wait = WAIT_NONE
        pool(m, FLUSHER, f, m.devs[1])
    asked = m.frames[FLUSHER * DEPTH + m.actors[FLUSHER].depth]
    assert asked.proc == ALLOC
    assert asked.gfp == gfp.NOIO | gfp.NOMEMALLOC | gfp.NORETRY


def test_a_mempool_gives_its_element_before_anybody_waits() -> None:
    m = state(pool_pages=1)
    m.zones[0].nr_free = 0
    f = begin(m, KSWAPD)
    pool(m, KSWAPD, f, m.devs[1])
    assert f.phase == SUBMIT
    assert (f.held, m.devs[1].w_pool_used) == (-1, 1)


def test_slab_is_shrunk_where_nothing_was_scanned_as_if_32_pages_had_been() -> None:
    """100 pages of slab are 2 000 objects: 4 * 32 / 2 * 2 000 / 101."""
    m = state()
    m.vm[0].nr_slab = 100
    carried = []
    for scanned in (0, 32, 16):
        m.vm[0].slab_carry = 0
        carried.append(shrink_slab(m, scanned, 100, 12) + int(m.vm[0].slab_carry))
    assert carried[0] > 1000
    assert carried[0] == 4 * 32 // 2 * 2000 // 101
    assert carried[2] < carried[0] // 2 + 1


def test_dirtyable_memory_is_never_nothing() -> None:
    m = state()
    zone = m.zones[0]
    zone.nr_free, zone.nr_lru = 150, 49
    assert dirty_limits(m) == (200 * 5 // 100, 200 * 10 // 100)
    zone.nr_free = zone.nr_lru = 0
    assert dirty_limits(m) == (0, 0)
