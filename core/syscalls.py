"""What a task does besides touching pages: thinking, sleeping, kernel pages, fsync, discards, jumps, exit."""

from __future__ import annotations

from typing import Any

from core import gfp
from core.allocator import alloc, alloc_slow
from core.cursor import DONE, KERNEL_CAME, advance, note_reads
from core.flusher import fsync
from core.fragmentation import fell_back
from core.frames import forget, give_kernel
from core.jit import jit
from core.oom import exit_memory
from core.operations import ALLOC, DISCARD, FREE, FSYNC, JUMP, PAGE_MASK, RECEIVE, SLEEP, THINK
from core.sched import CONTINUE, WAIT_SLEEP, YIELD, sleep
from core.units import INFINITY, MS


@jit
def other(m: Any, a: int, f: Any, word: int, code: int) -> int:
    """Everything that is not a touch."""
    actor = m.actors[a]
    literal = m.ops[actor.pc + 1]
    if code == THINK:
        ns = min(literal - actor.run, MS)
        actor.run += ns
        actor.local_ns += ns
        if actor.run == literal:
            actor.run = 0
            advance(m, a, 0)
        return CONTINUE
    if code == SLEEP:
        f.phase = DONE
        return sleep(m, a, WAIT_SLEEP, 0, actor.local_ns + literal)
    if code == ALLOC:
        return alloc_kernel(m, a, f, word >> 48 & 255, literal)
    if code == FREE:
        pages = min(literal, actor.kernel_pages)
        give_kernel(m, pages)
        actor.kernel_pages -= pages
        m.vm[0].nr_task_kernel -= pages
        advance(m, a, 100 * (pages * m.vm[0].page_scale + 1))
        return CONTINUE
    if code == RECEIVE:
        vm = m.vm[0]
        packets = min(literal, vm.nr_backlog)
        give_kernel(m, packets)
        vm.nr_backlog -= packets
        advance(m, a, 100 + vm.copy_ns * packets)
        return CONTINUE
    if code == FSYNC:
        f.phase = DONE
        return fsync(m, a, word & PAGE_MASK, literal)
    if code == DISCARD:
        first = word & PAGE_MASK
        for p in range(first, first + literal):
            forget(m, p)
        advance(m, a, 100 * literal * m.vm[0].page_scale)
        return CONTINUE
    if code == JUMP:
        if actor.reads_files:
            note_reads(m, actor, actor.pc, actor.first + literal)
        actor.pc = actor.first + literal
        actor.local_ns += 1
        return CONTINUE
    return die(m, a)


@jit
def alloc_kernel(m: Any, a: int, f: Any, flags: int, pages: int) -> int:
    """Take kernel pages one by one; an allocation that may not wait and fails ends the operation."""
    actor = m.actors[a]
    vm = m.vm[0]
    while actor.run < pages:
        z = alloc(m, a, flags)
        if z < 0:
            f.phase = KERNEL_CAME
            f.gfp = flags
            return alloc_slow(m, a, flags)
        vm.nr_in_hand -= 1
        hold(m, a, z, flags)
    actor.run = 0
    advance(m, a, 100 * (pages * vm.page_scale + 1))
    return CONTINUE


@jit
def hold(m: Any, a: int, z: int, flags: int) -> None:
    """The task holds one more kernel page, of zone ``z``, allocated with gfp ``flags``."""
    m.zones[z].nr_kernel += 1
    m.vm[0].nr_task_kernel += 1
    m.actors[a].kernel_pages += 1
    m.actors[a].run += 1
    if flags & gfp.FALLBACK:
        fell_back(m, z, m.actors[a].local_ns)


@jit
def kernel_page_came(m: Any, a: int, f: Any) -> None:
    """Back from the slow path of ``alloc_kernel``."""
    if f.ret > 0:
        m.vm[0].nr_in_hand -= 1
        hold(m, a, f.ret - 1, f.gfp)
    else:
        m.actors[a].run = 0
        advance(m, a, 100)


@jit
def die(m: Any, a: int) -> int:
    """exit(), of its own will or killed."""
    vm = m.vm[0]
    actor = m.actors[a]
    exit_memory(m, a)
    actor.dead = 1
    actor.ready_ns = INFINITY
    vm.progress_ns = actor.local_ns
    vm.last_op_ns = max(vm.last_op_ns, actor.local_ns)
    return YIELD
