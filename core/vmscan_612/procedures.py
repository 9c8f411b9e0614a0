"""Allocation and reclaim of 6.x with either LRU: a unit of its own to the compiler, for only policies of that era need it."""

from __future__ import annotations

from typing import Any

from core import allocator_612, pageout, sched
from core.actor import DEPTH
from core.jit import inlined, unit
from core.vmscan_612 import direct, folios, kswapd, node
from core.vmscan_mglru import age, evict


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
        return allocator_612.step(m, pol, a, f)
    if proc == sched.SHRINK_LIST_612:
        return folios.step(m, pol, a, f)
    if proc == sched.SHRINK_NODE_612:
        return node.step(m, pol, a, f)
    if proc == sched.PAGEOUT:
        return pageout.step(m, a, f)
    if proc == sched.DIRECT_612:
        return direct.step(m, pol, a, f)
    if proc == sched.SHRINK_NODE_MGLRU:
        return evict.step(m, pol, a, f)
    if proc == sched.AGE_MGLRU:
        return age.step(m, a, f)
    return kswapd.step(m, pol, a, f)
