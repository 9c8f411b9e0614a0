"""The laundry list of each zone: pages that the scan found dirty and nobody writes yet. They count as LRU pages and stay mapped.

C. Lameter, 21 Aug 2007, 15:32 PDT (a per-zone LRU-type list); FreeBSD's PQ_LAUNDRY does the same since 11.0 (review D8302).
"""

from __future__ import annotations

from typing import Any, Final

from core import lru
from core.jit import inlined, jit, outlined
from core.mmzone import LAUNDRY_LIST, LISTS
from core.reclaim import isolate
from core.sched import CONTINUE, LAUNDER_QUEUE, SHRINK_LIST_2623, give_way, pop, push

START: Final = 0
WROTE: Final = 1


@jit
def to_laundry(m: Any, p: int) -> None:
    """Put the isolated page ``p`` on the laundry list of its zone."""
    vm = m.vm[0]
    pg = m.page[p]
    m.zones[pg.zone].nr_isolated -= 1
    lru.add_head(m, p, int(pg.zone) * LISTS + LAUNDRY_LIST)
    vm.laundry_isolated += 1
    vm.laundry_max = max(vm.laundry_max, in_laundry(m))


@inlined
def in_laundry(m: Any) -> int:
    """Pages on the laundry lists of all zones."""
    pages = 0
    for z in range(LAUNDRY_LIST, len(m.queues), LISTS):
        pages += m.queues[z].nr
    return int(pages)


@jit
def launder_queue(m: Any, a: int, first: int, last: int, pages: int) -> int:
    """Launder up to ``pages`` of the oldest pages on the laundry lists of zones ``first`` to ``last`` with this frame's scan_control; returns how many."""
    depth = m.actors[a].depth
    f = push(m, a, LAUNDER_QUEUE)
    f.sc = depth
    f.zone = first
    f.end_zone = last
    f.nr_to_reclaim = pages
    return CONTINUE


@outlined
def step_queue(m: Any, a: int, f: Any) -> int:
    """Batches of 32 from the lowest zone to the highest."""
    if f.phase == WROTE:
        f.phase = START
        return give_way(m, a)
    while f.zone <= f.end_zone and f.count < f.nr_to_reclaim:
        depth = m.actors[a].depth
        s = push(m, a, SHRINK_LIST_2623)
        s.sc = f.sc
        s.laundering = 1
        taken = isolate(m, s, f.zone * LISTS + LAUNDRY_LIST, min(m.vm[0].batch, f.nr_to_reclaim - f.count))
        if taken > 0:
            f.count += taken
            m.vm[0].pgscan_kswapd += taken
            f.phase = WROTE
            return CONTINUE
        m.actors[a].depth = depth
        f.zone += 1
    return pop(m, a, f.count)
