"""Who runs, who waits, and what each actor is in the middle of.

An actor is a stack of frames, one per kernel procedure it is inside of; a procedure that may block is a state machine over its frame. So a reclaimer can be
interrupted between any two batches, and an allocation made while writing a page can itself enter reclaim, as deep as the stack allows.
"""

from __future__ import annotations

from typing import Any, Final

from core.actor import DEPTH
from core.jit import inlined, jit
from core.units import JIFFY

# What a step tells the engine.
CONTINUE: Final = 0
YIELD: Final = 1

# Procedures. Those from ALLOC to KSWAPD_612 are of an era: its own procedures.py knows them.
TASK: Final = 0
ALLOC: Final = 1
DIRECT_2623: Final = 2
DIRECT_612: Final = 3
SHRINK_ZONE_2623: Final = 4
SHRINK_LIST_2623: Final = 5
SHRINK_NODE_612: Final = 6
SHRINK_LIST_612: Final = 7
SHRINK_NODE_MGLRU: Final = 8
AGE_MGLRU: Final = 9
PAGEOUT: Final = 10
KSWAPD_2623: Final = 11
KSWAPD_612: Final = 12
FLUSHER: Final = 13
BALANCE_DIRTY: Final = 14
FSYNC: Final = 15
WRITEBACK_PAGES: Final = 16
NETWORK: Final = 17
LAUNDER_QUEUE: Final = 18
LAUNDRY_THREAD: Final = 19
CLEAN_FLOOR: Final = 20
SLAB_BURST: Final = 21
PRELOAD: Final = 22

# What an actor can wait for.
WAIT_NONE: Final = 0
WAIT_PAGE: Final = 1  # a read or write of page wait_arg
WAIT_CONGESTION: Final = 2  # a write queue leaves congestion
WAIT_REQUEST: Final = 3  # a free request of device wait_arg
WAIT_POOL: Final = 4  # an element of device wait_arg's mempool
WAIT_WORK: Final = 5  # kswapd, the flusher and the network: somebody wakes them
WAIT_PFMEMALLOC: Final = 6  # throttle_direct_reclaim()
WAIT_WRITEBACK: Final = 7  # reclaim_throttle(VMSCAN_THROTTLE_WRITEBACK)
WAIT_NOPROGRESS: Final = 8
WAIT_TIMER: Final = 9
WAIT_SLEEP: Final = 10  # the task's own wish
WAIT_KSWAPD: Final = 11  # kswapd frees something
WAIT_HANDOFF: Final = 12  # kswapd hands over a page; wait_arg: place in the queue
WAIT_FLOOR: Final = 13  # free and clean pages above the clean floor
WAIT_WRITEOUT: Final = 14  # writes in flight hold as much as they may
WAIT_ISOLATED: Final = 15  # reclaim_throttle(VMSCAN_THROTTLE_ISOLATED)
WAIT_AGEING: Final = 16  # the walk of page tables of node wait_arg


@inlined
def top(m: Any, a: int) -> Any:
    """The frame that actor ``a`` is in."""
    return m.frames[a * DEPTH + m.actors[a].depth]


@inlined
def reclaims(m: Any, a: int) -> bool:
    """Is the actor's procedure one of its era's procedures.py?"""
    proc = top(m, a).proc
    return bool(ALLOC <= proc <= KSWAPD_612)


@inlined
def push(m: Any, a: int, proc: int) -> Any:
    """Enter ``proc``: a fresh frame on top of the actor's stack."""
    actor = m.actors[a]
    actor.depth += 1
    f = m.frames[a * DEPTH + actor.depth]
    f.proc = proc
    f.phase = 0
    f.ret = 0
    f.count = 0
    f.page = -1
    f.nr_scanned = 0
    f.total_scanned = 0
    f.nr_reclaimed = 0
    f.loops = 0
    f.iso_head = -1
    f.iso_tail = -1
    f.keep_head = -1
    f.keep_tail = -1
    f.laundry_head = -1
    f.laundry_tail = -1
    f.nr_laundry = 0
    f.nr_to_launder = 0
    f.laundering = 0
    f.for_floor = 0
    f.held = 0
    f.recursion = 0
    return f


@inlined
def pop(m: Any, a: int, ret: int) -> int:
    """Leave the actor's procedure with result ``ret``; always CONTINUE."""
    m.actors[a].depth -= 1
    top(m, a).ret = ret
    return CONTINUE


@inlined
def sleep(m: Any, a: int, what: int, arg: int, until: int) -> int:
    """Wait for ``what`` (and ``arg``), at the latest until ``until`` ns; always YIELD."""
    actor = m.actors[a]
    actor.wait = what
    actor.wait_arg = arg
    actor.ready_ns = until
    m.vm[0].waiting[what] += 1
    return YIELD


@inlined
def timer(m: Any, now: int, ns: int) -> int:
    """When schedule_timeout() of ``ns`` ends: since 4.8 no timer is early, so it is a tick late (calc_index()); of older kernels to the nanosecond."""
    if m.vm[0].version < 408:
        return int(now + ns)
    return int((now // JIFFY + ns // JIFFY + 1) * JIFFY)


@inlined
def give_way(m: Any, a: int) -> int:
    """Let others run: what a reclaimer does after each batch of 32 pages (cond_resched)."""
    actor = m.actors[a]
    actor.ready_ns = actor.local_ns
    return YIELD


@inlined
def wake(m: Any, what: int, arg: int, now: int) -> None:
    """Wake all that wait for ``what`` with argument ``arg`` (-1: any)."""
    if m.vm[0].waiting[what]:
        wake_waiting(m, what, arg, now)


@inlined
def wake_up(m: Any, a: int, now: int) -> None:
    """Whatever actor ``a`` waits for, it is ready from ``now`` on, or from its own time if it fell asleep ahead of the event that wakes it."""
    stop_waiting(m, a)
    m.actors[a].ready_ns = max(now, m.actors[a].local_ns)
    note_ready(m, a)


@inlined
def ready_by(m: Any, a: int, when: int) -> None:
    """Actor ``a`` is ready at ``when`` at the latest, and sleeps on until then."""
    m.actors[a].ready_ns = min(m.actors[a].ready_ns, when)
    note_ready(m, a)


@inlined
def note_ready(m: Any, a: int) -> None:
    """The engine remembers when the first of those that do not run is ready, and has to look again."""
    if a != m.vm[0].running:
        m.vm[0].others_changed = 1


@jit
def wake_waiting(m: Any, what: int, arg: int, now: int) -> None:
    """Somebody waits for ``what``."""
    vm = m.vm[0]
    for a in range(len(m.actors)):
        actor = m.actors[a]
        if actor.wait == what and (arg < 0 or actor.wait_arg == arg):
            wake_up(m, a, now)
            if vm.waiting[what] == 0:
                return


@inlined
def stop_waiting(m: Any, a: int) -> None:
    """Its time is up: whatever the actor waited for, it runs now."""
    actor = m.actors[a]
    if actor.wait != WAIT_NONE:
        m.vm[0].waiting[actor.wait] -= 1
        actor.wait = WAIT_NONE
