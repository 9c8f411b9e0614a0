"""A block device: requests in order of arrival, each of consecutive blocks, and the spindle (or flash) that serves them one after the other."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core import machine
from core.units import KIB_PER_PAGE, PAGE_BYTES
from tests.twin.actor import NEVER, Actor

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel
    from tests.twin.page import Page
    from tests.twin.plug import Plug

FILES_BEGIN = 1 << 40  # block of the first file page


@dataclass
class Spindle:
    """What moves: where the head is, and until when it is busy."""

    head: int = FILES_BEGIN - 1
    busy_until: int = 0
    period: int = 0  # a throttle is filled up so often
    fill: int = 0  # number of the present fill
    used: int = 0  # of it, ns of transfer


@dataclass(eq=False)
class Held:
    """Memory that a write keeps until it ends: kernel pages, or elements of the mempool."""

    pages: int = 0
    elements: int = 0


@dataclass(eq=False)
class Request:
    """Consecutive blocks in one direction."""

    next_block: int
    pages: int = 0
    in_flight: int = 0


@dataclass(eq=False)
class Io:
    """One page of a request."""

    page: Page
    write: bool
    request: Request
    done: int
    held: Held


@dataclass
class Queue:
    """One direction."""

    requests: list[Request] = field(default_factory=list)
    ios: deque[Io] = field(default_factory=deque)


class BlockDevice:
    """A device with its queues; the write queue knows congestion."""

    def __init__(self, kernel: Kernel, device: machine.Device, spindle: Spindle) -> None:
        self.kernel = kernel
        self.device = device
        self.spindle = spindle
        self.reads, self.writes = Queue(), Queue()
        self.congested = False
        self.alloc_carry = 0  # thousandths of a page
        self.pool_used = 0
        self.down = False  # its server is
        self.backoff = 0  # answers lost in a row
        self.no_answer_before = 0
        self.preallocated = 0  # pages allocated for the writes of its dirty pages
        n = device.nr_requests
        self.congestion_on = n - n // 8 + 1
        self.congestion_off = n - n // 8 - n // 16 - 1

    def transfer_ns(self, write: bool) -> int:
        rate = self.device.write_mb_s if write else self.device.read_mb_s
        return (PAGE_BYTES * 1000 + rate - 1) // rate * self.kernel.scale.real

    def block_of(self, page: Page) -> int:
        if page.anon:
            assert page.slot is not None
            return page.slot
        return FILES_BEGIN + page.index

    @property
    def longest(self) -> int:
        """Pages in a request at most."""
        return self.kernel.scale.nearest(self.device.max_sectors_kb // KIB_PER_PAGE)

    def merges(self, queue: Queue, block: int) -> bool:
        """elv_merge(): does the block continue the last request?"""
        return bool(queue.requests) and queue.requests[-1].next_block == block and queue.requests[-1].pages < self.longest

    def must_wait(self, page: Page, plug: Plug) -> bool:
        """get_request_wait(): no request is free for the write of a page that merges with none. Those that the writer has in its plug are not free either."""
        if plug.requests and plug.takes(self):
            return len(self.writes.requests) + len(plug.requests) >= self.device.nr_requests and not plug.merges(self, page)
        return len(self.writes.requests) >= self.device.nr_requests and not self.merges(self.writes, self.block_of(page))

    def submit_by(self, actor: Actor, page: Page, write: bool, held: Held | None = None, faults: int = 1) -> None:
        """Queue one page; the actor's CPU works on each request, beside what its pages cost."""
        if not self.merges(self.writes if write else self.reads, self.block_of(page)):
            actor.clock += self.kernel.machine.request_ns * faults
        self.submit(page, write, actor.clock, held, faults)

    def submit(self, page: Page, write: bool, now: int, held: Held | None = None, faults: int = 1) -> None:
        """Queue one page; as devices serve in order, its completion is known at once. Each of the ``faults`` that it stands for moves the head."""
        queue = self.writes if write else self.reads
        block = self.block_of(page)
        if not self.merges(queue, block):
            queue.requests.append(Request(block))
            if write and len(queue.requests) >= self.congestion_on:
                self.congested = True
        request = queue.requests[-1]
        request.next_block = block + 1
        request.pages += 1
        request.in_flight += 1
        start = max(now, self.spindle.busy_until)
        if self.device.seek_ns > 0 and block != self.spindle.head:
            start += min(abs(block - self.spindle.head) * self.transfer_ns(False), self.device.seek_ns) * faults
            self.kernel.count["nr_seeks"] += faults
        self.spindle.head = block + 1
        self.spindle.busy_until = self.through_throttle(queue, write, now) if self.spindle.period else start + self.transfer_ns(write)
        queue.ios.append(Io(page, write, request, self.spindle.busy_until + self.device.latency_ns, held or Held()))

        if self.device.network and not self.down:
            network = self.kernel.network
            network.ready = min(network.ready, max(queue.ios[-1].done, self.no_answer_before, network.clock))

    def through_throttle(self, queue: Queue, write: bool, now: int) -> int:
        """null_handle_throttled(): passes now or with the next fill, and then with it those pages of its request that have not passed yet."""
        throttle, cost = self.spindle, self.transfer_ns(write)
        if now // throttle.period > throttle.fill:
            throttle.fill, throttle.used = now // throttle.period, 0
        if throttle.used + cost > throttle.period:
            throttle.fill += 1
            together = [io for io in queue.ios if io.request is queue.requests[-1] and io.done - self.device.latency_ns >= now]
            for io in together:
                io.done = throttle.fill * throttle.period + self.device.latency_ns
            throttle.used = len(together) * cost
        throttle.used += cost
        return max(now, throttle.fill * throttle.period, throttle.busy_until)

    def answer_due(self, queue: Queue) -> int:
        """When the server answers the oldest page in flight, if there is a server and a page."""
        if not self.device.network or self.down or not queue.ios:
            return NEVER
        return max(queue.ios[0].done, self.no_answer_before)

    @property
    def next_completion(self) -> int:
        """A network device completes by answers."""
        if self.device.network:
            return NEVER
        return min((queue.ios[0].done for queue in (self.reads, self.writes) if queue.ios), default=NEVER)
