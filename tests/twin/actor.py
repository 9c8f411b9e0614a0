"""Kernel threads and tasks. The body of each is a generator: kernel code that yields where it sleeps or gives way, and is resumed there.

A procedure that may block is a generator too and is entered by ``Actor.call``; how deep an actor is in the kernel is Python's own business.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from tests.twin.plug import Plug

NEVER = 1 << 62


class Wait(Enum):
    """What an actor sleeps for."""

    PAGE = auto()  # the read or write of a page
    CONGESTION = auto()  # congestion_wait()
    REQUEST = auto()  # get_request_wait()
    POOL = auto()  # mempool_alloc()
    WORK = auto()  # a kernel thread that has nothing to do
    PFMEMALLOC = auto()  # throttle_direct_reclaim()
    WRITEOUT = auto()  # bounded writeout: writes in flight hold too much
    WRITEBACK = auto()  # reclaim_throttle(VMSCAN_THROTTLE_WRITEBACK)
    ISOLATED = auto()  # reclaim_throttle(VMSCAN_THROTTLE_ISOLATED)
    NOPROGRESS = auto()  # reclaim_throttle(VMSCAN_THROTTLE_NOPROGRESS)
    KSWAPD = auto()  # until kswapd has freed something
    HANDOFF = auto()  # until kswapd hands over a page
    AGEING = auto()  # until another reclaimer has walked the page tables
    FLOOR = auto()  # until the clean floor is mended
    TIMER = auto()
    SLEEP = auto()  # the task's own wish


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait for ``what`` (of ``on``), at the latest until ``until`` ns."""

    what: Wait
    until: int
    on: Any = None


class GiveWay:
    """Still runnable, but let others run."""


GIVE_WAY = GiveWay()
Steps = Generator[Sleep | GiveWay, None, Any]


class Actor:
    """One thread of execution.

    Attributes:
        node: where it allocates first.
        clock: its own time while it runs, ns.
        limit: from here on it gives way at the next cond_resched().
        ready: it runs at the earliest then.
        asleep: what it waits for, or None.
        memalloc: how often PF_MEMALLOC has been set.
        memdie: TIF_MEMDIE, it was chosen by the OOM killer.
        depth: kernel procedures it is inside of.
        reclaims: how many of these are reclaims.
        admitted_writes: bounded writes that it is in the middle of.
        dirtied: page cache pages dirtied since the last balance_dirty_pages().
        look_after: it enters that function after so many (nr_dirtied_pause; 6.x).
        paused_when: dirty_paused_when, jiffies.
        plug: its writes that wait in it while it goes through the lists.
        handed: the zone of a page that kswapd has handed over.
        cpu, vruntime, slept: where CPUs share a core: its CPU, its share there, whether its wakeup has not been seen yet.
    """

    is_task = False
    is_kswapd = False
    frees_for_others = False  # what it reclaims is for those who wait, and it ignores congestion (PF_SWAPWRITE)

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel
        self.node = kernel.nodes[0]
        self.clock = self.limit = self.ready = 0
        self.asleep: Sleep | None = None
        self.memalloc = 0
        self.memdie = False
        self.dead = False
        self.depth = self.reclaims = self.admitted_writes = 0
        self.dirtied = 0
        self.handed: Any = None
        self.cpu = self.vruntime = 0
        self.slept = False
        self.plug = Plug(kernel)
        self.look_after, self.paused_when = kernel.scale.nearest(32), 0
        self.body: Steps

    @property
    def in_write(self) -> bool:
        """Inside write(2)."""
        return False

    def cond_resched(self) -> Steps:
        """Give way if the time slice is used up."""
        if self.clock >= self.limit:
            yield GIVE_WAY

    def call(self, procedure: Steps) -> Steps:
        """Enter a procedure that may block and come back with its result; the slice may end at its entry and at its return."""
        self.depth += 1
        yield from self.cond_resched()
        result = yield from procedure
        self.depth -= 1
        yield from self.cond_resched()
        return result

    def run(self, start: int, limit: int) -> None:
        """Run from ``start`` until the body yields."""
        assert start >= self.clock, "an actor's clock went back"
        self.asleep = None
        self.clock, self.limit = start, limit
        try:
            wish = next(self.body)
        except StopIteration:
            self.dead = True
            self.ready = NEVER
            return
        if isinstance(wish, Sleep):
            self.plug.flush(self)
            self.asleep = wish
            self.ready = max(wish.until, self.clock)  # requests cost time too
        else:
            self.ready = self.clock

    def wake(self, now: int) -> None:
        """End its sleep. It may have gone to sleep a little after ``now``; its clock does not go back."""
        self.asleep = None
        self.ready = max(now, self.clock)
