"""CPUs that share a core: each has a run queue, and the core goes to the CPU that had least of it; kernel/sched/fair.c, v6.1."""

from __future__ import annotations

from math import log2
from typing import Any

from core.units import JIFFY, MS, US
from tests.twin.actor import Actor


class RunQueue:
    """Of one CPU.

    Attributes:
        curr: who has the CPU, and ``curr_for``: for how long.
        had: how much of the core the CPU had.
        now: the time it has accounted for.
    """

    def __init__(self, cpus: int) -> None:
        factor = 1 + int(log2(min(cpus, 8)))
        self.latency, self.granularity, self.wakeup_granularity = 6 * MS * factor, 750 * US * factor, MS * factor
        self.curr: Actor | None = None
        self.curr_for = self.had = self.now = self.min_vruntime = self.jiffy = 0

    def advance(self, to: int) -> None:
        """The one that has the CPU pays for the time."""
        if self.curr:
            self.curr.vruntime += to - self.now
            self.curr_for += to - self.now
        self.now = to

    def schedule(self, queue: list[Actor]) -> None:
        """The scheduler looks at those that want to run."""
        preempt = False
        for woken in [actor for actor in queue if actor.slept]:
            woken.slept = False
            woken.vruntime = max(woken.vruntime, self.min_vruntime - self.latency // 2)
            preempt |= self.curr is not None and self.curr.vruntime > woken.vruntime + self.wakeup_granularity
        if not queue:
            return
        leftmost = min(queue, key=lambda actor: actor.vruntime)
        self.min_vruntime = max(self.min_vruntime, leftmost.vruntime)
        ticked, self.jiffy = self.now // JIFFY > self.jiffy, self.now // JIFFY
        if self.curr is None or preempt or (ticked and len(queue) > 1 and self.had_enough(self.curr, leftmost, len(queue))):
            self.curr, self.curr_for = leftmost, 0

    def had_enough(self, curr: Actor, leftmost: Actor, running: int) -> bool:
        """At a tick: is its slice over, or is another far behind?"""
        slice_ = max(self.latency // min(running, 8), self.granularity)
        return self.curr_for > slice_ or (self.curr_for >= self.granularity and curr.vruntime - leftmost.vruntime > slice_)


class SharedCore:
    """All CPUs of the core."""

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel
        cpus = kernel.machine.cpus
        self.run_queues = [RunQueue(cpus) for _ in range(cpus)]
        for index, task in enumerate(kernel.tasks):
            task.cpu = index % cpus

    def choose(self, now: int) -> Actor:
        """Who executes: an interrupt at once."""
        network: Actor = self.kernel.network
        if network.ready <= now:
            return network
        ready = [actor for actor in self.kernel.actors if actor.ready <= now and actor is not network]
        for thread in ready:
            if not thread.is_task:
                self.balance(thread, ready)
        for cpu, run_queue in enumerate(self.run_queues):
            run_queue.advance(now)
            run_queue.schedule([actor for actor in ready if actor.cpu == cpu])
        busy = min((run_queue for run_queue in self.run_queues if run_queue.curr), key=lambda run_queue: run_queue.had)
        for run_queue in self.run_queues:
            run_queue.had = max(run_queue.had, busy.had)
        assert busy.curr
        return busy.curr

    def balance(self, thread: Actor, ready: list[Actor]) -> None:
        """A kernel thread that waits for its CPU may go to one where nobody is."""
        here = self.run_queues[thread.cpu]
        if here.curr is thread or sum(actor.cpu == thread.cpu for actor in ready) == 1:
            return
        idle = next((cpu for cpu in range(len(self.run_queues)) if all(actor.cpu != cpu for actor in ready)), None)
        if idle is not None:
            thread.vruntime += self.run_queues[idle].min_vruntime - here.min_vruntime
            thread.cpu = idle

    def executed(self, actor: Actor, since: int) -> None:
        """The actor has run on the core."""
        self.kernel.cpus = [actor.clock] * len(self.kernel.cpus)
        if actor is self.kernel.network:
            return
        run_queue = self.run_queues[actor.cpu]
        run_queue.had += actor.clock - since
        run_queue.advance(actor.clock)
        if actor.asleep or actor.dead:
            actor.slept = True
            run_queue.curr = None
            self.kernel.count["waits on a shared core"] += 1
