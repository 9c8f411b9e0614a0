"""Dirty limits and who is throttled by them: mm/page-writeback.c, v2.6.23 and v6.12. Anonymous memory never is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.units import MS, SECOND
from tests.twin.actor import Actor, Sleep, Steps, Wait
from tests.twin.flusher import write_dirty_pages
from tests.twin.lru import lru_pages

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel

ONE = 1 << 10  # a ratio of one
FIRST_BANDWIDTH = 25_600  # pages/s


class DirtyThrottle:
    """The dirty limits of the machine, and 6.12's estimates of how fast its file device writes.

    Attributes:
        flush_wanted: pages that somebody asked the flusher to write.
        written, dirtied: pages since the estimates were updated last, at ``stamp``.
        bandwidth, ratelimit: avg_write_bandwidth and dirty_ratelimit, pages/s.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.flush_wanted = 0
        self.written = self.dirtied = self.stamp = 0
        self.bandwidth = self.ratelimit = kernel.scale.nearest(FIRST_BANDWIDTH)
        self.totalreserve = sum(min(z.managed, z.lowmem_reserve + z.marks.high + z.reserve) for z in kernel.zones)

    # --- limits ----------------------------------------------------------------------------------------------------------------------------

    def limits(self) -> tuple[int, int]:
        """Background threshold and limit."""
        return self.limits_2623() if self.kernel.old else self.limits_612()

    def limits_2623(self) -> tuple[int, int]:
        """get_dirty_limits(): percent of free and LRU pages, less where much is mapped."""
        k = self.kernel
        dirtyable = max(k.free_pages + lru_pages(k), 1)
        unmapped_ratio = 100 - 100 * len(k.mapped) // dirtyable
        ratio = max(min(k.values["dirty_ratio"], unmapped_ratio // 2), 5)
        background = k.values["dirty_background_ratio"]
        if background >= ratio:
            background = ratio // 2
        return background * dirtyable // 100, ratio * dirtyable // 100

    def limits_612(self) -> tuple[int, int]:
        """domain_dirty_limits(): percent of free pages beyond the reserve and of the file lists."""
        k = self.kernel
        dirtyable = max(k.free_pages - self.totalreserve, 0) + sum(node.nr(True, False) + node.nr(True, True) for node in k.nodes) + 1
        limit = k.values["dirty_ratio"] * dirtyable // 100
        background = k.values["dirty_background_ratio"] * dirtyable // 100
        return (limit // 2 if background >= limit else background), limit

    def writeout_throttled(self) -> bool:
        """throttle_vm_writeout(): more than 1.1 times the limit is under writeback."""
        limit = self.limits()[1]
        return len(self.kernel.writeback) > limit + limit // 10

    def wake_flusher(self, pages: int, now: int) -> None:
        """wakeup_pdflush(), wakeup_flusher_threads()."""
        self.flush_wanted = max(self.flush_wanted, pages)
        flusher = self.kernel.flusher
        if flusher.asleep and flusher.asleep.what is Wait.WORK:
            flusher.wake(now)

    # --- who dirties -----------------------------------------------------------------------------------------------------------------------

    @property
    def file_writeback(self) -> int:
        return sum(not page.anon for page in self.kernel.writeback)

    def exceeded(self, limit: int) -> bool:
        """2.6.23: dirty pages and pages under writeback are more than the limit."""
        return len(self.kernel.dirty) + len(self.kernel.writeback) > limit

    def ratelimit_pages(self) -> int:
        """2.6.23: 1/32 of the memory of a CPU."""
        machine = self.kernel.machine
        nearest = self.kernel.scale.nearest
        return min(max(machine.ram_pages // (32 * machine.cpus), nearest(16)), nearest(1024))

    def look_after(self) -> int:
        """Who has dirtied so many pages looks at the limits."""
        limit = self.limits()[1]
        if self.kernel.old:
            return self.kernel.scale.nearest(8) if self.exceeded(limit) else self.ratelimit_pages()
        real = self.kernel.scale.real
        room = (limit - len(self.kernel.dirty) - self.file_writeback) * real
        return max((1 << (room.bit_length() - 1) // 2) // real, 1) if room > 0 else 1

    def balance_dirty_pages(self, actor: Actor) -> Steps:
        """For an actor that has dirtied some pages."""
        dirtied, actor.dirtied = actor.dirtied, 0
        return self.balance_2623(actor) if self.kernel.old else self.balance_612(actor, dirtied)

    def balance_2623(self, actor: Actor) -> Steps:
        """Above the limit the dirtier writes one and a half ratelimits of pages itself, with naps."""
        k = self.kernel
        chunk = self.ratelimit_pages() * 3 // 2
        written = 0
        while not actor.memdie and self.exceeded(self.limits()[1]) and written < chunk:
            if k.dirty:
                written += yield from actor.call(write_dirty_pages(k, actor, chunk))
                if actor.memdie:
                    return
                if not self.exceeded(self.limits()[1]) or written >= chunk:
                    break
            yield Sleep(Wait.CONGESTION, actor.clock + 100 * MS)
        if not actor.memdie and len(k.dirty) > self.limits()[0]:
            self.wake_flusher(0, actor.clock)

    def balance_612(self, actor: Actor, dirtied: int) -> Steps:
        """Above the free-run ceiling the dirtier sleeps as long as its pages take at its share of the bandwidth."""
        while not actor.memdie:
            background, limit = self.limits()
            dirty = len(self.kernel.dirty) + self.file_writeback
            if dirty > background:
                self.wake_flusher(0, actor.clock)
            if dirty <= (background + limit) // 2:
                return
            position = self.position_ratio(background, limit, dirty)
            self.update_bandwidth(actor.clock, position)
            rate = self.ratelimit * position // ONE
            longest = min(200 * MS, dirty * 128 * MS // (self.bandwidth + 1) + MS)
            pause = dirtied * SECOND // rate if rate else longest
            if rate and pause < 5 * MS:
                actor.dirtied += dirtied  # too short to sleep: pay next time
                return
            self.kernel.count["balance_dirty_pauses"] += 1
            yield Sleep(Wait.TIMER, actor.clock + min(pause, longest))
            if rate:
                return

    def position_ratio(self, background: int, limit: int, dirty: int) -> int:
        """wb_position_ratio(): a cubic around the set point times a line for the device."""
        setpoint = ((background + limit) // 2 + limit) // 2
        x = ONE * (setpoint - dirty) // ((limit - setpoint) | 1)
        cube = (x * x // ONE) * x // ONE
        ratio = min(max(cube + ONE, 0), 2 * ONE)
        span = 8 * self.bandwidth
        intercept = setpoint + span
        return ratio * (intercept - dirty) // span if dirty < intercept - span // 4 else ratio // 4

    def update_bandwidth(self, now: int, position: int) -> None:
        """__wb_update_bandwidth(): a moving average with weight 1/8 over intervals of 200 ms, forgotten after a second."""
        elapsed = now - self.stamp
        if elapsed < 200 * MS:
            return
        if elapsed < SECOND:
            dirty_rate = self.dirtied * SECOND // elapsed
            self.bandwidth = max(self.bandwidth + (self.written * SECOND // elapsed - self.bandwidth) // 8, 1)
            task_ratelimit = max(self.ratelimit * position // ONE, 1)
            balanced = min(max(task_ratelimit * self.bandwidth // (dirty_rate | 1), 1), self.bandwidth)
            self.ratelimit = max(self.ratelimit + (balanced - self.ratelimit) // 8, 1)
        self.stamp = now
        self.written = self.dirtied = 0
