"""mm/oom_kill.c of both eras: the victim is the task with most anonymous memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.outcome import END_PANIC
from tests.twin.actor import Wait
from tests.twin.page import bury, forget

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel
    from tests.twin.task import Task


def anon_memory(k: Kernel, task: Task) -> int:
    """Resident and swapped pages."""
    return sum(page.owner is task for page in k.pages)


def out_of_memory(k: Kernel, now: int) -> None:
    """Kill, unless a victim is still dying."""
    alive = [task for task in k.tasks if not task.dead]
    if any(task.memdie for task in alive):
        return
    if not alive:
        k.ended = END_PANIC
        return
    victim = max(alive, key=lambda task: anon_memory(k, task))
    k.count["oom_kill"] += 1
    if k.first_oom < 0:
        k.first_oom = now
    victim.memdie = True
    if victim.asleep and victim.asleep.what in (Wait.PFMEMALLOC, Wait.SLEEP, Wait.TIMER):
        victim.wake(now)
    if k.version >= 406:
        reap(k, victim)


def reap(k: Kernel, victim: Task) -> None:
    """oom_reaper: its anonymous memory goes at once, as far as nobody works on it."""
    for page in k.pages:
        if page.owner is victim and page.lru is not None and not page.writeback and not page.locked:
            page.lru.remove(page)
            bury(k, page)
            page.owner = None


def exit_memory(k: Kernel, task: Task) -> None:
    """exit_mmap() and the kernel pages that the task holds."""
    for page in k.pages:
        if page.owner is task:
            forget(k, page)
    k.free_kernel_pages(task.kernel_pages)
    task.kernel_pages = 0
    k.free_kernel_pages(task.stash)
    task.stash = 0
