"""Dirty limits and who is throttled by them: mm/page-writeback.c, v2.6.23, v6.1 and v6.12. Anonymous memory never is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.units import JIFFY, MS, SECOND
from tests.twin.actor import NEVER, Actor, Sleep, Steps, Wait
from tests.twin.flusher import write_dirty_pages
from tests.twin.lru import lru_pages

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel

ONE = 1 << 10  # a ratio of one
FIRST_BANDWIDTH = 25_600  # pages/s
HZ = SECOND // JIFFY
INTERVAL = HZ // 5  # BANDWIDTH_INTERVAL
PERIOD = 1024  # jiffies: three seconds, up to a power of two
POLL = 32  # DIRTY_POLL_THRESH, pages
CHUNK = 1024  # MAX_WRITEBACK_PAGES; MIN_WRITEBACK_PAGES of 6.x


def log2(n: int) -> int:
    """ilog2()."""
    return n.bit_length() - 1


class DirtyThrottle:
    """The dirty limits of the machine, and 6.12's estimates of how fast its file device writes.

    Attributes:
        flush_wanted: pages that somebody asked the flusher to write.
        written, dirtied: pages since the estimates were updated last, at ``stamp``.
        bandwidth, average: write_bandwidth and avg_write_bandwidth, pages/s.
        ratelimit, balanced: dirty_ratelimit and balanced_dirty_ratelimit, pages/s.
        update_due: when the flusher is to bring the estimate up to date after a writeback has ended; 0: not.
        domain_limit: dirty_limit of the domain, which falls slowly; changed last at ``domain_stamp``.
        is_exceeded: dirty_exceeded of the device.
    Stamps are jiffies.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.flush_wanted = 0
        self.written = self.dirtied = self.stamp = 0
        self.bandwidth = self.average = self.ratelimit = self.balanced = kernel.scale.nearest(FIRST_BANDWIDTH)
        self.poll = kernel.scale.nearest(POLL)
        self.update_due = 0
        self.is_exceeded = False
        self.totalreserve = sum(min(z.managed, z.lowmem_reserve + z.marks.high + z.reserve) for z in kernel.zones)
        self.domain_limit = self.in_bytes("dirty_bytes") or max(kernel.free_pages - self.totalreserve, 0) * kernel.values["dirty_ratio"] // 100
        self.domain_stamp = 0

    # --- limits ----------------------------------------------------------------------------------------------------------------------------

    def limits(self) -> tuple[int, int]:
        """Background threshold and limit."""
        return self.limits_2623() if self.kernel.old else self.limits_612()

    def limits_2623(self) -> tuple[int, int]:
        """get_dirty_limits(): percent of free and LRU pages, less where much is mapped."""
        k = self.kernel
        dirtyable = k.free_pages + lru_pages(k) + 1
        unmapped_ratio = 100 - 100 * len(k.mapped) // dirtyable
        ratio = max(min(k.values["dirty_ratio"], unmapped_ratio // 2), 5)
        background = k.values["dirty_background_ratio"]
        if background >= ratio:
            background = ratio // 2
        return background * dirtyable // 100, ratio * dirtyable // 100

    def limits_612(self) -> tuple[int, int]:
        """domain_dirty_limits(): bytes, or percent of free pages beyond the reserve and of the file lists."""
        k = self.kernel
        dirtyable = max(k.free_pages - self.totalreserve, 0) + sum(node.nr(True, False) + node.nr(True, True) for node in k.nodes) + 1
        limit = self.in_bytes("dirty_bytes") or (k.values["dirty_ratio"] * 4096 // 100) * dirtyable // 4096
        background = self.in_bytes("dirty_background_bytes") or (k.values["dirty_background_ratio"] * 4096 // 100) * dirtyable // 4096
        return (limit // 2 if background >= limit else background), limit

    def in_bytes(self, name: str) -> int:
        """A limit that is given in bytes, up to a page; 0: it is given in percent."""
        return self.kernel.scale.up((self.kernel.values.get(name, 0) + 4095) // 4096)

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

    def look_after(self, actor: Actor) -> int:
        """Who has dirtied so many pages looks at the limits."""
        if self.kernel.old:
            return self.kernel.scale.nearest(8) if self.exceeded(self.limits()[1]) else self.ratelimit_pages()
        return min(actor.look_after, self.kernel.scale.nearest(8)) if self.is_exceeded else actor.look_after

    def balance_dirty_pages(self, actor: Actor) -> Steps:
        """For an actor that has dirtied some pages."""
        if not self.kernel.old:
            return self.balance_6x(actor)
        actor.dirtied = 0
        return self.balance_2623(actor)

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

    def balance_6x(self, actor: Actor) -> Steps:
        """Above the free-run ceiling the dirtier sleeps as long as its pages take at its share of the bandwidth."""
        k = self.kernel
        pages = actor.dirtied
        while not actor.memdie:
            now = actor.clock // JIFFY
            background, limit = self.limits()
            dirty = len(k.dirty) + len(k.writeback)
            of_device = len(k.dirty) + self.file_writeback
            if len(k.dirty) > background:
                self.wake_flusher(0, actor.clock)
            if dirty <= (background + limit) // 2:
                actor.paused_when, actor.dirtied = now, 0
                real = k.scale.real
                actor.look_after = max((1 << log2((limit - dirty) * real) // 2) // real, 1) if dirty < limit else 1
                return
            self.is_exceeded = of_device > limit and dirty > limit
            position = self.position_ratio(background, limit, dirty, of_device)
            if now - self.stamp > INTERVAL:
                self.follow_limit(now, limit, dirty)
                self.update_ratelimit(background, limit, dirty, position, now - self.stamp)
                self.update_bandwidth(now)
            rate = self.ratelimit * position // ONE
            longest = min(of_device // (1 + self.average // 32) + 1, HZ // 5)
            pause = self.pause(actor, pages, rate, longest, now)
            if not pause:
                return
            k.count["balance_dirty_pauses"] += 1
            last_page = of_device <= self.counter_error()
            yield Sleep(Wait.TIMER, k.timer(actor.clock, pause * JIFFY))
            if rate or last_page:
                return

    def pause(self, actor: Actor, pages: int, rate: int, longest: int, now: int) -> int:
        """How long to sleep for the pages, jiffies; 0: not at all, because it is too short or time has already passed since the last pause."""
        shortest, next_look = self.shortest_pause(longest, rate)
        pause = longest
        if rate:
            period = HZ * pages // rate
            since = now - actor.paused_when if actor.paused_when else 0
            if period - since < shortest:
                if period - since < -HZ:
                    actor.paused_when, actor.dirtied = now, 0
                elif period:
                    actor.paused_when += period
                    actor.dirtied = 0
                elif actor.look_after <= pages:
                    actor.look_after += pages
                return 0
            pause = min(period - since, longest)
            now += min(period - since - pause, longest)
        actor.paused_when, actor.dirtied, actor.look_after = now + pause, 0, next_look
        return pause

    def shortest_pause(self, longest: int, rate: int) -> tuple[int, int]:
        """wb_min_pause(): the shortest pause that is worth it, and the number of pages after which the task comes again."""
        target = 2 + max(log2(self.average) - log2(self.ratelimit), 0) * 2500 // 1024
        target = min(target, longest // 2 + 1)
        pages = self.ratelimit * target // 256
        if pages < self.poll:
            target = longest
            pages = self.ratelimit * target // 256
            if pages > self.poll:
                pages, target = self.poll, HZ * self.poll // self.ratelimit
        if HZ * pages // (rate + 1) > longest:
            target = longest
            pages = rate * target // 256
        return (target // 2 + 1 if pages >= self.poll else target), pages

    def counter_error(self) -> int:
        """wb_stat_error()."""
        cpus = self.kernel.machine.cpus
        return cpus * 8 * (1 + log2(cpus)) // self.kernel.scale.real

    def position_ratio(self, background: int, limit: int, dirty: int, of_device: int) -> int:
        """wb_position_ratio(): a cubic around the set point times a line for the device; more for a device that has few of the dirty pages."""
        hard = max(limit, self.domain_limit)
        if dirty >= hard:
            return 0
        setpoint = ((background + limit) // 2 + hard) // 2
        x = int(abs(setpoint - dirty) * ONE // ((hard - setpoint) | 1)) * (1 if dirty <= setpoint else -1)
        cube = (x * x // ONE) * x // ONE
        ratio = min(max(cube + ONE, 0), 2 * ONE)
        share = limit * 65536 // (limit | 1)
        span = 8 * self.average * share // 65536
        intercept = setpoint * share // 65536 + span
        ratio = ratio * (intercept - of_device) // (span | 1) if of_device < intercept - span // 4 else ratio // 4
        if of_device < limit // 2:
            ratio = ratio * (limit // 2) // of_device if of_device > limit // 2 // 8 else ratio * 8
        return ratio

    def follow_limit(self, now: int, limit: int, dirty: int) -> None:
        """update_dirty_limit(): up at once, down slowly."""
        if now - self.domain_stamp < INTERVAL:
            return
        self.domain_stamp = now
        if self.domain_limit < limit:
            self.domain_limit = limit
        elif self.domain_limit > max(limit, dirty):
            self.domain_limit -= (self.domain_limit - max(limit, dirty)) // 32

    def update_ratelimit(self, background: int, limit: int, dirty: int, position: int, elapsed: int) -> None:
        """wb_update_dirty_ratelimit()."""
        setpoint = ((background + limit) // 2 + max(limit, self.domain_limit)) // 2
        task_rate = self.ratelimit * position // ONE + 1
        balanced = min(task_rate * self.average // ((self.dirtied * HZ // elapsed) | 1), self.average)
        three = (self.balanced, balanced, task_rate)
        step = max(min(three) - self.ratelimit, 0) if dirty < setpoint else max(self.ratelimit - max(three), 0)
        slow = self.ratelimit // (2 * step + 1)
        step = -(-(step >> slow) // 8) if slow < 63 else 0
        self.ratelimit = max(self.ratelimit + (step if self.ratelimit < balanced else -step), 1)
        self.balanced = balanced

    def update_bandwidth(self, now: int) -> None:
        """wb_update_write_bandwidth() and the stamps."""
        elapsed = max(now - self.stamp, 1)
        before = self.bandwidth
        if elapsed > PERIOD:
            self.bandwidth = self.average = self.written * HZ // elapsed
        else:
            self.bandwidth = (self.written * HZ + before * (PERIOD - elapsed)) // PERIOD
            if self.average > before >= self.bandwidth:
                self.average -= (self.average - before) // 8
            if self.average < before <= self.bandwidth:
                self.average += (before - self.average) // 8
        self.average = max(self.average, 1)
        self.stamp, self.written, self.dirtied = now, 0, 0

    # --- writeback -------------------------------------------------------------------------------------------------------------------------

    def page_written(self, now: int) -> None:
        """A file page is clean; after the last one the flusher updates the estimate within 200 ms."""
        self.written += 1
        if not self.kernel.old and not self.file_writeback and not self.update_due:
            self.update_due = now + 200 * MS
            flusher = self.kernel.flusher
            if flusher.asleep and flusher.asleep.what is Wait.WORK:
                flusher.ready = min(flusher.ready, self.update_due)

    def writepages_begin(self, now: int) -> None:
        """wb_bandwidth_estimate_start(): idle time does not count."""
        if not self.kernel.old and now // JIFFY - self.stamp > HZ and not self.file_writeback:
            self.stamp, self.written, self.dirtied = now // JIFFY, 0, 0

    def writepages_end(self, now: int) -> None:
        """The end of do_writepages()."""
        if not self.kernel.old and now // JIFFY - self.stamp > INTERVAL:
            self.update_bandwidth(now // JIFFY)

    def chunk(self, wanted: int) -> int:
        """writeback_chunk_size()."""
        chunk = self.kernel.scale.nearest(CHUNK)
        if self.kernel.old:
            return chunk
        pages = min(self.average // 2, self.domain_limit // 8, wanted or NEVER)
        return (pages // chunk + 1) * chunk
