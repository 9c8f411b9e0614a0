"""Slab that allocates when it is asked to shrink: C. Lameter, "[RFC 3/3] Test code for PF_MEMALLOC reclaim", 14 Aug 2007."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import gfp
from tests.twin.actor import Actor, Steps
from tests.twin.allocator import slow_path
from tests.twin.watermarks import Mark

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel

ONE = 100  # ns


def after_shrink_slab(k: Kernel, actor: Actor) -> Steps:
    """Who shrinks the slab next does it."""
    if k.slab.burst:
        pages, k.slab.burst = k.slab.burst, 0
        yield from actor.call(burst(k, actor, pages))


def burst(k: Kernel, actor: Actor, pages: int) -> Steps:
    """Allocate pages one by one until that fails, then free them all; the most that it got is reported."""
    held = at_a_stretch = 0

    def report() -> None:
        k.count["slab_burst_max"] = max(k.count["slab_burst_max"], held)

    while held < pages:
        actor.clock += ONE * k.scale.real
        zone = k.take_frame(Mark.LOW, gfp.KERNEL)
        at_a_stretch += 1
        if zone is None:
            zone = yield from actor.call(slow_path(k, actor, gfp.KERNEL))
            at_a_stretch = 0
        if zone is None:
            break
        zone.kernel += 1
        held += 1
        if at_a_stretch == k.batch:
            report()
            yield from actor.cond_resched()
            at_a_stretch = 0
    report()
    k.free_kernel_pages(held)
