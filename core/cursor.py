"""Where a task is in its stream, and the fast walk over touches whose pages are as they need them."""

from __future__ import annotations

from typing import Any, Final

from core.jit import inlined, jit
from core.operations import FILE_READ, FILE_WRITE, NEED, PAGE_MASK, RUN
from core.page import ACCESSED, DIRTY, PRESENT

# What a task comes back to.
FETCH: Final = 0  # the next operation
PAGE_CAME: Final = 1
KERNEL_CAME: Final = 2
DONE: Final = 3


@inlined
def fast(m: Any, a: int) -> None:
    """Walk over touches as long as their pages have the flags they need and time is left."""
    actor = m.actors[a]
    pc = actor.pc
    now = actor.local_ns
    limit = actor.limit_ns
    costs = a * 4
    done = 0
    while True:
        begin = pc
        word = m.ops[pc]
        missing = word >> 32 & (255 ^ m.flags[word & PAGE_MASK]) & 255
        while now < limit and missing & (255 ^ ACCESSED) == 0:
            m.flags[word & PAGE_MASK] |= missing  # the processor sets the young bit by itself; stored always, for nobody could foresee whether it is set
            now += m.touch_ns[costs + (word >> 40 & 3)]
            pc += 1
            word = m.ops[pc]
            missing = word >> 32 & (255 ^ m.flags[word & PAGE_MASK]) & 255
        done += pc - begin
        if now >= limit or word >> 40 & 255 != RUN:
            break
        first = (word & PAGE_MASK) + actor.run
        inner = word >> 48 & 3
        need = NEED[inner] if inner != FILE_WRITE or m.vm[0].version < 407 else PRESENT | DIRTY
        cost = m.touch_ns[costs + inner]
        left = min(m.ops[pc + 1] - actor.run, (limit - now + cost - 1) // cost)
        walked = 0
        while walked < left and m.flags[first + walked] & need == need:
            walked += 1
        now += walked * cost
        done += walked
        actor.run += walked
        if actor.run < m.ops[pc + 1]:
            break
        actor.run = 0
        if actor.reads_files:
            note_reads(m, actor, pc, pc + 2)
        pc += 2
        if inner == FILE_READ:
            actor.next_read = first + walked
    if done > 0:
        vm = m.vm[0]
        vm.ops_done += done
        vm.progress_ns = now
        vm.last_op_ns = max(vm.last_op_ns, now)
    actor.pc = pc
    actor.local_ns = now


@inlined
def advance(m: Any, a: int, ns: int) -> None:
    """The present operation is done and took ``ns``."""
    vm = m.vm[0]
    actor = m.actors[a]
    word = m.ops[actor.pc]
    actor.local_ns += ns
    vm.ops_done += 1
    vm.progress_ns = actor.local_ns
    vm.last_op_ns = max(vm.last_op_ns, actor.local_ns)
    code = word >> 40 & 255
    if code <= FILE_WRITE:
        actor.pc += 1
    elif code != RUN:
        if actor.reads_files:
            note_reads(m, actor, actor.pc, actor.pc + 2)
        actor.pc += 2
    else:
        actor.run += 1
        if actor.run == m.ops[actor.pc + 1]:
            actor.run = 0
            if actor.reads_files:
                note_reads(m, actor, actor.pc, actor.pc + 2)
            actor.pc += 2


@jit
def note_reads(m: Any, actor: Any, end: int, to: int) -> None:
    """Bring ``next_read`` up to date with the touches before ``end`` that the fast walk has passed without a look; the next ones begin at ``to``."""
    pc = end - 1
    while pc >= actor.unseen_pc:
        if m.ops[pc] >> 40 & 255 == FILE_READ:
            actor.next_read = (m.ops[pc] & PAGE_MASK) + 1
            break
        pc -= 1
    actor.unseen_pc = to
