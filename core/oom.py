"""The OOM killer of both eras.

Kernel: mm/oom_kill.c:out_of_memory(), select_bad_process(), v2.6.23 and v6.12; the oom_reaper since v4.6.
Differs: badness is the task's anonymous pages, resident and swapped; no adjustments, no children, no run time.
"""

from __future__ import annotations

from typing import Any

from core.frames import drop_slot, forget, give_kernel, release
from core.jit import outlined
from core.lru import remove
from core.mmzone import NO_LIST
from core.outcome import END_PANIC
from core.page import CACHED, READING, WRITEBACK
from core.sched import WAIT_PFMEMALLOC, WAIT_SLEEP, WAIT_TIMER, wake_up


@outlined
def out_of_memory(m: Any, now: int) -> None:
    """Kill the task with the most anonymous memory, unless a victim is still dying."""
    vm = m.vm[0]
    victim = -1
    for t in range(vm.n_tasks):
        task = m.actors[t]
        if task.dead:
            continue
        if task.memdie:
            return
        if victim < 0 or task.rss > m.actors[victim].rss:
            victim = t
    if victim < 0:
        vm.ended = END_PANIC
        return
    vm.oom_kill += 1
    if vm.time_to_first_oom_ns < 0:
        vm.time_to_first_oom_ns = now
    task = m.actors[victim]
    task.memdie = 1
    if task.wait == WAIT_PFMEMALLOC or task.wait == WAIT_SLEEP or task.wait == WAIT_TIMER:
        wake_up(m, victim, now)
    if vm.version >= 406:
        reap(m, victim)


@outlined
def reap(m: Any, victim: int) -> None:
    """oom_reaper: the victim's anonymous memory goes at once, as far as nobody is working on it."""
    for p in range(len(m.page)):
        pg = m.page[p]
        if pg.owner == victim and pg.attr & CACHED and pg.list != NO_LIST and not m.flags[p] & WRITEBACK and not pg.attr & READING:
            remove(m, p)
            drop_slot(m, p)
            release(m, p)
            pg.owner = -1
            m.actors[victim].rss -= 1


@outlined
def exit_memory(m: Any, t: int) -> None:
    """exit_mmap(): all anonymous memory of task ``t`` goes, and the kernel pages it holds."""
    for p in range(len(m.page)):
        if m.page[p].owner == t:
            forget(m, p)
    task = m.actors[t]
    give_kernel(m, task.kernel_pages)
    m.vm[0].nr_task_kernel -= task.kernel_pages
    task.kernel_pages = 0
    give_kernel(m, task.preload)
    m.vm[0].nr_prealloc -= task.preload
    task.preload = 0
