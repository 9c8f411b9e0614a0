"""Direct reclaim: try_to_free_pages(), v2.6.23."""

from __future__ import annotations

from typing import Any, Final

from core import slabtest
from core.decisions import AFTER_PRIORITY, AT_DIRECT_EXIT, PRIORITY_DONE, UNMAPPED
from core.dirty import lru_pages, wake_flusher
from core.frames import zone_at
from core.jit import jit, outlined
from core.reclaim import (
    DEF_PRIORITY,
    shrink_slab,
)
from core.sched import (
    WAIT_CONGESTION,
    give_way,
    pop,
    sleep,
)
from core.units import MS
from core.vmscan_2623.laundry import enter_launder, return_laundry, wants_to_launder
from core.vmscan_2623.zone import enter_shrink_zone

START: Final = 0
NEXT_PRIORITY: Final = 1
ZONES: Final = 2
SHRUNK: Final = 3
NAPPED: Final = 4
OUT: Final = 5
LAUNDERED: Final = 6
LAUNDERED_PRIORITY: Final = 7
SLAB_SHRUNK: Final = 8


@outlined
def step(m: Any, pol: Any, a: int, f: Any) -> int:
    """try_to_free_pages(): 1 if 32 pages were freed or there was more to do, 0 if every zone is hopeless; a recursion returns pages freed."""
    actor = m.actors[a]
    if f.phase == START:
        f.priority = DEF_PRIORITY
        f.may_writepage = 0 if f.recursion else 1
        f.may_swap = 0 if f.recursion == UNMAPPED else 1
        f.lru_pages = lru_pages(m)
        f.phase = NEXT_PRIORITY
    if f.phase == SHRUNK:
        f.nr_reclaimed += f.ret
        f.zone -= 1
        f.phase = ZONES
    if f.phase == LAUNDERED_PRIORITY:
        actor.memalloc = f.held
        f.phase = NAPPED
        return nap(m, pol, a, f)
    if f.phase == LAUNDERED:
        actor.memalloc = f.held
        return pop(m, a, f.result)
    if f.phase == NAPPED:
        f.priority -= 1
        f.result = 0 if f.all_unreclaimable else 1
        f.phase = NEXT_PRIORITY if f.priority >= 0 else OUT
    if f.phase == NEXT_PRIORITY:
        f.nr_scanned = 0
        f.all_unreclaimable = 1
        f.zone = len(m.zones) - 1
        f.phase = ZONES
    if f.phase == ZONES:
        return direct_zones(m, pol, a, f)
    if f.phase == SLAB_SHRUNK:
        return priority_done(m, pol, a, f)
    return direct_out(m, pol, a, f)


@jit
def direct_zones(m: Any, pol: Any, a: int, f: Any) -> int:
    """shrink_zones() and shrink_slab() at one priority; a recursion leaves slab alone."""
    vm = m.vm[0]
    while f.zone >= 0:
        z = zone_at(m, len(m.zones) - 1 - f.zone)
        zone = m.zones[z]
        zone.prev_priority = min(zone.prev_priority, f.priority)
        if not zone.all_unreclaimable or f.priority == DEF_PRIORITY:
            f.all_unreclaimable = 0
            f.phase = SHRUNK
            return enter_shrink_zone(m, a, m.actors[a].depth, z)
        f.zone -= 1
    if f.recursion:
        return priority_done(m, pol, a, f)
    before = vm.nr_slab
    shrink_slab(m, f.nr_scanned, f.lru_pages, f.priority)
    f.nr_reclaimed += before - vm.nr_slab
    if vm.slab_burst > 0:
        f.phase = SLAB_SHRUNK
        return slabtest.enter(m, a)
    return priority_done(m, pol, a, f)


@jit
def priority_done(m: Any, pol: Any, a: int, f: Any) -> int:
    """The tests after shrink_slab(): enough? Else wake pdflush, launder, nap; a recursion goes on at once."""
    f.total_scanned += f.nr_scanned
    if f.nr_reclaimed >= m.vm[0].batch:
        f.result = 1
        return direct_out(m, pol, a, f)
    if f.recursion:
        f.phase = NAPPED
        return give_way(m, a)
    if 2 * f.total_scanned > 3 * m.vm[0].batch and pol.wake_pdflush(0, f.priority, m.tunables):
        wake_flusher(m, f.total_scanned, m.actors[a].local_ns)
    if wants_to_launder(m, pol, a, f, AFTER_PRIORITY):
        f.phase = LAUNDERED_PRIORITY
        return enter_launder(m, pol, a, f)
    f.phase = NAPPED
    return nap(m, pol, a, f)


@jit
def nap(m: Any, pol: Any, a: int, f: Any) -> int:
    """congestion_wait(WRITE, HZ/10) once the priority has fallen far enough."""
    if f.nr_scanned > 0 and f.priority < DEF_PRIORITY - 2 and pol.throttle(0, PRIORITY_DONE, f.priority, m.tunables):
        return sleep(m, a, WAIT_CONGESTION, 0, m.actors[a].local_ns + 100 * MS)
    return give_way(m, a)


@jit
def direct_out(m: Any, pol: Any, a: int, f: Any) -> int:
    """The exit of try_to_free_pages(): note the priority, launder."""
    for z in range(len(m.zones)):
        m.zones[z].prev_priority = max(f.priority, 0)
    if f.nr_laundry > 0:
        if wants_to_launder(m, pol, a, f, AT_DIRECT_EXIT):
            f.phase = LAUNDERED
            return enter_launder(m, pol, a, f)
        return_laundry(m, f)
    return pop(m, a, f.nr_reclaimed if f.recursion else f.result)
