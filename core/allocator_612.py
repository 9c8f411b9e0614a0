"""The slow path of 6.12.

Kernel: mm/page_alloc.c:__alloc_pages_slowpath(), v6.1 and v6.12; victims of the OOM killer to 4.13 take all of the reserve and do not reclaim.
"""

from __future__ import annotations

from typing import Any

from core import atomic, gfp
from core.allocator import (
    HOPELESS,
    REBALANCE,
    RECURSED,
    RESERVE_WAITED,
    RESTART,
    START,
    WAITED,
    before_direct,
    clean_first,
    clean_last,
    obtained,
    reclaim_could_help,
    recursed,
    reserve_waited,
    start,
    take_reserve,
    wake_kswapd,
    zone_unreclaimable,
)
from core.allocator_wait import waited
from core.frames import try_alloc
from core.jit import jit, outlined
from core.oom import out_of_memory
from core.sched import (
    CONTINUE,
    DIRECT_612,
    WAIT_TIMER,
    give_way,
    sleep,
    timer,
)
from core.units import JIFFY, MS
from core.watermark import MARK_HIGH, MARK_MIN, MARK_NONE, MARK_OOM


@outlined
def step(m: Any, pol: Any, a: int, f: Any) -> int:
    """One step of __alloc_pages_slowpath()."""
    if f.phase == START:
        start(f)
    if f.phase == RECURSED and not recursed(m, f):
        return obtained(m, a, -1)
    if f.phase == RESTART:
        f.phase = REBALANCE
        wake_kswapd(m, m.actors[a].local_ns)
    if f.phase == RESERVE_WAITED:
        return reserve_waited(m, a, f, DIRECT_612)
    if f.phase == WAITED:
        return waited(m, pol, a, f)
    if f.phase == REBALANCE:
        return rebalance(m, pol, a, f)
    return reclaimed(m, pol, a, f)


@jit
def rebalance(m: Any, pol: Any, a: int, f: Any) -> int:
    """__alloc_pages_slowpath() from ``retry`` to direct reclaim."""
    actor = m.actors[a]
    wake_kswapd(m, actor.local_ns)
    z = try_alloc(m, MARK_MIN, f.gfp)
    if z < 0 and not f.gfp & gfp.NOMEMALLOC:  # __gfp_pfmemalloc_flags()
        if actor.memalloc > 0:
            if clean_first(m, pol, a, f, DIRECT_612):
                return CONTINUE
            z = take_reserve(m, actor, f.gfp)
            if z < 0 and clean_last(m, pol, a, f, DIRECT_612):  # where the kernel says: avoid recursion of direct reclaim
                return CONTINUE
        elif actor.memdie:
            z = try_alloc(m, MARK_OOM if m.vm[0].version >= 414 else MARK_NONE, f.gfp)
    if z >= 0:
        return obtained(m, a, z)
    if not f.gfp & gfp.WAIT:
        return obtained(m, a, atomic.rescue(m, pol, a, f.gfp))
    if actor.memalloc > 0 or (actor.memdie and m.vm[0].version < 414):
        return obtained(m, a, -1)
    return before_direct(m, pol, a, f, DIRECT_612)


@jit
def reclaimed(m: Any, pol: Any, a: int, f: Any) -> int:
    """After direct reclaim: take a page, retry, or call the OOM killer."""
    actor = m.actors[a]
    actor.memalloc -= 1
    z = try_alloc(m, MARK_MIN, f.gfp)
    if z < 0 and actor.memdie and not f.gfp & gfp.NOMEMALLOC:
        z = try_alloc(m, MARK_OOM, f.gfp)
    if z >= 0:
        return obtained(m, a, z)
    f.phase = REBALANCE
    if f.gfp & gfp.NORETRY:
        return obtained(m, a, -1)
    progress = 1 if f.ret else 0
    f.loops = 0 if progress else f.loops + 1
    hopeless = 1 if zone_unreclaimable(m) else 0
    if not pol.out_of_memory(f.loops, progress, hopeless, 1 if reclaim_could_help(m, f.gfp, actor.memdie) else 0, m.tunables):
        # A round takes its time even with nothing to scan (estimate); who goes round for long does so by the millisecond.
        actor.local_ns += m.vm[0].scan_ns if f.loops <= HOPELESS else MS
        return give_way(m, a)
    z = try_alloc(m, MARK_HIGH, f.gfp)
    if z >= 0:
        return obtained(m, a, z)
    if actor.memdie:  # it has tried all that a dying task may
        return obtained(m, a, -1)
    f.loops = 0
    if f.gfp & gfp.FS:
        out_of_memory(m, actor.local_ns)
        if actor.memdie:
            return give_way(m, a)
    return sleep(m, a, WAIT_TIMER, 0, timer(m, actor.local_ns, JIFFY))
