"""kswapd: balance_pgdat(), kswapd_try_to_sleep(), v6.12; the nap after each priority is that of v3.2.

Differs: the highest zone is always the last one.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp
from core.actor import DEPTH
from core.allocator import HOPELESS, allow_direct_reclaim, reclaimable_pages
from core.decisions import BY_CONGESTION, PRIORITY_DONE
from core.jit import jit, outlined
from core.mmzone import ACTIVE_LIST, MGLRU
from core.reclaim import (
    DEF_PRIORITY,
)
from core.sched import (
    CONTINUE,
    WAIT_CONGESTION,
    WAIT_PFMEMALLOC,
    WAIT_WORK,
    give_way,
    sleep,
    timer,
    wake,
)
from core.units import INFINITY, MS
from core.vmscan_612.balance import inactive_is_low, shrink_active
from core.vmscan_612.node import enter_shrink_node, snapshot_refaults
from core.vmscan_mglru.age import age_node as lru_gen_age_node
from core.watermark import MARK_HIGH, MARK_MIN, watermark_ok

ASLEEP: Final = 0
PRIORITY: Final = 1
NODE_DONE: Final = 2
NAPPED: Final = 3
WOKEN: Final = 4


@jit
def balanced(m: Any, node: Any) -> bool:
    """pgdat_balanced(): some zone is above high."""
    for z in range(node.zone_first, node.zone_last + 1):
        if watermark_ok(m.zones[z], MARK_HIGH, 0, m.vm[0].era):
            return True
    return False


@outlined
def step(m: Any, pol: Any, a: int, f: Any) -> int:
    """kswapd: sleep, balance the node, try to sleep again."""
    node = m.nodes[m.actors[a].node]
    if f.phase == ASLEEP:
        f.phase = WOKEN
        return sleep(m, a, WAIT_WORK, 0, INFINITY)
    if f.phase == NAPPED:
        return nap_over(m, a, f, node)
    if f.phase == WOKEN:
        start_balancing(m, f, node)
    if f.phase == NODE_DONE:
        f.phase = PRIORITY
        if pass_done(m, pol, a, f):
            return sleep(m, a, WAIT_CONGESTION, 0, timer(m, m.actors[a].local_ns, 100 * MS))
    if f.phase == PRIORITY and f.priority >= 1:
        ok = balanced(m, node)
        if not ok and f.boost > 0:  # a node that is short gets ordinary reclaim, the boost waits
            f.boost = 0
            f.priority = DEF_PRIORITY
        if ok and f.boost == 0:
            return balancing_done(m, a, f, node)
        start_pass(m, a, f, node)
        return enter_shrink_node(m, a, m.actors[a].node)
    if f.result == 0 and f.boost == 0 and f.cache_trim_failed and not f.no_cache_trim and m.vm[0].version >= 610:
        f.no_cache_trim = 1
        f.priority = DEF_PRIORITY
        f.phase = PRIORITY
        return CONTINUE
    if f.result == 0:
        node.kswapd_failures += 1
    return balancing_done(m, a, f, node)


@jit
def start_balancing(m: Any, f: Any, node: Any) -> None:
    """The start of balance_pgdat(): how much of the watermarks is boost."""
    m.vm[0].pageoutrun += 1
    f.gfp = gfp.KERNEL
    f.force_deactivate = 0
    f.no_cache_trim = 0
    f.cache_trim_failed = 0
    f.result = 0
    f.boost = 0
    for z in range(node.zone_first, node.zone_last + 1):
        f.goal[z - node.zone_first] = m.zones[z].wmark_boost
        f.boost += m.zones[z].wmark_boost
    f.priority = DEF_PRIORITY
    f.phase = PRIORITY


@jit
def start_pass(m: Any, a: int, f: Any, node: Any) -> None:
    """One priority: boosted reclaim neither writes nor swaps; age the anonymous lists in the background."""
    f.may_writepage = 1 if f.boost == 0 else 0
    f.may_swap = f.may_writepage
    f.nr_to_reclaim = 0
    for z in range(node.zone_first, node.zone_last + 1):
        f.nr_to_reclaim += max(m.zones[z].wmark_high + m.zones[z].wmark_boost, m.vm[0].batch)
    f.nr_scanned = 0
    f.slab_scanned = 0
    f.phase = NODE_DONE
    age_node(m, a, m.actors[a].node)


@jit
def age_node(m: Any, a: int, n: int) -> None:
    """kswapd_age_node(): give anonymous pages a chance to be referenced before they are wanted."""
    if m.vm[0].lru == MGLRU:
        lru_gen_age_node(m, a, n, m.frames[a * DEPTH + m.actors[a].depth])
    elif m.vm[0].swap_slots > 0 and inactive_is_low(m, n, 0):
        shrink_active(m, a, n, ACTIVE_LIST, m.vm[0].batch)


@jit
def pass_done(m: Any, pol: Any, a: int, f: Any) -> bool:
    """After shrink_node(): wake who waits for the reserve, lower the priority unless enough was scanned and something freed; True: nap first (to 3.10)."""
    n = m.actors[a].node
    f.result += f.ret
    note_unreclaimable(m, n, f.slab_scanned)
    if allow_direct_reclaim(m, n):
        wake(m, WAIT_PFMEMALLOC, n, m.actors[a].local_ns)
    calm = f.boost > 0 and f.priority == DEF_PRIORITY - 2  # boosted reclaim goes no further down
    enough = f.nr_scanned >= f.nr_to_reclaim
    f.boost -= min(f.boost, f.ret)
    if f.boost > 0 and f.ret == 0:
        f.priority = 0  # nothing clean is left: no more for a boost
        return False
    naps = f.nr_scanned > 0 and f.priority < DEF_PRIORITY - 2 and not below_min(m, n)
    naps = naps and pol.throttle(1, PRIORITY_DONE, f.priority, m.tunables) == BY_CONGESTION
    if not (calm or enough) or f.ret == 0:
        f.priority -= 1
    return naps


@jit
def note_unreclaimable(m: Any, n: int, slab_scanned: int) -> None:
    """zone_reclaimable() turned round, as balance_pgdat() asks it to v4.6: the lists scanned six times and nothing freed; any page freed clears it."""
    node = m.nodes[n]
    scanned = 0
    for z in range(node.zone_first, node.zone_last + 1):
        scanned += m.zones[z].pages_scanned
    if scanned < 6 * reclaimable_pages(m, n) or slab_scanned > 0:
        return
    for z in range(node.zone_first, node.zone_last + 1):
        m.zones[z].all_unreclaimable = 1


@jit
def below_min(m: Any, n: int) -> bool:
    """has_under_min_watermark_zone of balance_pgdat(), v3.2: no time for naps."""
    for z in range(m.nodes[n].zone_first, m.nodes[n].zone_last + 1):
        if not watermark_ok(m.zones[z], MARK_MIN, 0, m.vm[0].era):
            return True
    return False


@jit
def balancing_done(m: Any, a: int, f: Any, node: Any) -> int:
    """The end of balance_pgdat(), then kswapd_try_to_sleep(): a nap of 100 ms before the real sleep, if the node allows it."""
    now = m.actors[a].local_ns
    for z in range(node.zone_first, node.zone_last + 1):
        m.zones[z].wmark_boost -= min(m.zones[z].wmark_boost, f.goal[z - node.zone_first])
    snapshot_refaults(node)
    if may_sleep(m, a, node, now):
        f.phase = NAPPED
        f.until = timer(m, now, 100 * MS)
        return sleep(m, a, WAIT_WORK, 0, f.until)
    m.vm[0].kswapd_high_wmark_hit_quickly += 1
    f.phase = WOKEN
    return give_way(m, a)


@jit
def nap_over(m: Any, a: int, f: Any, node: Any) -> int:
    """Woken during the nap, or still not balanced: the sleep was premature."""
    vm = m.vm[0]
    now = m.actors[a].local_ns
    f.phase = WOKEN
    if now < f.until:
        vm.kswapd_low_wmark_hit_quickly += 1
        return CONTINUE
    if may_sleep(m, a, node, now):
        return sleep(m, a, WAIT_WORK, 0, INFINITY)
    vm.kswapd_high_wmark_hit_quickly += 1
    return CONTINUE


@jit
def may_sleep(m: Any, a: int, node: Any, now: int) -> bool:
    """prepare_kswapd_sleep(): the node is balanced, or hopeless and left to direct reclaim."""
    wake(m, WAIT_PFMEMALLOC, m.actors[a].node, now)
    if node.kswapd_failures >= HOPELESS:
        return True
    if not balanced(m, node):
        return False
    node.congested = 0
    node.dirty = 0
    node.writeback = 0
    return True
