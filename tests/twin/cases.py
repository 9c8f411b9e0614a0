"""Random cases small enough for the twin, which still reach OOM, deadlock, swap, writeback and dirty throttling: 256 to 1024 frames."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from core import Builder, Device, Machine, Policy, Streams, gfp, operations
from core.arrivals import BURST, PACKETS, SERVER_DOWN, SERVER_UP, SLAB_BURST
from core.units import MS, US

FLAGS = (gfp.KERNEL, gfp.ATOMIC, gfp.NOFS, gfp.NOWAIT, gfp.NOIO, gfp.KERNEL | gfp.NORETRY, gfp.KERNEL | gfp.RT)


class Case(NamedTuple):
    machine: Machine
    params: dict[str, int]
    streams: Streams


def device(rng: np.random.Generator, name: str) -> Device:
    own = rng.spawn(1)[0]
    rates = [int(rng.choice([1, 5, 50, 500])) for _ in range(2)]
    latency_ns = int(rng.integers(0, 2 * MS))
    seek_ns = int(rng.choice([0, 0, 100 * US, 8 * MS]))
    longest = int(own.choice([512, 1280, 16]))
    throttled = not seek_ns and own.integers(0, 3) == 0
    return Device(
        name,
        read_mb_s=rates[0],
        write_mb_s=rates[1],
        latency_ns=latency_ns,
        seek_ns=seek_ns,
        nr_requests=int(rng.choice([4, 16, 128])),
        max_sectors_kb=16 if throttled else longest,
        refill_ns=int(own.choice([17, 20, 100])) * MS if throttled else 0,
        w_alloc_milli=int(rng.choice([0, 0, 0, 300, 1000, 2000])),
        w_class=str(rng.choice(["noio", "nofs", "atomic"])),
        w_pool=int(rng.choice([0, 0, 1, 8])),
        network=bool(rng.integers(0, 4) == 0),
    )


ZONES: dict[int, list[tuple[int, ...]]] = {1: [(), ()], 2: [(), (), (1, 1)], 3: [(), (), (1, 2), (2, 1), (1, 1, 1)]}  # by MiB


def machine(rng: np.random.Generator, scale: int) -> Machine:
    """One node with some zones, or several nodes."""
    ram_mib = int(rng.integers(1, 4))
    nodes = int(rng.choice([1, 1, ram_mib, 2 if ram_mib == 3 else 1]))
    low = nodes == 2 and ram_mib == 3 and bool(rng.integers(0, 2))  # a low zone on the first of two nodes
    ram_mib += low
    zones = [(1, 3)] if low else ZONES[ram_mib if nodes == 1 else 1]
    zones_mib = zones[int(rng.integers(0, len(zones)))]
    slab_pages = int(rng.integers(0, 50 * scale))
    cpus = int(rng.integers(1, 4))
    swap_mib = int(rng.choice([0, 1, 4])) * scale
    swap, file = device(rng, "swap"), device(rng, "file")
    same_device = bool(rng.integers(0, 2))
    costs = rng.spawn(1)[0]
    if same_device or scale > 1:
        swap, file = replace(swap, refill_ns=0), replace(file, refill_ns=0)
    return Machine(
        "tiny",
        ram_mib=ram_mib * scale,
        cpus=cpus,
        swap_mib=swap_mib,
        swap=swap,
        file=file,
        same_device=same_device,
        zones_mib=tuple(mib * scale for mib in zones_mib),
        lowmem_reserve_ratio=tuple(int(rng.choice([0, 7, 32, 256])) for _ in zones_mib[:-1]) if rng.integers(0, 2) else (),
        nodes=nodes,
        kernel_pages=int(rng.integers(0, 100 * scale)),
        slab_pages=slab_pages,
        slab_floor=int(rng.choice([0, 0, slab_pages // 2])),
        swapin_ns=int(costs.choice([0, 0, 11 * US])),
        request_ns=int(costs.choice([0, 0, 7 * US])),
        pass_ns=int(costs.choice([0, 0, 20 * US])),
        page_scale=scale,
    )


NARROWER = {"min_ttl_ms": (0, 0, 0, 0, 0, 20, 300, 600_000)}  # own tunables whose domain is mostly beyond what such short runs can show


def params(rng: np.random.Generator, policy: Policy, page_scale: int) -> dict[str, int]:
    """Sysctls, and the policy's own tunables within their domains."""
    own = {t.name: int(rng.choice(NARROWER.get(t.name, (t.low, t.high, rng.integers(t.low, t.high + 1))))) for t in policy.own}
    scale = {"watermark_scale_factor": int(rng.choice([10, 500]))} if policy.era == "6.12" else {}
    return {
        "min_free_kbytes": int(rng.integers(128, 257)) * page_scale,
        "reserve_kbytes": int(rng.choice([0, 0, 40])) * page_scale,
        "dirty_ratio": int(rng.choice([5, 10, 20, 60])),
        "dirty_background_ratio": int(rng.choice([1, 5, 10, 50])),
        "writeout_cap_pages": int(rng.choice([0, 0, 1, 20])),
        "swappiness": int(rng.choice([0, 60, 100])),
        "page_cluster": int(rng.choice([0, 1, 3, 4])),
        **scale,
        **own,
    }


def load(rng: np.random.Generator, scale: int) -> Streams:
    builder = Builder(scale)
    horizon = int(rng.choice([200, 1_000, 6_000, 40_000], p=[0.4, 0.35, 0.2, 0.05])) * MS
    anon = [builder.anon(int(rng.choice([100, 400, 900, 2000]))) for _ in range(2)]
    file = [builder.file(int(rng.choice([100, 500, 1000]))) for _ in range(2)]
    text = builder.file(int(rng.choice([1, 8, 40])), executable=True)
    mapped = builder.file(int(rng.choice([10, 200])), mapped=True)
    for _ in range(int(rng.integers(1, 4))):
        task = builder.task(int(rng.choice([5 * US, 20 * US, 200 * US])))
        a, f = anon[int(rng.integers(0, 2))], file[int(rng.integers(0, 2))]
        for _ in range(int(rng.integers(1, 9))):
            n = int(rng.integers(1, 150))
            match int(rng.integers(0, 17)):
                case 0 | 1 | 14:
                    task.touch_mixed(rng.integers(0, 2, n), a.first + rng.integers(0, a.pages, n))
                case 2 | 3:
                    task.run(operations.WRITE, a.first, int(rng.integers(1, a.pages + 1)))
                case 4:
                    task.touch_mixed(rng.integers(2, 4, n), f.first + rng.integers(0, f.pages, n))
                case 5:
                    task.run(operations.FILE_WRITE, f.first, int(rng.integers(1, f.pages + 1)))
                case 6:
                    task.run(operations.FILE_READ, f.first, int(rng.integers(1, f.pages + 1)))
                case 7:
                    task.run(operations.READ, text.first, text.pages)
                case 8:
                    task.touch_mixed(rng.integers(0, 2, n), mapped.first + rng.integers(0, mapped.pages, n))
                case 9:
                    task.fsync([f, mapped][int(rng.integers(0, 2))])
                case 10:
                    task.alloc(int(rng.integers(0, 100)), int(rng.choice(FLAGS)) | int(rng.choice([0, 0, gfp.FALLBACK])))
                case 11:
                    task.free(int(rng.integers(0, 60)))
                case 12:
                    task.discard([a, f, mapped][int(rng.integers(0, 3))])
                case 15:
                    for first in range(0, f.pages, 50):
                        task.run(operations.FILE_READ, f.first + first, 50).run(operations.FILE_READ, f.first + first, 50)
                case 16:
                    task.receive(int(rng.integers(1, 100)))
                case 13:
                    ns = int(rng.choice([0, 300 * US, 30 * MS, 6_000 * MS]))
                    task.sleep(ns) if rng.integers(0, 2) else task.think(min(ns, 30 * MS))
        if rng.integers(0, 2):
            task.sleep(horizon // 20).jump(0)  # so that the twin has no more than twenty laps to go
    if rng.integers(0, 2):
        arrivals(rng, builder, horizon)
    return builder.build(horizon)


def arrivals(rng: np.random.Generator, builder: Builder, horizon: int) -> None:
    """Packets, bursts of interrupts and of the test shrinker, servers that stop for a while."""
    for _ in range(int(rng.integers(1, 12))):
        time = int(rng.integers(0, horizon // int(rng.choice([1, 4, 20]))))
        amount = int(rng.choice([1, 20, 100, 400]))
        match int(rng.integers(0, 6)):
            case 0 | 1 | 2:
                times = time + np.arange(int(rng.integers(1, 10))) * int(rng.choice([0, 100 * US, 20 * MS]))
                builder.arrivals(PACKETS, times, int(rng.choice([1, 5, 50])), int(rng.choice([0, 50, 5000])))
            case 3:
                builder.arrivals(BURST, time, amount, int(rng.choice([0, 10 * MS, 300 * MS, 10_000 * MS])))
            case 4:
                builder.arrivals(SLAB_BURST, time, amount)
            case 5:
                device = int(rng.integers(0, 2))
                builder.arrivals(SERVER_DOWN, time, device)
                if rng.integers(0, 3):
                    builder.arrivals(SERVER_UP, time + int(rng.choice([MS, 500 * MS, 7_000 * MS])), device)


def case(seed: int, policy: Policy) -> Case:
    """Machine and streams depend on the seed alone; a page stands for several in every fourth."""
    rng = np.random.default_rng(seed)
    scale = int(rng.choice([1, 1, 1, 1, 1, 1, 2, 16, 64]))
    return Case(machine(rng, scale), params=params(np.random.default_rng(seed), policy, scale), streams=load(rng, scale))
