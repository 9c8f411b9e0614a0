"""The test shrinker: slab that allocates when it is asked to shrink.

Source: C. Lameter, "[RFC 3/3] Test code for PF_MEMALLOC reclaim", 14 Aug 2007, <20070814143303.432960585@sgi.com>: every 120 s, 3000 pages GFP_KERNEL one by
one from within shrink_slab(), then all are freed. Who shrinks slab has PF_MEMALLOC, so this digs through the reserve.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp
from core.allocator import alloc, alloc_slow
from core.frames import give_kernel
from core.jit import jit, outlined
from core.sched import CONTINUE, SLAB_BURST, pop, push

ALLOC_NS: Final = 100  # estimate: the fast path of the allocator

START: Final = 0
CAME: Final = 1


@jit
def enter(m: Any, a: int) -> int:
    """The burst that is armed (``vm.slab_burst`` pages) happens here and now."""
    vm = m.vm[0]
    f = push(m, a, SLAB_BURST)
    f.count = vm.slab_burst
    vm.slab_burst = 0
    return CONTINUE


@outlined
def step(m: Any, a: int, f: Any) -> int:
    """Allocate, 32 pages a step; the first failure ends the burst."""
    vm = m.vm[0]
    if f.phase == CAME:
        f.phase = START
        if f.ret == 0:
            return done(m, a, f)
        hold(m, f, f.ret - 1)
    until = min(f.count, f.held + vm.batch)
    while f.held < until:
        m.actors[a].local_ns += ALLOC_NS * vm.page_scale
        z = alloc(m, a, gfp.KERNEL)
        if z < 0:
            f.phase = CAME
            return alloc_slow(m, a, gfp.KERNEL)
        hold(m, f, z)
    vm.slab_burst_max = max(vm.slab_burst_max, f.held)
    if f.held == f.count:
        return done(m, a, f)
    return CONTINUE


@jit
def hold(m: Any, f: Any, z: int) -> None:
    """The page in hand, of zone ``z``, is the burst's."""
    vm = m.vm[0]
    vm.nr_in_hand -= 1
    vm.nr_task_kernel += 1
    m.zones[z].nr_kernel += 1
    f.held += 1


@jit
def done(m: Any, a: int, f: Any) -> int:
    """Free all of it."""
    vm = m.vm[0]
    vm.slab_burst_max = max(vm.slab_burst_max, f.held)
    give_kernel(m, f.held)
    vm.nr_task_kernel -= f.held
    f.held = 0
    return pop(m, a, 0)
