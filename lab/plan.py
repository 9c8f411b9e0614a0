"""The plan: what one run of the guest does, in the memory that host and guest share. The layout is that of guest/lab.h."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core import gfp
from core.machine import Device, Machine
from core.operations import ALLOC, FILE_WRITE, JUMP, PAGE_MASK, RECEIVE, RUN
from core.page import NEVER
from core.region import ANON, END
from core.streams import Streams
from core.units import PAGES_PER_MIB, SECOND
from lab.cache import LabError

MIB: Final = 1 << 20
MAGIC: Final = int.from_bytes(b"HIGHWLB1", "little")
TASKS_AT: Final = 8192
TASK_BYTES: Final = 4096
SAMPLE_BYTES: Final = 24 * 1024
LOG_BYTES: Final = MIB
TICKS: Final = 50  # null_blk fills its throttle up so often in a second: drivers/block/null_blk/main.c:TICKS_PER_SEC
TICK_NS: Final = 5_000_000
SAMPLE_NS: Final = 200_000_000
HANG_NS: Final = 5 * SECOND
MIB_S: Final = 1.048576  # MB


@dataclass(frozen=True)
class Plan:
    """A plan as bytes, and where its parts are.

    Attributes:
        memory: the whole shared memory at the start; its size is a power of two, as a PCI window must be.
        tasks: how many.
        samples_at, max_samples, log_at: where the guest writes.
    """

    memory: bytes
    tasks: int
    samples_at: int
    max_samples: int
    log_at: int


def make(streams: Streams, machine: Machine, settings: Sequence[tuple[str, str]], cpus: int) -> Plan:
    """The plan of one run.

    Args:
        streams: what the tasks do.
        machine: its devices.
        settings: files of the guest's /proc and /sys with what is written to them; a "?" before the path: if it is there.
        cpus: of the guest; tasks are pinned to them in turn.

    Raises:
        LabError: the streams ask for what user space cannot cause.
    """
    refuse_impossible(streams)
    text = "".join(f"{path} {value}\n" for path, value in settings).encode()
    regions = regions_of(streams.page_attr)
    max_samples = streams.horizon_ns // SAMPLE_NS + 4
    sizes = (streams.n_tasks * TASK_BYTES, regions.nbytes, len(text), streams.ops.nbytes, max_samples * SAMPLE_BYTES, LOG_BYTES)
    tasks_at, regions_at, settings_at, ops_at, samples_at, log_at, end = _places(TASKS_AT, sizes)
    total = max(MIB, 1 << (end - 1).bit_length())
    head = struct.pack(
        "<19q",
        *(MAGIC, total, streams.n_tasks, streams.n_pages, len(regions), streams.horizon_ns, SAMPLE_NS, TICK_NS, HANG_NS),
        *(tasks_at, regions_at, ops_at, settings_at, len(text), samples_at, max_samples, SAMPLE_BYTES, log_at, LOG_BYTES),
    )
    swap_pages = machine.swap_mib * PAGES_PER_MIB
    memory = bytearray(total)
    tasks = [struct.pack("<4q", int(streams.task_first[t]), int(streams.task_last[t]), int(streams.op_ns[t]), t % cpus) for t in range(streams.n_tasks)]
    for at, data in (
        (0, head + disk(machine.swap, swap_pages) + disk(machine.file, streams.n_pages)),
        *((tasks_at + number * TASK_BYTES, task) for number, task in enumerate(tasks)),
        (regions_at, regions.tobytes()),
        (settings_at, text),
        (ops_at, np.ascontiguousarray(streams.ops, "<i8").tobytes()),
    ):
        memory[at : at + len(data)] = data
    return Plan(bytes(memory), streams.n_tasks, samples_at, max_samples, log_at)


def _places(first: int, sizes: Sequence[int]) -> list[int]:
    """Where parts of ``sizes`` begin, each at a multiple of 4096, and the end."""
    places = [first]
    for size in sizes:
        places.append(places[-1] + -(-size // 4096) * 4096)
    return places


def disk(device: Device, pages: int) -> bytes:
    """One ``struct disk``.

    Raises:
        LabError: null_blk has no such disk.
    """
    if device.read_mb_s != device.write_mb_s or device.seek_ns or device.w_alloc_milli or device.network:
        raise LabError(f"lab: device {device.name}; allowed: read_mb_s = write_mb_s, seek_ns 0, w_alloc_milli 0, network false: the disk is null_blk")
    mib_s = throttle(device)
    return struct.pack("<5q", pages, mib_s, max(device.latency_ns, 1000), device.nr_requests, request_kib(mib_s))


def throttle(device: Device) -> int:
    """null_blk's mbps (MiB/s, whole) for a device's decimal MB/s."""
    return max(1, round(device.write_mb_s / MIB_S))


def request_kib(mib_s: int) -> int:
    """Largest request, KiB. What is left of a refill when the next request does not fit is lost, so a request is small against the refill; at most 64."""
    refill = mib_s * MIB // TICKS
    return min(max(4, 1 << (refill // 1024 // 16).bit_length() - 1 if refill >= 16 * 1024 else 4), 64)


def regions_of(page_attr: NDArray[np.uint8]) -> NDArray[np.int64]:
    """int64[n, 3], first page, pages and attributes of each region."""
    last = np.flatnonzero(page_attr & END)
    first = np.concatenate([np.zeros(1, np.int64), last[:-1] + 1])
    found: NDArray[np.int64] = np.stack([first, last - first + 1, page_attr[first].astype(np.int64) & ~np.int64(END)], axis=1).astype("<i8")
    return found


def refuse_impossible(streams: Streams) -> None:
    """Refuse streams with what a guest's user space cannot do.

    Raises:
        LabError: one line.
    """
    if streams.page_scale != 1:
        raise LabError(f"lab: page_scale {streams.page_scale}; allowed: 1: a page of the guest is one page")
    if len(streams.arrivals):
        raise LabError("lab: packets, bursts, slab_bursts or outages; allowed: none: user space cannot cause them")
    owner = np.full(streams.n_pages, -1, np.int64)
    for task in range(streams.n_tasks):
        for code, inner, page, literal in operations(streams.ops[streams.task_first[task] : streams.task_last[task]]):
            if code == RECEIVE:
                raise LabError("lab: receive; allowed: no packets")
            if code == ALLOC and inner != gfp.CLASSES["kernel"]:
                raise LabError("lab: kernel pages of another class; allowed: kernel")
            if code <= RUN:
                pages = slice(page, page + (literal if code == RUN else 1))
                taken = owner[pages][(streams.page_attr[pages] & ANON) != 0]
                if ((taken >= 0) & (taken != task)).any():
                    raise LabError("lab: tasks share anonymous memory; allowed: each its own")
                owner[pages] = task


def operations(ops: NDArray[np.int64]) -> list[tuple[int, int, int, int]]:
    """Distinct operations of a task: code, inner, page, literal; single touches of the same page by the same code once."""
    double = (ops >> 32 & NEVER) != 0
    literal_at = np.zeros(len(ops), bool)
    for index in np.flatnonzero(double):
        if not literal_at[index]:
            literal_at[index + 1] = True
    starts = np.flatnonzero(~literal_at)
    words = ops[starts]
    code = words >> 40 & 0xFF
    literal = np.where(code <= FILE_WRITE, 0, ops[np.minimum(starts + 1, len(ops) - 1)])
    literal = np.where(code <= JUMP, literal, 0)
    table = np.unique(np.stack([code, words >> 48 & 0xFF, words & PAGE_MASK, literal], axis=1), axis=0)
    return [(int(a), int(b), int(c), int(d)) for a, b, c, d in table]
