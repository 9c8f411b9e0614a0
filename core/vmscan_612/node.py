"""One node: scan its lists as planned, then set its flags.

Kernel: mm/vmscan.c:shrink_lruvec(), too_many_isolated(), shrink_node(), v6.1 and v6.12.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp, slabtest
from core.actor import DEPTH
from core.decisions import BY_CONGESTION, BY_EVENT, NO, WHY_CONGESTED, WHY_ISOLATED, WHY_WRITEBACK
from core.jit import jit, outlined
from core.mmzone import ACTIVE_FILE, ACTIVE_LIST, INACTIVE, INACTIVE_FILE, LISTS, MGLRU
from core.plug import finish_plug, start_plug
from core.reclaim import (
    DEF_PRIORITY,
    isolate,
    shrink_slab,
)
from core.sched import (
    CONTINUE,
    SHRINK_LIST_612,
    SHRINK_NODE_612,
    SHRINK_NODE_MGLRU,
    WAIT_CONGESTION,
    WAIT_ISOLATED,
    WAIT_TIMER,
    YIELD,
    give_way,
    pop,
    push,
    sleep,
    timer,
    wake,
)
from core.units import JIFFY, MS
from core.vmscan_612.balance import get_scan_count, inactive_is_low, prepare_scan_control, shrink_active
from core.vmscan_612.throttle import skip_throttle, throttle_writeback, wait_iff_congested

START: Final = 0
LISTS_LEFT: Final = 1
SHRUNK: Final = 2
THROTTLED: Final = 3
SLAB_SHRUNK: Final = 4
TOO_MANY_ISOLATED: Final = 5


@outlined
def step(m: Any, pol: Any, a: int, f: Any) -> int:
    """shrink_node(): scan by get_scan_count(), then flags and throttles; returns pages freed."""
    vm = m.vm[0]
    sc = m.frames[a * DEPTH + f.sc]
    if f.phase == START:
        sc.nr_dirty = 0
        sc.nr_congested = 0
        sc.nr_unqueued_dirty = 0
        sc.nr_file_writeback = 0
        sc.nr_immediate = 0
        sc.nr_taken = 0
        sc.nr_file_taken = 0
        f.total_scanned = sc.nr_scanned
        prepare_scan_control(m, f.node, sc)
        get_scan_count(m, f, sc)
        f.proportional = 1 if not m.actors[a].is_kswapd and sc.priority == DEF_PRIORITY else 0
        f.zone = 0
        f.phase = LISTS_LEFT
        start_plug(m, a)
    if f.phase == SHRUNK:
        f.nr_reclaimed += f.ret
        f.zone += 1
        f.phase = LISTS_LEFT
        return give_way(m, a)
    if f.phase == TOO_MANY_ISOLATED:
        if not isolation_allowed(m, pol, a, f, sc):
            return YIELD
        if f.phase == SHRUNK:
            return CONTINUE
        f.zone += 1
    if f.phase == THROTTLED:
        return leave(m, a, f, sc)
    if f.phase == SLAB_SHRUNK:
        return node_done(m, pol, a, f, sc)
    while f.zone > 0 or f.scan[INACTIVE] > 0 or f.scan[ACTIVE_FILE] > 0 or f.scan[INACTIVE_FILE] > 0:  # a round is finished
        if f.zone == 4:
            f.zone = 0
            if enough(m, f, sc):
                break
            continue
        if shrink_one(m, pol, a, f, sc):
            return CONTINUE if f.phase == SHRUNK else YIELD
        f.zone += 1
    finish_plug(m, a)
    if inactive_is_low(m, f.node, 0) and vm.swap_slots > 0:  # can_age_anon_pages()
        shrink_active(m, a, f.node, ACTIVE_LIST, vm.batch)
    if sc.recursion:
        return node_done(m, pol, a, f, sc)
    m.actors[a].local_ns += vm.pass_ns
    before = vm.nr_slab
    sc.slab_scanned += shrink_slab(m, 0, 0, sc.priority)
    f.nr_reclaimed += before - vm.nr_slab
    if vm.slab_burst > 0:
        f.phase = SLAB_SHRUNK
        return slabtest.enter(m, a)
    return node_done(m, pol, a, f, sc)


@jit
def shrink_one(m: Any, pol: Any, a: int, f: Any, sc: Any) -> bool:
    """shrink_list(): one batch of list ``f.zone``; True if a frame was pushed for it (phase SHRUNK) or the actor sleeps first."""
    vm = m.vm[0]
    which = f.zone
    pages = min(f.scan[which], vm.batch)
    if pages <= 0:
        return False
    f.scan[which] -= pages
    if which in (ACTIVE_LIST, ACTIVE_FILE):
        if sc.deactivate & (2 if which == ACTIVE_FILE else 1):
            shrink_active(m, a, f.node, which, pages)
        else:
            sc.skipped_deactivate = 1
        return False
    f.count = pages
    f.loops = 0
    return not isolation_allowed(m, pol, a, f, sc) or f.phase == SHRUNK


@jit
def isolation_allowed(m: Any, pol: Any, a: int, f: Any, sc: Any) -> bool:
    """shrink_inactive_list() up to shrink_folio_list(), with phase SHRUNK if there is something to shrink; False: asleep, too much is isolated."""
    if not m.actors[a].is_kswapd and not sc.recursion:
        if f.loops and m.actors[a].memdie:
            f.phase = LISTS_LEFT
            f.nr_reclaimed += m.vm[0].batch
            return True
        if too_many_isolated(m, a, f.node, f.zone, sc):
            how = pol.throttle(0, WHY_ISOLATED, sc.priority, m.tunables)
            if how == BY_EVENT and not f.loops and a < m.vm[0].n_tasks:
                f.loops = 1
                f.phase = TOO_MANY_ISOLATED
                sleep(m, a, WAIT_ISOLATED, f.node, timer(m, m.actors[a].local_ns, 20 * MS))
                return False
            if how == BY_CONGESTION:
                f.loops = 1
                f.phase = TOO_MANY_ISOLATED
                sleep(m, a, WAIT_CONGESTION, 0, timer(m, m.actors[a].local_ns, 100 * MS))
                return False
            if how != NO:
                f.phase = LISTS_LEFT
                return True
    isolate_batch(m, a, f)
    return True


@jit
def too_many_isolated(m: Any, a: int, n: int, which: int, sc: Any) -> bool:
    """Are more pages isolated than an eighth of the inactive list (of all of it, for who may not enter file systems or do I/O)? If not, waiters go on."""
    inactive = m.queues[n * LISTS + which].nr
    whole = gfp.FS | gfp.IO
    if sc.gfp & whole == whole:
        inactive >>= 3
    if m.nodes[n].nr_isolated[1 if which == INACTIVE_FILE else 0] > inactive:
        return True
    wake(m, WAIT_ISOLATED, n, m.actors[a].local_ns)
    return False


@jit
def isolate_batch(m: Any, a: int, f: Any) -> None:
    """Take ``f.count`` pages off list ``f.zone`` and push the frame that shrinks them: phase SHRUNK, if there are any."""
    vm = m.vm[0]
    which = f.zone
    f.phase = LISTS_LEFT
    depth = m.actors[a].depth
    s = push(m, a, SHRINK_LIST_612)
    s.sc = f.sc
    s.node = f.node
    s.is_file = 1 if which == INACTIVE_FILE else 0
    s.nr_dirty = 0
    s.nr_unqueued_dirty = 0
    s.nr_congested = 0
    s.nr_file_writeback = 0
    s.nr_immediate = 0
    s.nr_pageout = 0
    s.nr_activated = 0
    s.nr_taken = isolate(m, s, f.node * LISTS + which, f.count)
    if s.nr_taken == 0:
        m.actors[a].depth = depth
        return
    m.nodes[f.node].nr_isolated[s.is_file] += s.nr_taken
    if m.actors[a].is_kswapd:
        vm.pgscan_kswapd += s.nr_taken
    else:
        vm.pgscan_direct += s.nr_taken
    f.phase = SHRUNK


@jit
def enough(m: Any, f: Any, sc: Any) -> bool:
    """After a round over the lists: reclaimed enough? Then drop the smaller type and scan the other in proportion."""
    if f.nr_reclaimed < sc.nr_to_reclaim or f.proportional:
        return False
    file = f.scan[INACTIVE_FILE] + f.scan[ACTIVE_FILE]
    anon = f.scan[INACTIVE] + f.scan[ACTIVE_LIST]
    if file == 0 or anon == 0:
        return True
    small = INACTIVE if file > anon else INACTIVE_FILE
    other = INACTIVE_FILE - small
    left = min(file, anon)
    percentage = left * 100 // (f.goal[small] + f.goal[small + 1] + 1)
    f.scan[small] = 0
    f.scan[small + 1] = 0
    for which in range(other, other + 2):
        scanned = f.goal[which] - f.scan[which]
        f.scan[which] = max(f.goal[which] * (100 - percentage) // 100 - scanned, 0)
    if m.vm[0].version < 600:
        f.proportional = 1  # the rest is scanned whole; since 6.0 one round of it
    return False


@jit
def node_done(m: Any, pol: Any, a: int, f: Any, sc: Any) -> int:
    """kswapd marks the node; reclaimers that got nowhere are throttled."""
    node = m.nodes[f.node]
    now = m.actors[a].local_ns
    is_kswapd = m.actors[a].is_kswapd
    if sc.recursion:
        return leave(m, a, f, sc)
    f.phase = THROTTLED
    if is_kswapd:
        if sc.nr_file_writeback and sc.nr_file_writeback == sc.nr_taken:
            node.writeback = 1
        if sc.nr_unqueued_dirty == sc.nr_file_taken and (sc.nr_unqueued_dirty or m.vm[0].version < 607):
            node.dirty = 1
        if sc.nr_dirty and sc.nr_dirty == sc.nr_congested:
            node.congested = 1
        if sc.nr_immediate:
            how = pol.throttle(1, WHY_WRITEBACK, sc.priority, m.tunables)
            if how == BY_EVENT:
                return throttle_writeback(m, a, f.node, now)
            if how == BY_CONGESTION:
                return sleep(m, a, WAIT_CONGESTION, 0, timer(m, now, 100 * MS))
    if not is_kswapd and node.congested:
        how = pol.throttle(0, WHY_CONGESTED, sc.priority, m.tunables)
        if how == BY_EVENT and a < m.vm[0].n_tasks and not skip_throttle(m, f.node):
            return sleep(m, a, WAIT_TIMER, 0, timer(m, now, JIFFY))
        if how == BY_CONGESTION and wait_iff_congested(m, a):
            return YIELD
    return leave(m, a, f, sc)


@jit
def leave(m: Any, a: int, f: Any, sc: Any) -> int:
    """The end of shrink_node(): kswapd is given another chance, or the cache alone was not enough (6.10 on)."""
    if f.nr_reclaimed > 0:
        m.nodes[f.node].kswapd_failures = 0
    elif sc.cache_trim:
        sc.cache_trim_failed = 1
    return pop(m, a, f.nr_reclaimed)


@jit
def snapshot_refaults(node: Any) -> None:
    """snapshot_refaults(): what prepare_scan_control() compares with."""
    node.refaults_anon = node.activate_anon
    node.refaults_file = node.activate_file


@jit
def enter_shrink_node(m: Any, a: int, n: int) -> int:
    """Push shrink_node() of node ``n`` with the scan_control of the present frame."""
    depth = m.actors[a].depth
    s = push(m, a, SHRINK_NODE_MGLRU if m.vm[0].lru == MGLRU else SHRINK_NODE_612)
    s.sc = depth
    s.node = n
    return CONTINUE
