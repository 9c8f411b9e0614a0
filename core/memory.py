"""Fresh state: a machine just booted, its tasks about to start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import gfp, kthreads, sched, stall
from core.actor import ACTOR, DEPTH, FRAME
from core.arena import arena
from core.balance_dirty import DIRTY_POLL_THRESH
from core.bandwidth import INIT_BW
from core.blkdev import DEV, FILE, IO, IO_CAP, PLUG_CAP, SWAP
from core.cpu import CPU
from core.device import FILE_BLOCKS
from core.dirty import RATELIMIT_MAX, RATELIMIT_MIN, RATELIMIT_OVER
from core.era import ERAS
from core.flusher import MAX_WRITEBACK_PAGES
from core.machine import Device, Machine
from core.mmzone import CLASSIC, LISTS, NO_LIST, NODE, QUEUE, ZONE
from core.network import TIME, timetable
from core.page import PAGE
from core.pairs import BYTES
from core.readahead import FIRST_HITS, MAX_READAHEAD
from core.reclaim import DEF_PRIORITY, SHRINK_BATCH, SWAP_CLUSTER_MAX
from core.region import ANON
from core.state import Memory
from core.streams import Streams
from core.units import INFINITY, KIB_PER_PAGE, MS, PAGE_BYTES, SECOND, in_scale, page_transfer_ns, up_in_scale
from core.vm import VM
from core.vmscan_mglru.gens import MIN_LRU_BATCH, MIN_NR_GENS
from core.watermark import ERA_2_6_23, LOWMEM_RESERVE_RATIO, PAGEBLOCK_PAGES, lowmem_reserve, setup_watermarks


def records(dtype: np.dtype[Any], *shape: int) -> Any:
    """Zeroed records whose fields read as attributes, compiled and interpreted."""
    return np.zeros(shape, dtype).view(np.recarray)


def boot(machine: Machine, era: int, values: Mapping[str, int], own: NDArray[np.int64], streams: Streams, which_lru: int = CLASSIC) -> tuple[Memory, int]:
    """The state before the first event, and how many pages the kernel took for good.

    Args:
        machine: RAM, CPUs, devices.
        era: ERA_2_6_23 or ERA_6_12.
        values: the sysctls, complete (Policy.resolve).
        own: the policy's own tunables, int64[:].
        streams: what the tasks do.
        which_lru: CLASSIC or MGLRU.

    Watermarks may lie above what is free: such a machine reclaims from the first allocation on and may never get anywhere, as a real one would.
    """
    zones = _zones(machine, era, values)
    taken = _boot_allocations(zones, machine)
    lruvecs = len(zones) if era == ERA_2_6_23 else machine.nodes
    ring = 1 << max((2 * machine.ram_pages // machine.nodes - 1).bit_length(), 6)
    tasks = streams.n_tasks
    more = kthreads.count(values, machine.cpus, machine.nodes)
    big = arena(
        {
            "page": (PAGE, (streams.n_pages,)),
            "flags": (np.uint8, (streams.n_pages,)),
            "rings": (np.int32, (lruvecs * LISTS, ring)),
            "io": (IO, (4, IO_CAP)),
            "slots": (np.int32, (max(machine.swap_slots, 1),)),
        }
    )
    page = big["page"]
    page.attr = streams.page_attr
    page.list = NO_LIST
    page.owner = -1
    page.link = -1
    page.slot = -1
    arrivals = timetable(streams.arrivals)
    memory = Memory(
        vm=_vm(machine, era, values, streams, zones),
        nodes=_nodes(machine, streams),
        zones=zones,
        devs=_devices(machine),
        actors=_actors(machine, streams, more, int(arrivals[0, TIME]) if len(arrivals) else INFINITY),
        frames=_frames(machine, tasks, era, more),
        flags=big["flags"],
        page=page,
        queues=records(QUEUE, lruvecs * LISTS),
        rings=big["rings"],
        io=big["io"],
        plugged=np.zeros((tasks + machine.nodes + 2 + more, PLUG_CAP), np.int32),
        slots=big["slots"],
        cpu_free=np.zeros(machine.cpus, np.int64),
        cpus=_cpus(machine),
        touch_ns=_touch_costs(machine, streams),
        stalls=np.zeros(stall.BUCKETS, np.int64),
        ops=np.require(streams.ops, np.int64, ["C", "W"]),  # a read-only array would be another type to the compiler
        arrivals=arrivals,
        tunables=own,
    )
    kthreads.start(memory, values, machine.cpus)
    memory.vm[0].lru = which_lru
    memory.vm[0].home = memory.nodes[0].zone_last
    return memory, taken


def _zones(machine: Machine, era: int, values: Mapping[str, int]) -> NDArray[Any]:
    of_nodes = machine.node_zones
    pages = [size for node in of_nodes for size in node]
    nodes = [(node, place) for node, sizes in enumerate(of_nodes) for place in range(len(sizes))]
    scale = machine.page_scale
    marks = setup_watermarks([size * scale for size in pages], values["min_free_kbytes"], values.get("watermark_scale_factor", 0), era)
    zones = records(ZONE, len(pages))
    for index, (zone, mark) in enumerate(zip(zones, marks, strict=True)):
        zone.node, place = nodes[index]
        zone.lruvec = LISTS * (index if era == ERA_2_6_23 else zone.node)
        zone.managed = pages[index]
        zone.nr_free = pages[index]
        zone.wmark_min, zone.wmark_low, zone.wmark_high = (in_scale(size, scale) for size in (mark.min, mark.low, mark.high))
        ratio = machine.lowmem_reserve_ratio[place] if place < len(machine.lowmem_reserve_ratio) else LOWMEM_RESERVE_RATIO
        zone.lowmem_reserve = in_scale(lowmem_reserve([size * scale for size in of_nodes[zone.node]], place, ratio), scale)
        zone.reserve = in_scale(values["reserve_kbytes"] // KIB_PER_PAGE * pages[index] // sum(pages), scale)
        zone.atomic_reserve = in_scale(mark.min * values.get("atomic_reserve_percent", 0) // 100, scale)
        zone.prev_priority = DEF_PRIORITY
    return zones


def _nodes(machine: Machine, streams: Streams) -> NDArray[Any]:
    nodes = records(NODE, machine.nodes)
    first = 0
    nodes.lru_batch = in_scale(MIN_LRU_BATCH, machine.page_scale)
    for index, sizes in enumerate(machine.node_zones):
        nodes[index].zone_first = first
        first += len(sizes)
        nodes[index].zone_last = first - 1
        nodes[index].kswapd = streams.n_tasks + index
        nodes[index].max_seq = MIN_NR_GENS + 1  # lru_gen_init_lruvec()
    return nodes


def _boot_allocations(zones: NDArray[Any], machine: Machine) -> int:
    """Kernel and slab pages, from each zone in proportion; returns the pages taken for good (slab is not)."""
    kernel = in_scale(machine.kernel_pages, machine.page_scale)
    want = kernel + in_scale(machine.slab_pages, machine.page_scale)
    total = machine.ram_pages
    for index in range(len(zones)):
        zone = zones[index]
        share = want * int(zone.managed) // total if index < len(zones) - 1 else want - sum(int(z.nr_kernel) for z in zones[:-1])
        zone.nr_kernel = share
        zone.nr_free -= share
    return kernel


def _vm(machine: Machine, era: int, values: Mapping[str, int], streams: Streams, zones: NDArray[Any]) -> NDArray[Any]:
    vms = records(VM, 1)
    vm = vms[0]
    vm.era = era
    vm.version = next(e.version for e in reversed(ERAS.values()) if e.mechanics == era)  # simulate() says which
    vm.horizon_ns = streams.horizon_ns
    vm.n_tasks = streams.n_tasks
    vm.n_zones = len(zones)
    vm.n_pages = streams.n_pages
    vm.n_nodes = machine.nodes
    vm.shared_core = machine.shared_core
    vm.flusher = streams.n_tasks + machine.nodes
    vm.due_ns = INFINITY
    vm.network = vm.flusher + 1
    vm.memalloc_socks = machine.swap.network or machine.file.network
    for name in ("dirty_background_ratio", "dirty_ratio", "swappiness"):
        setattr(vm, name, values[name])
    for name in BYTES:
        setattr(vm, name, up_in_scale(-(-values.get(name, 0) // PAGE_BYTES), machine.page_scale))
    vm.min_ttl_ns = values.get("min_ttl_ms", 0) * MS
    vm.watermark_boost_factor = values.get("watermark_boost_factor", 0)
    vm.writeout_cap = up_in_scale(values["writeout_cap_pages"], machine.page_scale)
    vm.prealloc = values.get("preallocate", 0)
    vm.laundry_counts_as_lru = values.get("laundry_counts_as_lru", 0)
    vm.clean_floor = values.get("clean_floor_percent", 0) * machine.ram_pages // 100
    vm.dirty_expire_ns = 30 * SECOND
    vm.dirty_writeback_ns = 5 * SECOND
    for name in ("copy_ns", "minor_fault_ns", "major_fault_ns", "scan_ns", "unmap_ns", "submit_ns", "swapin_ns", "irq_ns", "walk_ns"):
        setattr(vm, name, getattr(machine, name) * machine.page_scale)
    vm.request_ns, vm.pass_ns = machine.request_ns, machine.pass_ns
    _constants(vm, machine.page_scale)
    vm.nr_total = machine.ram_pages
    vm.nr_slab = in_scale(machine.slab_pages, machine.page_scale)
    vm.slab_floor = in_scale(machine.slab_floor, machine.page_scale)
    vm.totalreserve = sum(min(int(z.managed), int(z.lowmem_reserve + z.wmark_high + z.reserve)) for z in zones)
    vm.swap_slots = machine.swap_slots
    vm.swap_free = vm.swap_slots
    vm.swap_window = in_scale(1 << values["page_cluster"], machine.page_scale)
    vm.swap_faults = max(machine.page_scale >> values["page_cluster"], 1)
    vm.swap_ra_hits = FIRST_HITS
    vm.time_to_low_ns = -1
    vm.time_to_first_oom_ns = -1
    vm.nr_free_min_seen = sum(int(z.nr_free) for z in zones)
    vm.dirty_ratelimit = vm.balanced_ratelimit = vm.write_bw = vm.avg_write_bw = in_scale(INIT_BW, machine.page_scale)
    vm.dirty_limit = vm.dirty_bytes or max(int(vm.nr_free_min_seen) - int(vm.totalreserve), 0) * values["dirty_ratio"] // 100
    files = np.flatnonzero((streams.page_attr & ANON) == 0)
    if len(files):
        vm.file_first, vm.file_last = int(files[0]), int(files[-1]) + 1
        vm.flush_cursor = vm.file_first
    return vms


def _constants(vm: Any, scale: int) -> None:
    """What the kernel counts in pages, in simulated ones."""
    vm.page_scale = scale
    vm.batch = in_scale(SWAP_CLUSTER_MAX, scale)
    vm.max_readahead = in_scale(MAX_READAHEAD, scale)
    vm.max_writeback = in_scale(MAX_WRITEBACK_PAGES, scale)
    vm.ratelimit_min = in_scale(RATELIMIT_MIN, scale)
    vm.ratelimit_max = in_scale(RATELIMIT_MAX, scale)
    vm.ratelimit_over = in_scale(RATELIMIT_OVER, scale)
    vm.dirty_poll_thresh = in_scale(DIRTY_POLL_THRESH, scale)
    vm.slab_batch = in_scale(SHRINK_BATCH, scale)
    vm.pageblock = in_scale(PAGEBLOCK_PAGES, scale)


def _devices(machine: Machine) -> NDArray[Any]:
    devs = records(DEV, 2)
    for index, device in ((SWAP, machine.swap), (FILE, machine.file)):
        _device(devs[index], device, SWAP if machine.same_device else index, machine.page_scale)
    return devs


def _device(dev: Any, device: Device, spindle: int, scale: int) -> None:
    dev.page_ns_read = page_transfer_ns(device.read_mb_s) * scale
    dev.page_ns_write = page_transfer_ns(device.write_mb_s) * scale
    dev.latency_ns = device.latency_ns
    dev.seek_ns = device.seek_ns
    dev.nr_requests = device.nr_requests
    dev.max_request = in_scale(device.max_sectors_kb // KIB_PER_PAGE, scale)
    dev.congestion_on = device.nr_requests - device.nr_requests // 8 + 1
    dev.congestion_off = device.nr_requests - device.nr_requests // 8 - device.nr_requests // 16 - 1
    dev.w_alloc_milli = device.w_alloc_milli
    dev.w_gfp = device.w_gfp
    dev.w_pool = up_in_scale(device.w_pool, scale)
    dev.spindle = spindle
    dev.refill_ns = dev.fill_left = device.refill_ns
    dev.network = device.network
    dev.head_block = FILE_BLOCKS - 1  # a place where no request begins
    dev.last_block[:] = -2


def _actors(machine: Machine, streams: Streams, more: int, first_arrival: int) -> NDArray[Any]:
    tasks = streams.n_tasks
    actors = records(ACTOR, tasks + machine.nodes + 2 + more)
    for t in range(tasks):
        actor = actors[t]
        actor.node = t % machine.nodes
        actor.cpu = t % machine.cpus
        actor.first = actor.pc = actor.unseen_pc = streams.task_first[t]
        actor.last = streams.task_last[t]
        actor.reads_files = streams.reads_files[t]
        actor.op_ns = streams.op_ns[t]
        actor.next_read = -1
        actor.ra_page, actor.ra_hits = -2, FIRST_HITS
        actor.nr_dirtied_pause = in_scale(DIRTY_POLL_THRESH, machine.page_scale)
    for node in range(machine.nodes):
        kswapd = actors[tasks + node]
        kswapd.node = node
        kswapd.is_kswapd = 1
        kswapd.memalloc = 1  # PF_MEMALLOC | PF_SWAPWRITE | PF_KSWAPD
    actors[tasks + machine.nodes + 1].ready_ns = first_arrival
    return actors


def _cpus(machine: Machine) -> NDArray[Any]:
    cpus = records(CPU, machine.cpus)
    cpus.curr = -1
    return cpus


def _frames(machine: Machine, tasks: int, era: int, more: int) -> NDArray[Any]:
    frames = records(FRAME, (tasks + machine.nodes + 2 + more) * DEPTH)
    frames.proc[::DEPTH] = sched.TASK
    for name in ("iso_head", "keep_head", "laundry_head", "page"):
        frames[name][::DEPTH] = -1
    for node in range(machine.nodes):
        kswapd = frames[(tasks + node) * DEPTH]
        kswapd.proc = sched.KSWAPD_2623 if era == ERA_2_6_23 else sched.KSWAPD_612
        kswapd.gfp = gfp.KERNEL
    flusher = frames[(tasks + machine.nodes) * DEPTH]
    flusher.proc = sched.FLUSHER
    flusher.until = 5 * SECOND
    frames[(tasks + machine.nodes + 1) * DEPTH].proc = sched.NETWORK
    return frames


def _touch_costs(machine: Machine, streams: Streams) -> NDArray[np.int64]:
    base = np.array([machine.touch_ns, machine.touch_ns, machine.copy_ns, machine.copy_ns], np.int64)
    return (base[None, :] * machine.page_scale + streams.op_ns[:, None]).reshape(-1)
