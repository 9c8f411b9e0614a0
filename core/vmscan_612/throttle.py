"""Reclaimers that wait for progress: reclaim_throttle(), skip_throttle_noprogress(), v6.12; wait_iff_congested(), v3.2."""

from __future__ import annotations

from typing import Any

from core.allocator import HOPELESS, reclaimable_pages
from core.blkdev import FILE, SWAP
from core.device import write_congested
from core.jit import inlined, jit
from core.sched import (
    WAIT_CONGESTION,
    WAIT_WRITEBACK,
    sleep,
    timer,
)
from core.units import MS


@jit
def throttle_writeback(m: Any, a: int, n: int, now: int) -> int:
    """reclaim_throttle(VMSCAN_THROTTLE_WRITEBACK): the kswapd of node ``n`` waits until more than 32 writes of its pages are done, at most 100 ms."""
    m.nodes[n].throttled_written = 0
    return sleep(m, a, WAIT_WRITEBACK, n, timer(m, now, 100 * MS))


@jit
def skip_throttle(m: Any, n: int) -> bool:
    """skip_throttle_noprogress() of node ``n``: kswapd is hopeless, or less than half of what is reclaimable waits to be written."""
    if m.nodes[n].kswapd_failures >= HOPELESS:
        return True
    return bool(2 * write_pending(m, n) <= reclaimable_pages(m, n))


@inlined
def write_pending(m: Any, n: int) -> int:
    """NR_ZONE_WRITE_PENDING of the zones of node ``n``."""
    pages = 0
    for z in range(m.nodes[n].zone_first, m.nodes[n].zone_last + 1):
        pages += m.zones[z].nr_write_pending
    return int(pages)


@jit
def wait_iff_congested(m: Any, a: int) -> bool:
    """wait_iff_congested(BLK_RW_ASYNC, HZ/10), v2.6.36 to v5.15: True, asleep, if a write queue is congested."""
    if not write_congested(m, SWAP) and not write_congested(m, FILE):
        return False
    sleep(m, a, WAIT_CONGESTION, 0, timer(m, m.actors[a].local_ns, 100 * MS))
    return True
