"""Random small cases that reach every operation, arrival, device and zone layout; shared by the property tests. Small: 1 024 frames.

What the network does is drawn from a generator of its own (``spawn``), so that the cases of a seed are the same with and without it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core import Builder, Device, Machine, Streams, gfp, operations
from core.arrivals import BURST, PACKETS, SERVER_DOWN, SERVER_UP, SLAB_BURST


def random_device(rng: np.random.Generator, name: str, network: bool = False) -> Device:
    return Device(
        name,
        read_mb_s=int(rng.integers(5, 500)),
        write_mb_s=int(rng.integers(5, 500)),
        latency_ns=int(rng.integers(0, 1_000_000)),
        seek_ns=int(rng.integers(0, 8_000_000)) if rng.spawn(1)[0].integers(0, 3) else 0,
        w_alloc_milli=int(rng.choice([0, 0, 300, 1000, 2000])),
        w_class=str(rng.choice(["noio", "nofs", "atomic"])),
        w_pool=int(rng.choice([0, 0, 8])),
        network=network,
    )


def random_machine(rng: np.random.Generator) -> Machine:
    remote = [bool(side) for side in rng.spawn(1)[0].integers(0, 3, 2) == 0]
    return Machine(
        "tiny",
        ram_mib=4,
        cpus=int(rng.integers(1, 3)),
        swap_mib=int(rng.choice([0, 1, 8, 16])),
        swap=random_device(rng, "swap", remote[0]),
        file=random_device(rng, "file", remote[1]),
        same_device=bool(rng.integers(0, 2)),
        zones_mib=[(), (1, 3), (2, 2)][int(rng.integers(0, 3))],
        kernel_pages=100,
        slab_pages=int(rng.integers(0, 100)),
    )


def random_streams(rng: np.random.Generator, tasks: int = 4, blocks: int = 6, touches: int = 400) -> Streams:
    side = rng.spawn(1)[0]
    online = bool(side.integers(0, 2))
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
            task.run(operations.READ, text.first, 8)
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
            if online and side.integers(0, 3) == 0:
                task.receive(int(side.integers(0, 100)))
        if rng.integers(0, 2):
            task.jump(0)
    horizon_ns = int(rng.integers(5, 30)) * 10**8
    if online:
        random_arrivals(side, builder, horizon_ns)
    return builder.build(horizon_ns)


def random_arrivals(rng: np.random.Generator, builder: Builder, horizon_ns: int) -> None:
    n = int(rng.integers(1, 400))
    builder.arrivals(PACKETS, rng.integers(0, horizon_ns, n), rng.integers(0, 8, n), int(rng.choice([20, 200, 2000])))
    n = int(rng.integers(0, 6))
    builder.arrivals(BURST, rng.integers(0, horizon_ns, n), rng.integers(0, 500, n), rng.integers(0, horizon_ns // 2, n))
    n = int(rng.integers(0, 3))
    devices = rng.integers(0, 2, n)
    down = rng.integers(0, horizon_ns, n)
    builder.arrivals(SERVER_DOWN, down, devices)
    builder.arrivals(SERVER_UP, down + rng.integers(0, horizon_ns // 2, n), devices)
    builder.arrivals(SLAB_BURST, int(rng.integers(0, horizon_ns)), int(rng.integers(0, 300)))


def random_params(rng: np.random.Generator) -> dict[str, int]:
    sizes = {"min_free_kbytes": int(rng.integers(128, 400)), "reserve_kbytes": int(rng.choice([0, 0, 100]))}
    return sizes | {"page_cluster": int(rng.spawn(1)[0].choice([0, 2, 3, 5]))}


def on_nodes(machine: Machine, rng: np.random.Generator) -> Machine:
    """The same machine with two or three NUMA nodes."""
    zones = machine.zones_mib if sum(machine.zones_mib[:-1]) < 2 else ()
    return replace(machine, nodes=int(rng.integers(2, 4 if not zones else 3)), zones_mib=zones)
