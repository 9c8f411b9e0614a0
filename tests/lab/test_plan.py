"""The plan: what the guest is told, and what it is not asked."""

import re
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from core import Machine, gfp
from core.arrivals import PACKETS
from core.builder import Builder
from core.machine import Device
from core.operations import READ, WRITE
from core.region import ANON, EXEC, MAPPED
from lab import plan, qemu
from lab.cache import LabError

DISK = Device("disk", 63, 63, 100_000)
MACHINE = Machine("tiny", 64, 1, 64, DISK, DISK)
HEADER = (Path(plan.__file__).parent / "guest" / "lab.h").read_text()


def builder() -> Builder:
    made = Builder()
    memory = made.anon(10)
    made.file(5, executable=True)
    made.file(7)
    made.task(50).run(WRITE, memory.first, 10)
    return made


def fields(name: str) -> list[str]:
    """Names of the fields of a struct of the guest's program."""
    body = HEADER.split(f"struct {name} {{")[1].split("\n};")[0]
    return re.findall(r"int64_t (\w+);", body)


def test_the_layout_is_that_of_the_guests_header() -> None:
    made = plan.make(builder().build(1_000_000_000), MACHINE, [("/proc/sys/vm/swappiness", "60")], 1)
    names = fields("plan")
    values = dict(zip(names, struct.unpack_from(f"<{len(names)}q", made.memory), strict=True))
    assert values["magic"] == plan.MAGIC == int.from_bytes(b"HIGHWLB1", "little")
    assert (values["total_bytes"], values["n_tasks"], values["n_pages"], values["n_regions"]) == (len(made.memory), 1, 22, 3)
    assert values["horizon_ns"] == 1_000_000_000
    assert made.memory[values["settings_at"] :][: values["settings_bytes"]] == b"/proc/sys/vm/swappiness 60\n"
    assert values["samples_at"] + values["max_samples"] * values["sample_bytes"] <= values["log_at"] <= len(made.memory) - values["log_bytes"]
    assert struct.unpack_from("<9q", made.memory, values["regions_at"]) == (0, 10, ANON | MAPPED, 10, 5, MAPPED | EXEC, 15, 7, 0)
    swap = struct.unpack_from("<5q", made.memory, len(names) * 8)
    assert dict(zip(fields("disk"), swap, strict=True)) == {"pages": 16384, "mib_s": 60, "latency_ns": 100_000, "depth": 128, "max_kib": 64}
    assert tuple(fields("report")) == qemu.FIELDS


def test_requests_are_small_against_a_refill_of_the_throttle() -> None:
    for mib_s in (1, 5, 20, 60, 500):
        assert 4 <= plan.request_kib(mib_s) <= 64
        assert plan.request_kib(mib_s) == 4 or plan.request_kib(mib_s) * 1024 * 16 <= mib_s * plan.MIB // plan.TICKS


@pytest.mark.parametrize(
    ("device", "line"),
    [
        (replace(DISK, read_mb_s=10), "read_mb_s = write_mb_s"),
        (replace(DISK, seek_ns=1), "seek_ns 0"),
        (replace(DISK, network=True), "network false"),
    ],
)
def test_a_disk_that_null_blk_cannot_be_is_refused(device: Device, line: str) -> None:
    with pytest.raises(LabError, match=line):
        plan.disk(device, 1)


def test_what_user_space_cannot_cause_is_refused() -> None:
    arrivals = builder()
    arrivals.arrivals(PACKETS, 5, 1)
    with pytest.raises(LabError, match="packets"):
        plan.refuse_impossible(arrivals.build(1000))
    atomic = builder()
    atomic.task().alloc(1, gfp.ATOMIC)
    with pytest.raises(LabError, match="another class"):
        plan.refuse_impossible(atomic.build(1000))
    shared = builder()
    shared.task().touch(READ, 5)
    with pytest.raises(LabError, match="share anonymous memory"):
        plan.refuse_impossible(shared.build(1000))
    apart = builder()
    apart.task().alloc(1, gfp.KERNEL).touch(READ, 12)
    plan.refuse_impossible(apart.build(1000))
