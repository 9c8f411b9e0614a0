"""Random small cases that reach every operation, device and zone layout; shared by the property tests. Small: 1 024 frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core import Builder, Device, Machine, Streams, gfp, streams


def random_device(rng: np.random.Generator, name: str) -> Device:
    return Device(
        name,
        read_mb_s=int(rng.integers(5, 500)),
        write_mb_s=int(rng.integers(5, 500)),
        latency_ns=int(rng.integers(0, 1_000_000)),
        seek_ns=int(rng.integers(0, 8_000_000)),
        w_alloc_milli=int(rng.choice([0, 0, 300, 1000, 2000])),
        w_class=str(rng.choice(["noio", "nofs", "atomic"])),
        w_pool=int(rng.choice([0, 0, 8])),
    )


def random_machine(rng: np.random.Generator) -> Machine:
    return Machine(
        "tiny",
        ram_mib=4,
        cpus=int(rng.integers(1, 3)),
        swap_mib=int(rng.choice([0, 1, 8, 16])),
        swap=random_device(rng, "swap"),
        file=random_device(rng, "file"),
        same_device=bool(rng.integers(0, 2)),
        zones_mib=[(), (1, 3), (2, 2)][int(rng.integers(0, 3))],
        kernel_pages=100,
        slab_pages=int(rng.integers(0, 100)),
    )


def random_streams(rng: np.random.Generator, tasks: int = 4, blocks: int = 6, touches: int = 400) -> Streams:
    builder = Builder()
    anon = builder.anon(int(rng.integers(200, 1500)))
    file = builder.file(int(rng.integers(50, 1500)))
    text = builder.file(8, executable=True)
    mapped = builder.file(100, mapped=True)
    for _ in range(int(rng.integers(1, tasks))):
        task = builder.task(int(rng.integers(0, 3000)))
        for _ in range(blocks):
            n = int(rng.integers(20, touches))
            task.touch_mixed(rng.integers(0, 2, n), anon.first + rng.integers(0, anon.pages, n))
            task.touch_mixed(rng.integers(2, 4, n), file.first + rng.integers(0, file.pages, n))
            task.run(streams.READ, text.first, 8)
            task.touch_mixed(rng.integers(0, 2, 20), mapped.first + rng.integers(0, 100, 20))
            match int(rng.integers(0, 7)):
                case 0:
                    task.fsync(file)
                case 1:
                    task.alloc(int(rng.integers(1, 60)), int(rng.choice([gfp.KERNEL, gfp.ATOMIC, gfp.NOFS])))
                case 2:
                    task.free(30)
                case 3:
                    task.discard(anon)
                case 4:
                    task.sleep(int(rng.integers(1, 10**8)))
                case 5:
                    task.think(int(rng.integers(1, 10**7)))
        if rng.integers(0, 2):
            task.jump(0)
    return builder.build(int(rng.integers(5, 30)) * 10**8)


def random_params(rng: np.random.Generator) -> dict[str, int]:
    return {"min_free_kbytes": int(rng.integers(128, 400)), "reserve_kbytes": int(rng.choice([0, 0, 100]))}


def on_nodes(machine: Machine, rng: np.random.Generator) -> Machine:
    """The same machine with two or three NUMA nodes."""
    zones = machine.zones_mib if sum(machine.zones_mib[:-1]) < 2 else ()
    return replace(machine, nodes=int(rng.integers(2, 4 if not zones else 3)), zones_mib=zones)
