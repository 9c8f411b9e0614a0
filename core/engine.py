"""The event loop: the earliest of all actors and completions comes next, and actors need a CPU to run.

One compiled function for all policies; what a policy decides and how its era reclaims enter as function pointers.
"""

from __future__ import annotations

from typing import Any, Final

from core import (
    audit,
    balance_dirty,
    clean_floor,
    device,
    flusher,
    laundry,
    laundry_thread,
    network,
    plug,
    prealloc,
    run_queues,
    sched,
    slabtest,
    task,
)
from core.actor import DEPTH
from core.jit import by_reference, compile_entry, compile_unit, entry, inlined, jit, outlined, unit_pointer
from core.outcome import END_DEADLOCK, END_DONE, END_HORIZON, END_INVARIANT
from core.units import INFINITY, MS, SECOND, US
from core.vmscan_612 import procedures as procedures_6x
from core.vmscan_2623 import procedures as procedures_2623
from core.watermark import ERA_2_6_23

MIN_SLICE_NS: Final = 20 * US  # an actor on another CPU may be overtaken by so much
MAX_SLICE_NS: Final = MS
DEADLOCK_NS: Final = 5 * SECOND  # nothing done, nothing completed, for so long
MAX_EVENTS_AT_ONCE: Final = 10_000_000
AUDIT_EVERY: Final = 16  # turns of actors, a power of two; at each it would be a thirtieth of the cost of a miss


@inlined
def step(m: Any, pol: Any, reclaim: Any, a: int) -> int:
    """One step of the procedure that actor ``a`` is in."""
    f = m.frames[a * DEPTH + m.actors[a].depth]
    proc = f.proc
    if proc == sched.TASK:
        return task.step(m, a, f)
    if sched.reclaims(m, a):
        return reclaim(m, pol, a)
    if proc == sched.FLUSHER:
        return flusher.step(m, a, f)
    if proc == sched.WRITEBACK_PAGES:
        return flusher.step_pages(m, a, f)
    if proc == sched.FSYNC:
        return flusher.step_fsync(m, a, f)
    if proc == sched.NETWORK:
        return network.step(m, pol, a, f)
    if proc == sched.SLAB_BURST:
        return slabtest.step(m, a, f)
    if proc == sched.PRELOAD:
        return prealloc.step(m, a, f)
    if proc == sched.LAUNDER_QUEUE:
        return laundry.step_queue(m, a, f)
    if proc == sched.LAUNDRY_THREAD:
        return laundry_thread.step(m, a, f)
    if proc == sched.CLEAN_FLOOR:
        return clean_floor.step(m, a, f)
    return balance_dirty.step(m, a, f)


@inlined
def run_actor(m: Any, pol: Any, reclaim: Any, a: int, start: int, limit: int) -> None:
    """Let actor ``a`` run from ``start`` until it waits, gives way, or ``limit`` has passed."""
    actor = m.actors[a]
    sched.stop_waiting(m, a)
    actor.local_ns = start
    actor.limit_ns = limit
    if m.vm[0].n_nodes > 1:
        m.vm[0].home = m.nodes[actor.node].zone_last
    while step(m, pol, reclaim, a) == sched.CONTINUE:
        if actor.local_ns >= limit:
            actor.ready_ns = actor.local_ns
            return
    if actor.plug_nr > 0 and actor.wait != sched.WAIT_NONE:  # sched_submit_work()
        plug.flush_plug(m, a)
        actor.ready_ns = max(actor.ready_ns, actor.local_ns)


@inlined
def next_actor(m: Any) -> tuple[int, int]:
    """Who is ready first, and when the first of the others is."""
    first = INFINITY
    second = INFINITY
    a = m.vm[0].n_tasks
    for i in range(len(m.actors)):
        ready = m.actors[i].ready_ns
        second = min(second, max(first, ready))
        if ready < first:
            first = ready
            a = i
    return a, second


@jit
def others_ready(m: Any, a: int) -> int:
    """When the first of the actors beside ``a`` is ready."""
    first = INFINITY
    for i in range(len(m.actors)):
        if i != a:
            first = min(first, m.actors[i].ready_ns)
    return first


@jit
def all_done(m: Any) -> bool:
    """Has every task ended?"""
    for t in range(m.vm[0].n_tasks):
        if not m.actors[t].dead:
            return False
    return True


@inlined
def hung(m: Any, pol: Any, now: int) -> bool:
    """Nothing was done and nothing completed for DEADLOCK_NS, though some task wants to go on and no help is on its way."""
    vm = m.vm[0]
    if now - vm.progress_ns < DEADLOCK_NS or network.relief(m, pol, now):
        return False
    for t in range(vm.n_tasks):
        if not m.actors[t].dead and m.actors[t].wait != sched.WAIT_SLEEP:
            return True
    vm.progress_ns = now
    return False


def run(m: Any, pol: Any, boot_pages: int) -> None:
    """Run to the end; ``vm.ended`` says why."""
    run_events(m, pol, reclaim_of(m, pol), boot_pages)


def reclaim_of(m: Any, pol: Any) -> Any:
    """The procedures of allocation and reclaim of the machine's era; compiled when their address is taken."""
    return unit_pointer(procedures_2623.run if m.vm[0].era == ERA_2_6_23 else procedures_6x.run, m, pol)


def compile_events(m: Any, pol: Any, boot_pages: int) -> None:
    """Compile one half of the engine and what is small: the policy's decisions, and the count at the end."""
    compile_entry(run_events, m, pol, reclaim_of(m, pol), boot_pages)
    compile_entry(audit.recount, m)
    for pointer in pol:
        compile_unit(pointer)


def compile_reclaim(m: Any, pol: Any) -> None:
    """Compile the other half, the procedures of the era; another process may do so at the same time."""
    compile_unit(reclaim_of(m, pol))


@entry
def run_events(m: Any, pol: Any, reclaim: Any, boot_pages: int) -> None:
    """``run`` for one era."""
    run_by_reference(by_reference(m), by_reference(pol), reclaim, boot_pages)


@outlined  # where the words are stored they must not be loaded
def run_by_reference(m: Any, pol: Any, reclaim: Any, boot_pages: int) -> None:
    """The loop over events."""
    vm = m.vm[0]
    at_once = 0
    turns = 0
    vm.running = a = vm.n_tasks
    vm.others_changed = 1
    second = INFINITY
    while vm.ended == 0:
        due = device.next_completion(m)
        cpu = 0
        for c in range(1, len(m.cpu_free)):
            if m.cpu_free[c] < m.cpu_free[cpu]:
                cpu = c
        free = m.cpu_free[cpu]
        first = min(m.actors[a].ready_ns, second)
        if vm.audit and not vm.others_changed and second != others_ready(m, a):
            vm.invariant = audit.UNNOTICED
        if vm.others_changed or (first == second and max(first, free) < due):  # or it is another one's turn, unless a completion comes before
            a, second = next_actor(m)
            first = m.actors[a].ready_ns
            vm.running = a
            vm.others_changed = 0
        start = max(first, free)
        now = min(start, due)
        if now >= vm.horizon_ns:
            vm.ended = END_HORIZON
            if vm.horizon_ns - vm.progress_ns >= DEADLOCK_NS and hung(m, pol, vm.horizon_ns):
                vm.ended = END_DEADLOCK
            break
        if now < vm.now:
            vm.invariant = audit.CLOCK_BACK
        at_once = at_once + 1 if now == vm.now else 0
        if at_once > MAX_EVENTS_AT_ONCE:
            vm.invariant = audit.STUCK_CLOCK
        vm.now = now
        if due <= start:
            vm.progress_ns = max(vm.progress_ns, now)
            device.complete(m, now)
            if vm.invariant == 0 and not vm.audit:
                continue  # what it moved is summed up after the next actor's step
        elif hung(m, pol, now):
            vm.ended = END_DEADLOCK
        else:
            limit = start + MAX_SLICE_NS
            if due < limit:
                limit = due
            if start < second < limit:
                limit = second
            if vm.shared_core:
                a = run_queues.pick(m, start)
                vm.others_changed = 1
            if start < m.actors[a].local_ns:
                vm.invariant = audit.CLOCK_BACK
            run_actor(m, pol, reclaim, a, start, max(limit, start + MIN_SLICE_NS))
            m.cpu_free[cpu] = m.actors[a].local_ns
            if vm.shared_core:
                run_queues.ran(m, a, start)
            if a < vm.n_tasks and m.actors[a].dead and all_done(m):
                vm.ended = END_DONE
        turns += 1
        if turns & (AUDIT_EVERY - 1) == 0 or vm.audit or vm.invariant != 0:
            check(m, boot_pages)
    check(m, boot_pages)


@inlined
def check(m: Any, boot_pages: int) -> None:
    """Stop a run whose pages do not add up."""
    vm = m.vm[0]
    if vm.invariant == 0:
        vm.invariant = audit.balanced(m, boot_pages)
    if vm.invariant == 0 and vm.audit:
        vm.invariant = audit.counted(m)
    if vm.invariant != 0:
        vm.ended = END_INVARIANT
