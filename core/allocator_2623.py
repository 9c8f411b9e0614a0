"""The slow path of 2.6.23.

Kernel: mm/page_alloc.c:__alloc_pages(), v2.6.23.
"""

from __future__ import annotations

from typing import Any

from core import atomic, gfp
from core.allocator import (
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
)
from core.allocator_wait import waited
from core.frames import try_alloc
from core.jit import jit, outlined
from core.oom import out_of_memory
from core.sched import (
    CONTINUE,
    DIRECT_2623,
    WAIT_CONGESTION,
    WAIT_TIMER,
    give_way,
    sleep,
)
from core.units import JIFFY, MS
from core.watermark import MARK_HIGH, MARK_LOW, MARK_MIN


@outlined
def step(m: Any, pol: Any, a: int, f: Any) -> int:
    """One step of __alloc_pages() from its second try on."""
    if f.phase == START:
        start(f)
    if f.phase == RECURSED and not recursed(m, f):
        return obtained(m, a, -1)
    if f.phase == RESTART:
        f.phase = REBALANCE
        z = try_alloc(m, MARK_LOW, f.gfp)
        if z < 0:
            wake_kswapd(m, m.actors[a].local_ns)
            z = try_alloc(m, MARK_MIN, f.gfp)
        if z >= 0:
            return obtained(m, a, z)
    if f.phase == RESERVE_WAITED:
        return reserve_waited(m, a, f, DIRECT_2623)
    if f.phase == WAITED:
        return waited(m, pol, a, f)
    if f.phase == REBALANCE:
        return rebalance(m, pol, a, f)
    return reclaimed(m, pol, a, f)


@jit
def rebalance(m: Any, pol: Any, a: int, f: Any) -> int:
    """From the label of that name on, to the call of try_to_free_pages()."""
    actor = m.actors[a]
    if actor.memalloc > 0 or actor.memdie:
        z = -1
        if not f.gfp & gfp.NOMEMALLOC:
            if clean_first(m, pol, a, f, DIRECT_2623):
                return CONTINUE
            z = take_reserve(m, actor, f.gfp)
            if z < 0 and clean_last(m, pol, a, f, DIRECT_2623):
                return CONTINUE
        if z < 0 and not f.gfp & gfp.WAIT:
            z = atomic.rescue(m, pol, a, f.gfp)
        return obtained(m, a, z)
    if not f.gfp & gfp.WAIT:
        return obtained(m, a, atomic.rescue(m, pol, a, f.gfp))
    return before_direct(m, pol, a, f, DIRECT_2623)


@jit
def reclaimed(m: Any, pol: Any, a: int, f: Any) -> int:
    """After try_to_free_pages(): take a page, or call the OOM killer, or nap and try again."""
    actor = m.actors[a]
    actor.memalloc -= 1
    progress = 1 if f.ret else 0
    f.loops = 0 if progress else f.loops + 1
    if progress:
        z = try_alloc(m, MARK_MIN, f.gfp)
        if z >= 0:
            return obtained(m, a, z)
    kill = pol.out_of_memory(f.loops, progress, 1 - progress, 1 if reclaim_could_help(m, f.gfp, 0) else 0, m.tunables)
    if kill and f.gfp & gfp.FS and not f.gfp & gfp.NORETRY:
        z = try_alloc(m, MARK_HIGH, f.gfp)
        if z >= 0:
            return obtained(m, a, z)
        out_of_memory(m, actor.local_ns)
        f.phase = RESTART
        if actor.memdie:
            return give_way(m, a)
        return sleep(m, a, WAIT_TIMER, 0, actor.local_ns + JIFFY)
    if f.gfp & gfp.NORETRY:
        return obtained(m, a, -1)
    f.phase = REBALANCE
    return sleep(m, a, WAIT_CONGESTION, 0, actor.local_ns + 20 * MS)
