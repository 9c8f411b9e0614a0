"""kswapd: balance_pgdat(), kswapd_try_to_sleep(), v6.12.

Differs: the highest zone is always the last one.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp
from core.allocator import HOPELESS, allow_direct_reclaim
from core.jit import jit
from core.reclaim import (
    DEF_PRIORITY,
    SWAP_CLUSTER_MAX,
)
from core.sched import (
    CONTINUE,
    WAIT_PFMEMALLOC,
    WAIT_WORK,
    give_way,
    sleep,
    wake,
)
from core.units import INFINITY, MS
from core.vmscan_612.node import enter_shrink_node, snapshot_refaults
from core.watermark import MARK_HIGH, watermark_ok

START: Final = 0
NODE_DONE: Final = 1
THROTTLED: Final = 2
ASLEEP: Final = 3
NAPPING: Final = 4
PRIORITY: Final = 5


@jit
def balanced(m: Any, node: Any) -> bool:
    """pgdat_balanced(): some zone is above high."""
    for z in range(node.zone_first, node.zone_last + 1):
        if watermark_ok(m.zones[z], MARK_HIGH, 0, m.vm[0].era):
            return True
    return False


@jit
def step(m: Any, a: int, f: Any) -> int:
    """kswapd: balance from priority 12 to 1 until a zone is above high; sixteen failures in a row and it gives up."""
    vm = m.vm[0]
    now = m.actors[a].local_ns
    node = m.nodes[m.actors[a].node]
    if f.phase == START:
        f.phase = NAPPING
        return sleep(m, a, WAIT_WORK, 0, now + 100 * MS)
    if f.phase == NAPPING:
        f.phase = ASLEEP
        if balanced(m, node) or node.kswapd_failures >= HOPELESS:
            return sleep(m, a, WAIT_WORK, 0, INFINITY)
    if f.phase == ASLEEP:
        vm.pageoutrun += 1
        f.priority = DEF_PRIORITY
        f.gfp = gfp.KERNEL
        f.may_swap = 1
        f.may_writepage = 1
        f.force_deactivate = 0
        f.result = 0
        f.phase = PRIORITY
    if f.phase == NODE_DONE:
        pass_done(m, a, f, now)
    if f.phase == PRIORITY:
        if balanced(m, node):
            return kswapd_done(m, a, f)
        f.nr_to_reclaim = 0
        for z in range(node.zone_first, node.zone_last + 1):
            f.nr_to_reclaim += max(m.zones[z].wmark_high, SWAP_CLUSTER_MAX)
        f.nr_scanned = 0
        f.phase = NODE_DONE
        return enter_shrink_node(m, a, m.actors[a].node)
    if f.result == 0:
        node.kswapd_failures += 1
    return kswapd_done(m, a, f)


@jit
def pass_done(m: Any, a: int, f: Any, now: int) -> None:
    """After shrink_node(): wake who waits for the reserve, lower the priority unless enough was scanned and something freed."""
    f.result += f.ret
    n = m.actors[a].node
    if allow_direct_reclaim(m, n):
        wake(m, WAIT_PFMEMALLOC, n, now)
    raise_priority = f.nr_scanned < f.nr_to_reclaim
    if raise_priority or f.ret == 0:
        f.priority -= 1
    f.phase = PRIORITY if f.priority >= 1 else THROTTLED


@jit
def kswapd_done(m: Any, a: int, f: Any) -> int:
    """snapshot_refaults(), clear the node's marks, nap for 100 ms before the real sleep."""
    n = m.actors[a].node
    node = m.nodes[n]
    now = m.actors[a].local_ns
    snapshot_refaults(node)
    if balanced(m, node):
        node.congested = 0
        node.dirty = 0
        node.writeback = 0
        f.phase = START
        wake(m, WAIT_PFMEMALLOC, n, now)
        return CONTINUE
    if node.kswapd_failures >= HOPELESS:
        wake(m, WAIT_PFMEMALLOC, n, now)
        f.phase = START
        return CONTINUE
    f.phase = ASLEEP
    return give_way(m, a)
