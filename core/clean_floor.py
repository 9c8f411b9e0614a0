"""A floor under free and clean memory: A. Kleen, S. Tweedie and P. Zijlstra, linux-mm, 15 Aug 2007 ("minimum enforced reclaimable non-dirty threshold").

Free pages and clean, unmapped page cache together never fall below it by a write: who would dirty a file page or needs a page for an anonymous one blocks
first, the flusher writes files and kswapd swaps out until they are back. Kernel allocations and reads of files pass.
Bounded: who has waited ten naps of 100 ms while nothing was written, or a hundred in all, is let through for one page; so a floor out of reach ends in
progress, or in the ordinary path to the OOM killer.
"""

from __future__ import annotations

from typing import Any, Final

from core.allocator import wake_kswapd
from core.dirty import clean_and_free, floor_broken, wake_flusher
from core.jit import inlined, jit, outlined
from core.sched import CLEAN_FLOOR, CONTINUE, WAIT_FLOOR, pop, push, sleep
from core.units import MS

NAPS_WITHOUT_A_WRITE: Final = 10  # estimate
NAPS: Final = 100  # estimate

START: Final = 0
NAPPED: Final = 1


@inlined
def stops_at_floor(m: Any, a: int) -> bool:
    """Must task ``a`` wait before it takes one more page for dirty contents?"""
    if m.vm[0].clean_floor == 0 or not floor_broken(m):
        return False
    actor = m.actors[a]
    if actor.floor_pass:
        actor.floor_pass = 0
        return False
    return True


@jit
def wait_for_floor(m: Any, a: int) -> int:
    """Enter the wait."""
    push(m, a, CLEAN_FLOOR)
    m.vm[0].balance_dirty_pauses += 1
    return CONTINUE


@outlined
def step(m: Any, a: int, f: Any) -> int:
    """One nap: until a write or a swap-out mends the floor, at most 100 ms."""
    vm = m.vm[0]
    actor = m.actors[a]
    if actor.memdie or not floor_broken(m):
        return pop(m, a, 1)
    if f.phase == NAPPED:
        f.count += 1
        f.loops = 0 if vm.nr_written != f.nr_reclaimed else f.loops + 1
    nothing_to_write = vm.nr_dirty == 0 and vm.nr_writeback == 0 and (vm.swap_free == 0 or vm.nr_anon_mapped == 0)
    if nothing_to_write or f.loops >= NAPS_WITHOUT_A_WRITE or f.count >= NAPS:
        actor.floor_pass = 1
        return pop(m, a, 0)
    f.phase = NAPPED
    f.nr_reclaimed = vm.nr_written
    if vm.nr_dirty > 0:
        wake_flusher(m, vm.clean_floor - clean_and_free(m), actor.local_ns)
    wake_kswapd(m, actor.local_ns)
    return sleep(m, a, WAIT_FLOOR, 0, actor.local_ns + 100 * MS)
