"""Waiting for kswapd instead of reclaiming: C. Lameter's way forward (21 Aug 2007) and P. Zijlstra's hand-off (23 Aug 2007).

Who waits is woken by each batch that a kswapd frees; who queues is handed a page before it reaches the free list. Nobody waits longer than 100 ms without
looking: whether memory came from elsewhere, and whether kswapd has given up (allocator_wait.py).
"""

from __future__ import annotations

from typing import Any

from core.actor import DEPTH
from core.decisions import QUEUE
from core.frames import take
from core.gfp import KERNEL
from core.jit import inlined, jit
from core.sched import WAIT_HANDOFF, WAIT_KSWAPD, WAIT_WORK, sleep, top, wake, wake_up
from core.units import MS


@jit
def wait_for_kswapd(m: Any, a: int, f: Any, answer: int) -> int:
    """Sleep until a kswapd has freed a batch (WAIT_FOR_KSWAPD) or hands over a page (QUEUE); who queues keeps its place until it has one."""
    vm = m.vm[0]
    f.nr_reclaimed = vm.pgsteal_kswapd
    until = m.actors[a].local_ns + 100 * MS
    if answer != QUEUE:
        return sleep(m, a, WAIT_KSWAPD, 0, until)
    actor = m.actors[a]
    wake_class(m, f.gfp, actor.local_ns)
    if actor.ticket == 0:
        vm.handoff_ticket += 1
        actor.ticket = vm.handoff_ticket
    return sleep(m, a, WAIT_HANDOFF, actor.ticket, until)


@inlined
def freed_by_kswapd(m: Any, z: int, now: int) -> None:
    """A kswapd has freed a page of zone ``z``: it goes to the one who queues longest, if anybody does."""
    if m.vm[0].waiting[WAIT_HANDOFF]:
        hand_over(m, z, now)


@jit
def hand_over(m: Any, z: int, now: int) -> None:
    """The page just freed becomes the page in hand of the first in the queue."""
    vm = m.vm[0]
    first = -1
    for i in range(vm.n_tasks):
        if m.actors[i].wait == WAIT_HANDOFF and (first < 0 or m.actors[i].wait_arg < m.actors[first].wait_arg):
            first = i
    take(m, z)
    vm.nr_in_hand += 1
    top(m, first).ret = z + 1
    wake_up(m, first, now)


@inlined
def batch_freed(m: Any, now: int) -> None:
    """A kswapd has freed a batch: all who wait for that look again."""
    wake(m, WAIT_KSWAPD, -1, now)


@jit
def wake_class(m: Any, flags: int, now: int) -> None:
    """Wake the kswapds beyond one a node that work for allocations of this gfp class: a GFP_NOIO kswapd has work when a GFP_NOIO allocation queues."""
    vm = m.vm[0]
    for i in range(vm.more_kswapds, vm.more_kswapds + vm.nr_more_kswapds):
        if m.actors[i].wait == WAIT_WORK and m.frames[i * DEPTH].gfp & KERNEL == flags & KERNEL:
            wake_up(m, i, now)
