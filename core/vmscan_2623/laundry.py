"""Writing laundry from inside reclaim: a reclaimer's private list (C. Lameter, RFC 0/7, 20 Aug 2007), or the lists of the zones (laundry.py)."""

from __future__ import annotations

from typing import Any

from core.jit import jit
from core.laundry import in_laundry, launder_queue
from core.reclaim import (
    put_back,
    take_laundry,
)
from core.sched import (
    CONTINUE,
    SHRINK_LIST_2623,
    push,
)


@jit
def enter_launder(m: Any, pol: Any, a: int, f: Any) -> int:
    """Run the ordinary page routine over the laundry, ``f.nr_to_launder`` pages of it if it is not the frame's own; PF_MEMALLOC as the policy says."""
    actor = m.actors[a]
    f.held = actor.memalloc
    if not pol.launder_memalloc(int(m.actors[a].is_kswapd), m.tunables):
        actor.memalloc = 0
    if f.nr_laundry == 0:
        node = m.nodes[actor.node]
        return launder_queue(m, a, node.zone_first, node.zone_last, f.nr_to_launder)
    s = push(m, a, SHRINK_LIST_2623)
    s.sc = actor.depth - 1
    s.laundering = 1
    take_laundry(m, s, f)
    return CONTINUE


@jit
def wants_to_launder(m: Any, pol: Any, a: int, f: Any, when: int) -> bool:
    """Ask the policy; an empty laundry is never written."""
    pages = f.nr_laundry + in_laundry(m)
    if pages == 0:
        return False
    f.nr_to_launder = int(pol.launder(int(m.actors[a].is_kswapd), when, pages, f.priority, m.tunables))
    return bool(f.nr_to_launder > 0)


@jit
def return_laundry(m: Any, f: Any) -> None:
    """Put an unwritten laundry back on the LRU."""
    head = f.laundry_head
    f.keep_head = -1
    m.vm[0].nr_laundry -= f.nr_laundry
    f.laundry_head = -1
    f.laundry_tail = -1
    f.nr_laundry = 0
    put_back(m, head)
