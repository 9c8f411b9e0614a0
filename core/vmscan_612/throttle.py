"""Reclaimers that wait for progress: reclaim_throttle(), skip_throttle_noprogress(), v6.12."""

from __future__ import annotations

from typing import Any

from core.allocator import HOPELESS
from core.jit import jit
from core.sched import (
    WAIT_WRITEBACK,
    sleep,
)
from core.state import ACTIVE_FILE, ACTIVE_LIST, INACTIVE, INACTIVE_FILE
from core.units import MS


@jit
def throttle_writeback(m: Any, a: int, now: int) -> int:
    """reclaim_throttle(VMSCAN_THROTTLE_WRITEBACK): until enough writes are done, at most 100 ms."""
    vm = m.vm[0]
    if vm.waiting[WAIT_WRITEBACK] == 0:
        vm.throttle_written_start = vm.nr_written
        vm.nr_throttled_writeback = 0
    vm.nr_throttled_writeback += 1
    return sleep(m, a, WAIT_WRITEBACK, 0, now + 100 * MS)


@jit
def skip_throttle(m: Any) -> bool:
    """skip_throttle_noprogress(): kswapd is hopeless, or little of what is reclaimable waits for writes."""
    vm = m.vm[0]
    if vm.kswapd_failures >= HOPELESS:
        return True
    reclaimable = m.queues[INACTIVE_FILE].nr + m.queues[ACTIVE_FILE].nr
    if vm.swap_free > 0:
        reclaimable += m.queues[INACTIVE].nr + m.queues[ACTIVE_LIST].nr
    return bool(2 * (vm.nr_dirty + vm.nr_writeback) <= reclaimable)  # NR_ZONE_WRITE_PENDING
