"""The machine as it runs: what there is once, and the event loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import accumulate, pairwise

from core.decisions import NO
from core.era import ERAS
from core.machine import Machine
from core.outcome import END_DEADLOCK, END_DONE, END_HORIZON
from core.policy import Policy
from core.streams import Streams
from core.units import JIFFY, KIB_PER_PAGE, MS, SECOND, US
from tests.twin import mglru, vmscan_612, vmscan_2623
from tests.twin.actor import Actor, Steps, Wait
from tests.twin.clean_floor import CleanFloor
from tests.twin.decisions import Decisions
from tests.twin.device import BlockDevice, Spindle
from tests.twin.flusher import Flusher
from tests.twin.generations import LRU_BATCH
from tests.twin.handoff import Handoff
from tests.twin.kswapd import Kswapd, more_kswapds
from tests.twin.laundry_thread import LaundryThread
from tests.twin.network import Network
from tests.twin.node import Node, zonelist
from tests.twin.page import Page
from tests.twin.page_io import complete
from tests.twin.reclaim import BATCH, ScanControl
from tests.twin.run_queues import SharedCore
from tests.twin.scale import Scale
from tests.twin.slab import Slab
from tests.twin.swap import Swap
from tests.twin.task import Task
from tests.twin.watermarks import Mark, Marks, lowmem_reserve, marks_of
from tests.twin.writeback import DirtyThrottle
from tests.twin.writeout import Writeout
from tests.twin.zone import PAGEBLOCK, Zone

SLICE = MS
SHORTEST_SLICE = 20 * US
STUCK = 5 * SECOND


class Kernel:
    """Everything of one run.

    Attributes:
        old: 2.6.23, otherwise 6.x; ``version``: 100 times major plus minor.
        page_cache: pages of files that have a frame.
        dirty, dirty_anon: dirty page cache, and anonymous pages that are not on the swap device as they are.
        writeback: pages being written.
        mapped: pages in a page table.
        laundry: pages on private laundry lists or being written from one; ``in_laundry``: how many on such lists.
        home: the node from which the one that runs allocates first.
        count: the outcome's counters by name.
    """

    def __init__(self, machine: Machine, policy: Policy, values: Mapping[str, int], streams: Streams) -> None:
        self.scale = Scale(machine.page_scale)
        self.batch = self.scale.nearest(BATCH)
        self.machine = self.scale.costs(machine)
        self.old = policy.era == "2.6.23"
        self.version = policy.kernel_version
        self.generations = policy.lru == "mglru"
        self.rt_quarter = bool(ERAS[policy.era].rt_quarter)
        self.values = values
        self.decisions = Decisions(policy, values, self.scale)
        self.count: Counter[str] = Counter()
        self.now = 0
        self.ended = 0
        self.horizon = streams.horizon_ns
        self.progress = 0
        self.last_op = 0
        self.first_low = self.first_oom = -1
        self.stalls: list[int] = []
        self.pages = [Page(index, int(attr)) for index, attr in enumerate(streams.page_attr)]
        self.mapped: set[Page] = set()
        self.page_cache: set[Page] = set()
        self.dirty: set[Page] = set()
        self.dirty_anon: set[Page] = set()
        self.writeback: set[Page] = set()
        self.zones = self._zones()
        ends = list(accumulate(map(len, machine.node_zones)))
        lru_batch = self.scale.nearest(LRU_BATCH)
        self.nodes = [Node(self.zones[first:end], self.generations, lru_batch) for first, end in pairwise([0, *ends])]
        self.home = self.nodes[0]
        self.lowest_free = self.free_pages
        self.swap = Swap(self, machine.swap_slots)
        self.slab = Slab(self, self.scale.nearest(machine.slab_pages), self.scale.nearest(machine.slab_floor))
        spindle = Spindle(period=machine.swap.refill_ns)
        self.swap_device = BlockDevice(self, machine.swap, spindle)
        self.file_device = BlockDevice(self, machine.file, spindle if machine.same_device else Spindle(period=machine.file.refill_ns))
        self.dirty_throttle = DirtyThrottle(self)
        self.laundry: set[Page] = set()
        self.in_laundry = 0
        self.writeout = Writeout(self)
        self.clean_floor = CleanFloor(self)
        self.handoff = Handoff(self)
        self.tasks = [Task(self, streams, t) for t in range(streams.n_tasks)]
        for node in self.nodes:
            node.kswapd = Kswapd(self, node)
        self.flusher = Flusher(self)
        self.network = Network(self, streams)
        self.more_kswapds = more_kswapds(self)
        self.launderd = LaundryThread(self) if "background_launder_rate" in values else None
        self.actors: list[Actor] = [*self.tasks, *(node.kswapd for node in self.nodes), self.flusher, self.network, *self.more_kswapds]
        if self.launderd:
            self.actors.append(self.launderd)
        self.cpus = [0] * machine.cpus
        self.shared_core = SharedCore(self) if machine.shared_core else None

    def _zones(self) -> list[Zone]:
        sizes = [pages for node in self.machine.node_zones for pages in node]
        of_node = [(node, place) for node in self.machine.node_zones for place in range(len(node))]
        nearest, real = self.scale.nearest, self.scale.real
        scale = None if self.old else self.values["watermark_scale_factor"]
        zones = []
        for index, pages in enumerate(sizes):
            marks = marks_of([size * real for size in sizes], index, self.values["min_free_kbytes"], scale)
            node, place = of_node[index]
            below = lowmem_reserve([size * real for size in node], place, self.machine.lowmem_reserve_ratio)
            reserve = self.values["reserve_kbytes"] // KIB_PER_PAGE * pages // sum(sizes)
            atomic_reserve = marks.min * self.values.get("atomic_reserve_percent", 0) // 100
            scaled = Marks(nearest(marks.min), nearest(marks.low), nearest(marks.high))
            zones.append(Zone(pages, scaled, nearest(below), nearest(reserve), nearest(atomic_reserve), self.rt_quarter, nearest(PAGEBLOCK)))
        left = booted = nearest(self.machine.kernel_pages) + nearest(self.machine.slab_pages)
        for zone in zones:
            zone.kernel = left if zone is zones[-1] else booted * zone.managed // sum(sizes)
            zone.free -= zone.kernel
            left -= zone.kernel
        return zones

    # --- frames ----------------------------------------------------------------------------------------------------------------------------

    @property
    def free_pages(self) -> int:
        return sum(zone.free for zone in self.zones)

    @property
    def devices(self) -> tuple[BlockDevice, BlockDevice]:
        return self.swap_device, self.file_device

    def device_of(self, page: Page) -> BlockDevice:
        return self.swap_device if page.anon else self.file_device

    def take_frame(self, mark: Mark, flags: int) -> Zone | None:
        """get_page_from_freelist(): from the first zone of the zonelist that may give one."""
        for zone in zonelist(self.nodes, self.home):
            if zone.ok(mark, flags, self.old):
                return self.take_frame_of(zone)
        return None

    def take_frame_of(self, zone: Zone) -> Zone:
        """One frame of this very zone."""
        zone.free -= 1
        self.count["pgalloc"] += 1
        if zone.free < zone.marks.low and self.first_low < 0:
            self.first_low = self.now
        self.lowest_free = min(self.lowest_free, self.free_pages)
        return zone

    def free_frame(self, zone: Zone) -> None:
        """free_one_page(): the zone is not hopeless any more."""
        zone.free += 1
        self.count["pgfree"] += 1
        zone.scanned = 0
        zone.hopeless = False

    def take_kernel_page(self, mark: Mark, flags: int) -> bool:
        """One page for the kernel itself."""
        zone = self.take_frame(mark, flags)
        if zone is None:
            return False
        zone.kernel += 1
        return True

    def free_kernel_pages(self, pages: int) -> None:
        """Kernel pages are alike: those of the first zone of the zonelist go first."""
        for _ in range(pages):
            zone = next(zone for zone in zonelist(self.nodes, self.home) if zone.kernel > 0)
            zone.kernel -= 1
            self.free_frame(zone)

    def try_to_free_pages(self, actor: Actor, flags: int, recursion: int = NO) -> Steps:
        """Direct reclaim of the era."""
        return (vmscan_2623 if self.old else vmscan_612).try_to_free_pages(self, actor, flags, recursion)

    def shrink_node(self, actor: Actor, node: Node, sc: ScanControl) -> Steps:
        """Reclaim from the lists of the node (6.12)."""
        return (mglru.lru_gen_shrink_node if self.generations else vmscan_612.shrink_node)(self, actor, node, sc)

    def node_of(self, page: Page) -> Node:
        """Where its frame lies."""
        assert page.zone is not None
        return page.zone.node

    def timer(self, now: int, ns: int) -> int:
        """When a sleep of so many jiffies ends: since 4.8 at the tick after, for no timer is early."""
        return now + ns if self.version < 408 else (now // JIFFY + ns // JIFFY + 1) * JIFFY

    # --- who waits -------------------------------------------------------------------------------------------------------------------------

    def waiting(self, what: Wait) -> bool:
        return any(actor.asleep and actor.asleep.what is what for actor in self.actors)

    def wake(self, what: Wait, now: int, on: object = None) -> None:
        """Wake all who wait for ``what`` (of ``on``, if it is named)."""
        for actor in self.actors:
            if actor.asleep and actor.asleep.what is what and (on is None or actor.asleep.on is on):
                actor.wake(now)

    # --- the event loop --------------------------------------------------------------------------------------------------------------------

    def hung(self, now: int) -> bool:
        """Nothing was done and nothing completed for five seconds, though some task would go on."""
        if now - self.progress < STUCK:
            return False
        if self.network.relief():
            self.progress = now
            return False
        if any(not task.dead and not (task.asleep and task.asleep.what is Wait.SLEEP) for task in self.tasks):
            return True
        self.progress = now
        return False

    def run(self) -> None:
        """The earliest of all actors and completions comes next; actors need a CPU."""
        while not self.ended:
            completion = min(device.next_completion for device in self.devices)
            first, *others = sorted(self.actors, key=lambda actor: actor.ready)
            cpu = self.cpus.index(min(self.cpus))
            start = max(first.ready, self.cpus[cpu])
            now = min(start, completion)
            if now >= self.horizon:
                self.ended = END_DEADLOCK if self.horizon - self.progress >= STUCK and self.hung(self.horizon) else END_HORIZON
                return
            assert now >= self.now, "the clock went back"
            self.now = now
            if completion <= start:
                self.progress = max(self.progress, now)
                for device in self.devices:
                    complete(self, device, now)
            elif self.hung(now):
                self.ended = END_DEADLOCK
            else:
                if self.shared_core:
                    first = self.shared_core.choose(start)
                self.let_run(first, others[0].ready, cpu, start, completion)

    def let_run(self, actor: Actor, next_ready: int, cpu: int, start: int, completion: int) -> None:
        """One slice of an actor on a CPU: until the next event, but not too short."""
        ends = [start + SLICE, completion, *([next_ready] if next_ready > start else [])]
        self.home = actor.node
        actor.run(start, max(min(ends), start + SHORTEST_SLICE))
        self.cpus[cpu] = actor.clock
        if self.shared_core:
            self.shared_core.executed(actor, start)
        if actor.dead and all(task.dead for task in self.tasks):
            self.ended = END_DONE
