"""Random cases small enough for the twin, which still reach OOM, deadlock, swap, writeback and dirty throttling: 256 to 768 frames."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core import Builder, Device, Machine, Policy, Streams, gfp, streams
from core.units import MS, US

FLAGS = (gfp.KERNEL, gfp.ATOMIC, gfp.NOFS, gfp.NOWAIT, gfp.NOIO, gfp.KERNEL | gfp.NORETRY, gfp.KERNEL | gfp.RT)


class Case(NamedTuple):
    machine: Machine
    params: dict[str, int]
    streams: Streams


def device(rng: np.random.Generator, name: str) -> Device:
    return Device(
        name,
        read_mb_s=int(rng.choice([1, 5, 50, 500])),
        write_mb_s=int(rng.choice([1, 5, 50, 500])),
        latency_ns=int(rng.integers(0, 2 * MS)),
        seek_ns=int(rng.choice([0, 0, 100 * US, 8 * MS])),
        nr_requests=int(rng.choice([4, 16, 128])),
        max_sectors_kb=int(rng.spawn(1)[0].choice([512, 1280, 16])),
        w_alloc_milli=int(rng.choice([0, 0, 0, 300, 1000, 2000])),
        w_class=str(rng.choice(["noio", "nofs", "atomic"])),
        w_pool=int(rng.choice([0, 0, 1, 8])),
    )


def machine(rng: np.random.Generator) -> Machine:
    ram_mib = int(rng.integers(1, 4))
    zones: list[tuple[int, ...]] = [(), (), *([(1, 1)] if ram_mib == 2 else []), *([(1, 2), (2, 1), (1, 1, 1)] if ram_mib == 3 else [])]
    return Machine(
        "tiny",
        ram_mib=ram_mib,
        cpus=int(rng.integers(1, 4)),
        swap_mib=int(rng.choice([0, 1, 4])),
        swap=device(rng, "swap"),
        file=device(rng, "file"),
        same_device=bool(rng.integers(0, 2)),
        zones_mib=zones[int(rng.integers(0, len(zones)))],
        kernel_pages=int(rng.integers(0, 100)),
        slab_pages=int(rng.integers(0, 50)),
        slab_floor=0,
    )


def params(rng: np.random.Generator, policy: Policy) -> dict[str, int]:
    """Sysctls, and the policy's own tunables within their domains."""
    own = {t.name: int(rng.choice([t.low, t.high, rng.integers(t.low, t.high + 1)])) for t in policy.own}
    scale = {"watermark_scale_factor": int(rng.choice([10, 500]))} if policy.era == "6.12" else {}
    return {
        "min_free_kbytes": int(rng.integers(128, 257)),
        "reserve_kbytes": int(rng.choice([0, 0, 40])),
        "dirty_ratio": int(rng.choice([5, 10, 20, 60])),
        "dirty_background_ratio": int(rng.choice([1, 5, 10, 50])),
        "writeout_cap_pages": int(rng.choice([0, 0, 1, 20])),
        "swappiness": int(rng.choice([0, 60, 100])),
        "page_cluster": int(rng.choice([0, 1, 3, 4])),
        **scale,
        **own,
    }


def load(rng: np.random.Generator) -> Streams:
    builder = Builder()
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
            match int(rng.integers(0, 15)):
                case 0 | 1 | 14:
                    task.touch_mixed(rng.integers(0, 2, n), a.first + rng.integers(0, a.pages, n))
                case 2 | 3:
                    task.run(streams.WRITE, a.first, int(rng.integers(1, a.pages + 1)))
                case 4:
                    task.touch_mixed(rng.integers(2, 4, n), f.first + rng.integers(0, f.pages, n))
                case 5:
                    task.run(streams.FILE_WRITE, f.first, int(rng.integers(1, f.pages + 1)))
                case 6:
                    task.run(streams.FILE_READ, f.first, int(rng.integers(1, f.pages + 1)))
                case 7:
                    task.run(streams.READ, text.first, text.pages)
                case 8:
                    task.touch_mixed(rng.integers(0, 2, n), mapped.first + rng.integers(0, mapped.pages, n))
                case 9:
                    task.fsync([f, mapped][int(rng.integers(0, 2))])
                case 10:
                    task.alloc(int(rng.integers(0, 100)), int(rng.choice(FLAGS)))
                case 11:
                    task.free(int(rng.integers(0, 60)))
                case 12:
                    task.discard([a, f, mapped][int(rng.integers(0, 3))])
                case 13:
                    ns = int(rng.choice([0, 300 * US, 30 * MS, 6_000 * MS]))
                    task.sleep(ns) if rng.integers(0, 2) else task.think(min(ns, 30 * MS))
        if rng.integers(0, 2):
            task.sleep(horizon // 20).jump(0)  # so that the twin has no more than twenty laps to go
    return builder.build(horizon)


def case(seed: int, policy: Policy) -> Case:
    """Machine and streams depend on the seed alone."""
    rng = np.random.default_rng(seed)
    return Case(machine(rng), params=params(np.random.default_rng(seed), policy), streams=load(rng))
