"""Reclaimers that wait for progress: reclaim_throttle(), skip_throttle_noprogress(), v6.12."""

from __future__ import annotations

from typing import Any

from core.allocator import HOPELESS, reclaimable_pages
from core.jit import jit
from core.sched import (
    WAIT_WRITEBACK,
    sleep,
)
from core.units import MS


@jit
def throttle_writeback(m: Any, a: int, n: int, now: int) -> int:
    """reclaim_throttle(VMSCAN_THROTTLE_WRITEBACK): the kswapd of node ``n`` waits until more than 32 writes of its pages are done, at most 100 ms."""
    m.nodes[n].throttled_written = 0
    return sleep(m, a, WAIT_WRITEBACK, n, now + 100 * MS)


@jit
def skip_throttle(m: Any, n: int) -> bool:
    """skip_throttle_noprogress() of node ``n``: kswapd is hopeless, or little of what is reclaimable waits for writes."""
    vm = m.vm[0]
    if m.nodes[n].kswapd_failures >= HOPELESS:
        return True
    return bool(2 * vm.nr_writeback <= reclaimable_pages(m, n))
