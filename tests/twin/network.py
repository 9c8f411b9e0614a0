"""What comes from outside: packets, interrupts, servers that stop; and devices behind a network, whose requests end with a packet.

Source: P. Zijlstra, "[PATCH 00/10] foundations for reserve-based allocation", 6 Aug 2007; net/core/sock.c:sk_filter(), v3.6; include/net/tcp.h:TCP_RTO_MIN.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from core import gfp
from core.arrivals import BURST, PACKETS, SERVER_DOWN, SERVER_UP, SLAB_BURST
from core.decisions import FILTER
from core.streams import Streams
from core.units import MS, SECOND
from tests.twin.actor import NEVER, Actor, Sleep, Steps, Wait
from tests.twin.allocator import alloc_page
from tests.twin.page_io import finish
from tests.twin.watermarks import Mark

if TYPE_CHECKING:
    from tests.twin.device import BlockDevice, Queue
    from tests.twin.kernel import Kernel
    from tests.twin.zone import Zone

TOO_LATE = 10 * MS  # what waits longer was overwritten in the receive ring
BURST_PAGE = 100  # ns
FIRST_TIMEOUT, LONGEST_TIMEOUT = 200 * MS, 120 * SECOND
DOUBLINGS = 10


class State(Enum):
    """Of the receive path."""

    NORMAL = auto()
    EMERGENCY = auto()  # it lives on the reserve
    DROP_ALL = auto()  # even that is empty


@dataclass(eq=False)
class Arrival:
    """Something that happens at a time; ``ends``: it is the end of that burst, which took ``taken`` pages."""

    time: int
    kind: int
    amount: int
    extra: int
    ends: Arrival | None = None
    taken: int = 0


@dataclass(eq=False)
class Answer:
    """The packet that ends the oldest page in flight of a queue."""

    time: int
    device: BlockDevice
    queue: Queue


def timetable(streams: Streams) -> list[Arrival]:
    """All arrivals and the ends of the bursts in order; at the same time what was given comes first."""
    given = [Arrival(*map(int, row)) for row in streams.arrivals]
    ends = [Arrival(burst.time + burst.extra, BURST, 0, 0, burst) for burst in given if burst.kind == BURST]
    return sorted([*given, *ends], key=lambda arrival: arrival.time)


class Network(Actor):
    """The interrupt.

    Attributes:
        backlog: pages of packets that nobody has received yet.
        in_bursts: pages that interrupts hold.
    """

    def __init__(self, kernel: Kernel, streams: Streams) -> None:
        super().__init__(kernel)
        self.arrivals = timetable(streams)
        self.state = State.NORMAL
        self.backlog = self.in_bursts = 0
        self.ready = self.arrivals[0].time if self.arrivals else NEVER
        self.body = self.live()

    def live(self) -> Steps:
        """One page after the other, until nothing is due."""
        while True:
            event = self.next_event()
            if event is None or event.time > self.clock:
                yield Sleep(Wait.WORK, event.time if event else NEVER)
                continue
            if isinstance(event, Arrival):
                self.arrivals.remove(event)
            pages = 1 if isinstance(event, Answer) else self.begin(event)
            if not pages:
                yield from self.cond_resched()
            while pages:
                zone = yield from alloc_page(self.kernel, self, gfp.ATOMIC)
                pages -= 1
                if isinstance(event, Answer):
                    self.answered(event, zone)
                elif event.kind == PACKETS:
                    self.packet(event, zone)
                elif not self.page_of_burst(event, zone):
                    pages = 0
                yield from self.cond_resched()

    def next_event(self) -> Arrival | Answer | None:
        """The earliest: an arrival before an answer, swap before files, reads before writes."""
        answers = [Answer(device.answer_due(queue), device, queue) for device in self.kernel.devices for queue in (device.reads, device.writes)]
        events = [*self.arrivals[:1], *(answer for answer in answers if answer.time < NEVER)]
        return min(events, key=lambda event: event.time, default=None)

    def begin(self, event: Arrival) -> int:
        """How many pages it asks for; what asks for none is done at once."""
        k = self.kernel
        if event.ends:
            k.free_kernel_pages(event.ends.taken)
            self.in_bursts -= event.ends.taken
            self.clock += BURST_PAGE * event.ends.taken * k.scale.real
        elif event.kind == PACKETS:
            if self.clock - event.time <= TOO_LATE:
                return event.amount
            k.count["packets_overrun"] += event.amount
        elif event.kind == BURST:
            return event.amount
        elif event.kind == SLAB_BURST:
            k.slab.burst += event.amount
        else:
            assert event.kind in (SERVER_DOWN, SERVER_UP)
            self.server(k.devices[event.amount], event.kind == SERVER_DOWN)
        return 0

    def server(self, device: BlockDevice, down: bool) -> None:
        """The server of a network device stops or is back."""
        if not device.device.network:
            return
        if device.down and not down:
            device.backoff = 0
            device.no_answer_before = self.clock
            self.kernel.progress = max(self.kernel.progress, self.clock)
        device.down = down

    def page_of_burst(self, burst: Arrival, zone: Zone | None) -> bool:
        """The interrupt gives up at the first failure."""
        self.clock += BURST_PAGE * self.kernel.scale.real
        if zone is None:
            return False
        zone.kernel += 1
        burst.taken += 1
        self.in_bursts += 1
        return True

    def packet(self, event: Arrival, zone: Zone | None) -> None:
        """A packet that is not for the VM: into a socket, unless those are full."""
        k = self.kernel
        self.clock += k.machine.irq_ns
        if zone is None:
            k.count["packets_filtered" if self.looked_at_in_reserve() else "packets_dropped"] += 1
            return
        self.enter(State.NORMAL)
        if self.backlog >= event.extra:
            k.count["packets_overrun"] += 1
            self.give_back(zone)
        else:
            k.count["packets_received"] += 1
            self.backlog += 1
            zone.kernel += 1

    def answered(self, answer: Answer, zone: Zone | None) -> None:
        """The request is done, or the answer is lost and will be repeated ever later."""
        k, device = self.kernel, answer.device
        self.clock += k.machine.irq_ns
        if zone is not None:
            self.enter(State.NORMAL)
        elif not self.looked_at_in_reserve():
            k.count["acks_lost"] += 1
            device.no_answer_before = self.clock + min(FIRST_TIMEOUT << device.backoff, LONGEST_TIMEOUT)
            device.backoff = min(device.backoff + 1, DOUBLINGS)
            return
        device.backoff = 0
        k.progress = max(k.progress, self.clock)
        home = k.home
        finish(k, device, answer.queue, self.clock)
        k.home = home
        if zone is not None:
            self.give_back(zone)

    def give_back(self, zone: Zone) -> None:
        """To the per-CPU list it came from: that does not make a zone look reclaimable."""
        zone.free += 1
        self.kernel.count["pgfree"] += 1

    # --- the reserve -----------------------------------------------------------------------------------------------------------------------

    def enter(self, state: State) -> None:
        self.kernel.count["net_transitions"] += state is not self.state
        self.state = state

    @property
    def filters(self) -> bool:
        """The sockets of the VM are known, and the policy looks for their packets."""
        k = self.kernel
        return any(device.device.network for device in k.devices) and k.decisions.receive() == FILTER

    def looked_at_in_reserve(self) -> bool:
        """A page of the reserve is used and given back, if the policy says so and there is one."""
        if not self.filters:
            return False
        zone = next((zone for zone in reversed(self.kernel.zones) if zone.free), None)
        if zone is None:
            self.enter(State.DROP_ALL)
            return False
        self.give_back(self.kernel.take_frame_of(zone))
        self.enter(State.EMERGENCY)
        return True

    def relief(self) -> bool:
        """Is something on its way that nobody in the machine has to act for? An answer that would be lost again is not."""
        k = self.kernel
        readable = any(zone.ok(Mark.MIN, gfp.ATOMIC, k.old) or (self.filters and zone.free) for zone in k.zones)
        asked = [device for device in k.devices if device.device.network and (device.reads.ios or device.writes.ios)]
        return self.in_bursts > 0 or any(device.down or readable for device in asked)
