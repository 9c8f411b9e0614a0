"""Allocation and reclaim of 2.6.23: a unit of its own to the compiler, for only policies of that era need it."""

from __future__ import annotations

from typing import Any

from core import allocator_2623, pageout, sched
from core.actor import DEPTH
from core.jit import inlined, unit
from core.vmscan_2623 import direct, kswapd, pages, zone


@unit
def run(m: Any, pol: Any, a: int) -> int:
    """Go on with reclaim until actor ``a`` waits, its time is up, or it is back where it came from; what its last step told the engine."""
    actor = m.actors[a]
    while True:
        verdict = step(m, pol, a, m.frames[a * DEPTH + actor.depth])
        if verdict != sched.CONTINUE or actor.local_ns >= actor.limit_ns or not sched.reclaims(m, a):
            return verdict


@inlined
def step(m: Any, pol: Any, a: int, f: Any) -> int:
    """One step of the procedure of reclaim that actor ``a`` is in."""
    proc = f.proc
    if proc == sched.ALLOC:
        return allocator_2623.step(m, pol, a, f)
    if proc == sched.SHRINK_LIST_2623:
        return pages.step(m, pol, a, f)
    if proc == sched.SHRINK_ZONE_2623:
        return zone.step(m, a, f)
    if proc == sched.PAGEOUT:
        return pageout.step(m, a, f)
    if proc == sched.DIRECT_2623:
        return direct.step(m, pol, a, f)
    return kswapd.step(m, pol, a, f)
