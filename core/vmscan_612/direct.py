"""Direct reclaim: do_try_to_free_pages(), shrink_zones(), v6.12."""

from __future__ import annotations

from typing import Any, Final

from core.allocator import reclaimable_pages
from core.decisions import BY_CONGESTION, BY_EVENT, PRIORITY_DONE, WHY_NOPROGRESS
from core.dirty import wake_flusher
from core.jit import inlined, jit, outlined
from core.reclaim import (
    DEF_PRIORITY,
)
from core.sched import WAIT_CONGESTION, WAIT_NOPROGRESS, YIELD, pop, sleep, timer, wake
from core.units import JIFFY, MS
from core.vmscan_612.node import enter_shrink_node, snapshot_refaults
from core.vmscan_612.throttle import skip_throttle, wait_iff_congested, write_pending

START: Final = 0
SHRUNK: Final = 1
THROTTLED: Final = 2
OUT: Final = 3


@inlined
def node_at(m: Any, a: int, place: int) -> int:
    """Node at ``place`` of the actor's zonelist: its home, then the others in the order of frames.zone_at()."""
    n = m.actors[a].node - place
    return int(n if n >= 0 else n + len(m.nodes))


@outlined
def step(m: Any, pol: Any, a: int, f: Any) -> int:
    """Returns the pages reclaimed; 0 is no progress."""
    if f.phase == START:
        f.priority = DEF_PRIORITY
        f.may_writepage = 0 if f.recursion else 1
        f.may_swap = 0 if f.recursion else 1
        f.nr_to_reclaim = m.vm[0].batch
        f.force_deactivate = 0
        f.no_cache_trim = 0
        f.skipped_deactivate = 0
        return next_pass(m, a, f)
    if f.phase == OUT:
        return pop(m, a, f.nr_reclaimed)
    if f.phase == SHRUNK:
        f.nr_reclaimed += f.ret
        f.count += 1
        if f.count < len(m.nodes):
            return enter_shrink_node(m, a, node_at(m, a, f.count))
        f.phase = THROTTLED
        if not f.recursion and consider_throttle(m, pol, a, f):
            return YIELD
    f.total_scanned += f.nr_scanned
    if f.nr_reclaimed >= f.nr_to_reclaim:
        return direct_done(m, pol, a, f)
    much = 2 * f.total_scanned > 3 * m.vm[0].batch and not f.recursion
    if much and pol.wake_pdflush(0, f.priority, m.tunables):
        wake_flusher(m, f.total_scanned, m.actors[a].local_ns)
    f.priority -= 1
    if f.priority < 0:
        if f.nr_reclaimed > 0 or not f.skipped_deactivate or f.force_deactivate:
            return direct_done(m, pol, a, f)
        for n in range(len(m.nodes)):
            snapshot_refaults(m.nodes[n])
        m.vm[0].allocstall += 1
        f.priority = DEF_PRIORITY
        f.force_deactivate = 1
        f.skipped_deactivate = 0
    return next_pass(m, a, f)


@jit
def next_pass(m: Any, a: int, f: Any) -> int:
    """shrink_zones(): every node of the zonelist at one priority."""
    f.phase = SHRUNK
    f.count = 0
    f.nr_scanned = 0
    return enter_shrink_node(m, a, node_at(m, a, 0))


@jit
def consider_throttle(m: Any, pol: Any, a: int, f: Any) -> bool:
    """consider_reclaim_throttle() of the first node, v5.16 on; to v5.15 wait_iff_congested() from priority 9 on. True: it sleeps."""
    now = m.actors[a].local_ns
    n = m.actors[a].node
    if f.nr_reclaimed > f.nr_scanned >> 3:
        wake(m, WAIT_NOPROGRESS, n, now)
    elif f.priority == 1 and f.nr_reclaimed == 0:
        how = pol.throttle(0, WHY_NOPROGRESS, f.priority, m.tunables)
        if how == BY_EVENT and a < m.vm[0].n_tasks and not skip_throttle(m, n):
            sleep(m, a, WAIT_NOPROGRESS, n, timer(m, now, JIFFY))
            return True
    if f.nr_reclaimed >= f.nr_to_reclaim or f.nr_scanned == 0 or f.priority >= DEF_PRIORITY - 2:
        return False
    if pol.throttle(0, PRIORITY_DONE, f.priority, m.tunables) != BY_CONGESTION:
        return False
    return wait_iff_congested(m, a)


@jit
def direct_done(m: Any, pol: Any, a: int, f: Any) -> int:
    """snapshot_refaults(); who leaves without a page while most of what is reclaimable waits to be written naps (should_reclaim_retry(), v4.7 to v5.15)."""
    for n in range(len(m.nodes)):
        snapshot_refaults(m.nodes[n])
    f.phase = OUT
    n = m.actors[a].node
    if f.nr_reclaimed == 0 and not f.recursion and 2 * write_pending(m, n) > reclaimable_pages(m, n):
        how = pol.throttle(0, WHY_NOPROGRESS, f.priority, m.tunables)
        if how == BY_CONGESTION:
            return sleep(m, a, WAIT_CONGESTION, 0, timer(m, m.actors[a].local_ns, 100 * MS))
    return pop(m, a, f.nr_reclaimed)
