"""Machine: RAM, CPUs, devices and what CPU work costs. Data only; ``memory.py`` turns it into the state of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from typing import Final

from core import gfp
from core.units import KIB_PER_PAGE, PAGES_PER_MIB, page_transfer_ns

MAX_CPUS: Final = 1024
MAX_NODES: Final = 8
MAX_RAM_MIB: Final = 4 * 1024 * 1024
PAGE_SCALES: Final = (1, 2, 4, 8, 16, 32, 64)


def _refuse_outside(owner: str, values: Mapping[str, int], bounds: Mapping[str, tuple[int, int]]) -> None:
    for name, (low, high) in bounds.items():
        if not low <= values[name] <= high:
            raise ValueError(f"{owner}.{name}: {values[name]}; allowed: {low} to {high}")


@dataclass(frozen=True)
class Device:
    """One block device, for swap or for files.

    Requests are served in order of arrival; the device is busy for the seek and the transfer, ``latency_ns`` comes on top without keeping it busy.

    Attributes:
        name: for messages.
        read_mb_s, write_mb_s: sequential bandwidth, decimal MB/s.
        latency_ns: from the end of the transfer to completion, ns.
        seek_ns: keeps the device busy when a request does not continue the one before, ns (0: flash).
        nr_requests: queue length for each direction; congested from 7/8 of it on (block/ll_rw_blk.c:blk_queue_congestion_threshold(), v2.6.23).
        max_sectors_kb: the longest request, kB: 512 in v2.6.23, 1280 since v4.3 (BLK_DEF_MAX_SECTORS), less on a device that takes less.
        refill_ns: 0: pages pass one after the other; else a throttle that is filled up so often: what the bandwidth makes of this time passes at once, the
            rest waits for the next fill (drivers/block/null_blk/main.c:null_handle_throttled(), v6.1).
        w_alloc_milli: kernel pages allocated for each page written out, in thousandths, held until the write ends.
        w_class: gfp class of these allocations: "noio", "nofs" or "atomic".
        w_pool: pages guaranteed by a mempool (0: none).
        network: behind a network (nbd, iSCSI, NFS): a page is done when the packet that answers it was received, which needs memory (network.py).
    """

    name: str
    read_mb_s: int
    write_mb_s: int
    latency_ns: int
    seek_ns: int = 0
    nr_requests: int = 128
    max_sectors_kb: int = 512
    refill_ns: int = 0
    w_alloc_milli: int = 0
    w_class: str = "noio"
    w_pool: int = 0
    network: bool = False

    def __post_init__(self) -> None:
        bounds = {
            "read_mb_s": (1, 1_000_000),
            "write_mb_s": (1, 1_000_000),
            "latency_ns": (0, 60_000_000_000),
            "seek_ns": (0, 60_000_000_000),
            "nr_requests": (4, 128),
            "max_sectors_kb": (4, 1280),
            "refill_ns": (0, 1_000_000_000),
            "w_alloc_milli": (0, 64_000),
            "w_pool": (0, 1 << 20),
        }
        _refuse_outside(self.name, vars(self), bounds)
        if self.w_class not in ("noio", "nofs", "atomic"):
            raise ValueError(f"{self.name}.w_class: {self.w_class!r}; allowed: noio, nofs, atomic")
        longest = self.max_sectors_kb // KIB_PER_PAGE * page_transfer_ns(min(self.read_mb_s, self.write_mb_s))
        if self.refill_ns and (self.refill_ns < longest or self.seek_ns):
            raise ValueError(f"{self.name}.refill_ns: {self.refill_ns}; allowed: 0, or at least {longest}, the longest request, and seek_ns 0")

    @property
    def w_gfp(self) -> int:
        """gfp flags of the allocations that a write needs."""
        return gfp.CLASSES[self.w_class]


@dataclass(frozen=True)
class Machine:
    """A machine: its nodes and their zones, a swap device and a file device.

    Attributes:
        name: for messages.
        ram_mib: RAM, MiB.
        cpus: processors; kswapd, the flusher and the tasks compete for them.
        shared_core: the CPUs are hardware threads of one core, or virtual CPUs that share one: they execute in turn; tasks are pinned to them (run_queues.py).
        swap_mib: swap space, MiB (0: none).
        swap, file: the devices.
        same_device: both are one spindle.
        zones_mib: sizes of the zones from low to high, MiB; empty: one zone. With several nodes all but the last lie on node 0, which has less of the last.
        lowmem_reserve_ratio: sysctl_lowmem_reserve_ratio of each zone but the last; empty: 256 each, 0: no reserve.
        thp: transparent huge pages are on: the default of min_free_kbytes is what khugepaged wants (6.12).
        nodes: NUMA nodes, each with the same share of RAM.
        kernel_pages: taken at boot for good (kernel text, page tables, unreclaimable slab), pages.
        slab_pages, slab_floor: reclaimable slab at the start, and what of it always stays, pages.
        touch_ns: one touch of a mapped page that is present, CPU ns.
        copy_ns: read(2) or write(2) of one cached page, CPU ns.
        minor_fault_ns: a fault without I/O (zeroing a page included), CPU ns.
        major_fault_ns: CPU part of a fault with I/O, CPU ns.
        scan_ns: scanning one page, CPU ns.
        walk_ns: looking at one present page table entry in the walk of the multi-generational LRU, CPU ns (estimate).
        unmap_ns: try_to_unmap() of one page, CPU ns.
        submit_ns: submitting one page for I/O, CPU ns.
        request_ns: what a request costs beside its pages, until it is completed, CPU ns.
        swapin_ns: what a fault that reads from the swap device costs more than a read of a file: do_swap_page(), CPU ns.
        pass_ns: a pass of reclaim over a node beside the pages that it scans: shrink_slab() asks every shrinker, CPU ns; 6.12.
        irq_ns: receiving one packet, CPU ns.
        page_scale: real pages that one simulated page stands for, 1 to 64, a power of two; all that is given here stays in real pages and their costs.
    """

    name: str
    ram_mib: int
    cpus: int
    swap_mib: int
    swap: Device
    file: Device
    same_device: bool = False
    zones_mib: tuple[int, ...] = ()
    lowmem_reserve_ratio: tuple[int, ...] = ()
    thp: bool = False
    nodes: int = 1
    kernel_pages: int = 0
    slab_pages: int = 0
    slab_floor: int = 0
    touch_ns: int = 50
    copy_ns: int = 1_000
    minor_fault_ns: int = 1_000
    major_fault_ns: int = 5_000
    scan_ns: int = 150
    walk_ns: int = 10
    unmap_ns: int = 500
    submit_ns: int = 1_500
    request_ns: int = 0
    swapin_ns: int = 0
    pass_ns: int = 0
    irq_ns: int = 3_000
    page_scale: int = 1
    shared_core: bool = False

    def __post_init__(self) -> None:
        costs = [f.name for f in dataclass_fields(self) if f.name.endswith("_ns")]
        bounds = {"ram_mib": (1, MAX_RAM_MIB), "cpus": (1, MAX_CPUS), "swap_mib": (0, MAX_RAM_MIB), "nodes": (1, MAX_NODES)}
        bounds |= {"kernel_pages": (0, self.real_pages * 3 // 4), "slab_pages": (0, self.real_pages // 2), "slab_floor": (0, self.slab_pages)}
        bounds |= {**dict.fromkeys(costs, (1, 1_000_000_000)), **dict.fromkeys(("request_ns", "swapin_ns", "pass_ns"), (0, 1_000_000_000))}
        _refuse_outside("machine", vars(self), bounds)
        if self.page_scale not in PAGE_SCALES:
            raise ValueError(f"machine.page_scale: {self.page_scale}; allowed: {', '.join(map(str, PAGE_SCALES))}")
        if self.zones_mib and (min(self.zones_mib) < 1 or sum(self.zones_mib) != self.ram_mib):
            raise ValueError(f"machine.zones_mib: {list(self.zones_mib)}; allowed: sizes >= 1 that add up to ram_mib = {self.ram_mib}")
        if len(self.zones_mib) > 4:
            raise ValueError(f"machine.zones_mib: {len(self.zones_mib)} zones; allowed: at most 4")
        refills = {self.swap.refill_ns, self.file.refill_ns}
        if any(refills) and (self.page_scale > 1 or (self.same_device and len(refills) > 1)):
            raise ValueError("machine: a device with refill_ns; allowed: page_scale 1, and with same_device the same for both")
        ratios = self.lowmem_reserve_ratio
        if ratios and (len(ratios) != max(len(self.zones_mib) - 1, 0) or min(ratios) < 0):
            raise ValueError(f"machine.lowmem_reserve_ratio: {list(ratios)}; allowed: one number >= 0 for each zone but the last")
        share = self.ram_mib // self.nodes
        if share <= sum(self.zones_mib[:-1]):
            raise ValueError(f"machine.nodes: {self.nodes}; allowed: all zones but the last fit on node 0, which has {share} MiB")

    @property
    def real_pages(self) -> int:
        """RAM in real pages."""
        return self.ram_mib * PAGES_PER_MIB

    @property
    def ram_pages(self) -> int:
        """RAM in simulated pages."""
        return self.real_pages // self.page_scale

    @property
    def swap_slots(self) -> int:
        """Swap space in simulated pages."""
        return self.swap_mib * PAGES_PER_MIB // self.page_scale

    @property
    def node_zones(self) -> tuple[tuple[int, ...], ...]:
        """Simulated pages of each zone of each node, from low to high."""
        low = tuple(mib * PAGES_PER_MIB // self.page_scale for mib in self.zones_mib[:-1])
        ends = [self.ram_pages * node // self.nodes for node in range(self.nodes + 1)]
        return tuple((*(low if node == 0 else ()), ends[node + 1] - ends[node] - (sum(low) if node == 0 else 0)) for node in range(self.nodes))
