"""A task at work: from where it is in its stream until it blocks, its time is up, or it enters the kernel."""

from __future__ import annotations

from typing import Any

from core import gfp
from core.allocator import alloc, alloc_slow
from core.cursor import DONE, FETCH, KERNEL_CAME, PAGE_CAME, advance, fast
from core.fault import NEED_PAGE, install, touch
from core.frames import give
from core.jit import inlined, jit
from core.operations import FILE_WRITE, PAGE_MASK, RUN
from core.sched import CONTINUE, WAIT_TIMER, give_way, sleep
from core.syscalls import die, kernel_page_came, other


@jit
def step(m: Any, a: int, f: Any) -> int:
    """Run the task until it blocks, its time is up, or it enters the kernel."""
    if m.actors[a].memdie:
        if f.phase in (PAGE_CAME, KERNEL_CAME) and f.ret > 0:
            m.vm[0].nr_in_hand -= 1
            give(m, f.ret - 1)
        return die(m, a)
    if m.actors[a].late_ns > 0:
        until = m.actors[a].local_ns + m.actors[a].late_ns
        m.actors[a].late_ns = 0
        return sleep(m, a, WAIT_TIMER, 0, until)
    if f.phase == PAGE_CAME:
        f.phase = FETCH
        if f.ret == 0:
            return give_way(m, a)
        z = f.ret - 1
    else:
        verdict = walk(m, a, f)
        if verdict != NEED_PAGE:
            return verdict
        z = alloc(m, a, gfp.KERNEL)
        if z < 0:
            f.phase = PAGE_CAME
            return alloc_slow(m, a, gfp.KERNEL)
    return install(m, a, f.page, z)


@inlined
def walk(m: Any, a: int, f: Any) -> int:
    """Go on with the stream; NEED_PAGE if page ``f.page`` has no frame."""
    actor = m.actors[a]
    if f.phase == KERNEL_CAME:
        f.phase = FETCH
        kernel_page_came(m, a, f)
    if f.phase == DONE:
        f.phase = FETCH
        advance(m, a, 0)
    depth = actor.depth
    verdict = CONTINUE
    while verdict == CONTINUE and actor.depth == depth:
        fast(m, a)
        if actor.local_ns >= actor.limit_ns:
            return give_way(m, a)
        word = m.ops[actor.pc]
        code = word >> 40 & 255
        p = word & PAGE_MASK
        if code == RUN:
            p += actor.run
            code = word >> 48 & 255
        elif code > FILE_WRITE:
            return other(m, a, f, word, code)
        f.page = p
        verdict = touch(m, a, p, code)
    return verdict
