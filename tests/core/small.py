"""A machine of 4 MiB and the loads that tell a policy's story on it."""

from __future__ import annotations

from typing import Any

from core import Builder, Device, Machine, Outcome, Streams, operations, policies, simulate
from core.units import SECOND

RAM = 1024  # pages


def machine(swap_mib: int = 16, cpus: int = 2, zones_mib: tuple[int, ...] = (), **device: Any) -> Machine:
    """4 MiB, a swap device and a file device of 20 MB/s."""
    both = {"read_mb_s": 20, "write_mb_s": 20, "latency_ns": 100_000} | device
    return Machine("small", 4, cpus, swap_mib, swap=Device("swap", **both), file=Device("file", **both), zones_mib=zones_mib, kernel_pages=64)


def writers(pages: int, tasks: int = 1, seconds: int = 4, file_pages: int = 0, op_ns: int = 20_000) -> Streams:
    """Tasks that write ``pages`` anonymous pages each in a circle, and read ``file_pages`` of a file once a lap."""
    builder = Builder()
    file = builder.file(max(file_pages, 1))
    for _ in range(tasks):
        anon = builder.anon(pages)
        task = builder.task(op_ns)
        task.run(operations.WRITE, anon.first, pages)
        if file_pages:
            task.run(operations.FILE_READ, file.first, file_pages)
        task.jump(0)
    return builder.build(seconds * SECOND)


def stream_past_dirty(dirty_pages: int, seconds: int = 2) -> Streams:
    """One task that writes a small file again and again and reads a long one in between."""
    builder = Builder()
    dirty = builder.file(dirty_pages)
    long = builder.file(4 * RAM)
    task = builder.task(20_000)
    task.run(operations.FILE_WRITE, dirty.first, dirty_pages)
    task.run(operations.FILE_READ, long.first, long.pages)
    task.jump(0)
    return builder.build(seconds * SECOND)


def run(policy: str, load: Streams, on: Machine | None = None, **params: int) -> Outcome:
    """One run."""
    return simulate(on or machine(), policies.load(policy), params, load)
