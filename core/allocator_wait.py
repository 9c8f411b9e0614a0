"""The slow path of an allocation that waits for kswapd instead of reclaiming for itself; either era."""

from __future__ import annotations

from typing import Any

from core import gfp
from core.allocator import HOPELESS, REBALANCE, RESTART, obtained, reclaim_could_help, wake_kswapd
from core.decisions import QUEUE, WAIT_FOR_KSWAPD
from core.frames import try_alloc
from core.handoff import wait_for_kswapd
from core.jit import jit
from core.oom import out_of_memory
from core.sched import CONTINUE, WAIT_TIMER, give_way, sleep
from core.units import JIFFY
from core.watermark import ERA_2_6_23, MARK_HIGH, MARK_MIN


@jit
def kswapd_hopeless(m: Any) -> bool:
    """kswapd has given up: all zones all_unreclaimable (2.6.23), or 16 passes without a page (6.12)."""
    vm = m.vm[0]
    if vm.era != ERA_2_6_23:
        for n in range(len(m.nodes)):
            if m.nodes[n].kswapd_failures < HOPELESS:
                return False
        return True
    for z in range(len(m.zones)):
        if not m.zones[z].all_unreclaimable:
            return False
    return True


@jit
def leave(m: Any, a: int, z: int) -> int:
    """Out of the queue, and out of the allocation with a page of zone ``z`` or without (-1)."""
    m.actors[a].ticket = 0
    return obtained(m, a, z)


@jit
def waited(m: Any, pol: Any, a: int, f: Any) -> int:
    """Back from the wait: with a page, or to look for one, to call the OOM killer, or to wait on."""
    vm = m.vm[0]
    actor = m.actors[a]
    if f.ret > 0:
        z = f.ret - 1
        f.ret = 0
        vm.nr_in_hand -= 1
        return leave(m, a, z)
    z = try_alloc(m, MARK_MIN, f.gfp)
    if z >= 0:
        return leave(m, a, z)
    if actor.memdie:
        actor.ticket = 0
        f.phase = REBALANCE
        return CONTINUE
    progress = 1 if vm.pgsteal_kswapd != f.nr_reclaimed else 0
    f.loops = 0 if progress else f.loops + 1
    if f.gfp & gfp.NORETRY and not progress:
        return leave(m, a, -1)
    hopeless = 1 if kswapd_hopeless(m) else 0
    kill = pol.out_of_memory(f.loops, progress, hopeless, 1 if reclaim_could_help(m, f.gfp, 0) else 0, m.tunables)
    if kill and f.gfp & gfp.FS:
        z = try_alloc(m, MARK_HIGH, f.gfp)
        if z >= 0:
            return leave(m, a, z)
        actor.ticket = 0
        out_of_memory(m, actor.local_ns)
        f.loops = 0
        f.phase = RESTART
        if actor.memdie:
            return give_way(m, a)
        return sleep(m, a, WAIT_TIMER, 0, actor.local_ns + JIFFY)
    wake_kswapd(m, actor.local_ns)
    return wait_for_kswapd(m, a, f, QUEUE if actor.ticket > 0 else WAIT_FOR_KSWAPD)
