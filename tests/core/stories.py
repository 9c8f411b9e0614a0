"""Small machines and loads that the tests of single policies share, and runs whose state is prepared or looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from core import Builder, Device, Machine, Outcome, Policy, Streams, audit, engine, memory, operations, simulator
from core.era import ERAS
from core.state import Memory
from core.units import SECOND

MIN_KBYTES = 128  # 32 pages


def disk(name: str, w_alloc_milli: int = 0, latency_ns: int = 1_000_000, w_class: str = "noio") -> Device:
    return Device(name, read_mb_s=40, write_mb_s=40, latency_ns=latency_ns, w_alloc_milli=w_alloc_milli, w_class=w_class)


def small_machine(swap: Device | None = None, file: Device | None = None, swap_mib: int = 8, ram_mib: int = 2, cpus: int = 1) -> Machine:
    """512 frames, one zone, min 32 pages by MIN_KBYTES."""
    return Machine("small", ram_mib, cpus, swap_mib, swap or disk("swap"), file or disk("file"))


def prepared(
    machine: Machine, policy: Policy, params: Mapping[str, int], load: Streams, prepare: Callable[[Memory], None] = lambda memory: None
) -> tuple[Outcome, Memory]:
    """simulate(), with the state open before and after; every page is recounted at every event."""
    values = policy.resolve(machine, {"min_free_kbytes": MIN_KBYTES, **params})
    own = np.array([values[t.name] for t in policy.own] or [0], np.int64)
    state, boot_pages = memory.boot(machine, policy.mechanics, values, own, load)
    state.zones["rt_quarter"] = ERAS[policy.era].rt_quarter
    state.vm[0].audit = 1
    prepare(state)
    engine.run(state, policy.decisions(), boot_pages)
    broken = int(state.vm[0].invariant) or int(audit.recount(state))
    assert broken == 0, audit.NAMES[broken]
    return simulator._outcome(state), state


def reading_then_growing(file_pages: int, anon_pages: int, mapped: bool = False) -> Streams:
    """One task reads a file once, then writes anonymous memory until reclaim has begun."""
    builder = Builder()
    file = builder.file(file_pages, mapped=mapped)
    anon = builder.anon(anon_pages)
    task = builder.task(1_000)
    task.run(operations.READ if mapped else operations.FILE_READ, file.first, file_pages)
    task.run(operations.WRITE, anon.first, anon_pages)
    return builder.build(5 * SECOND)
