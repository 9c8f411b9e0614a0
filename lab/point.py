"""A point: one machine, workload and setting of the kernel; run in the guest, and in the simulator from the guest's own start."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from core import Machine, Outcome, policies, simulate
from core.pairs import BYTES, in_force
from core.streams import Streams
from core.units import PAGES_PER_MIB, SECOND
from lab import plan, qemu, report
from lab.cache import LabError
from lab.emulator import Emulator
from lab.image import build
from lab.kernel import Kernel
from lab.report import Run
from sweep.cells import Cell, canonical
from sweep.workloads import compile_streams

CLASSIC: Final = "linux_5_16"  # what Linux 6.1 does with active and inactive lists
MGLRU: Final = "mglru"
VERSION: Final = 601  # the guest's kernel; policy mglru is 6.12 by itself
LRU_GEN: Final = {CLASSIC: "0", MGLRU: "7"}  # /sys/kernel/mm/lru_gen/enabled
DMA_MIB: Final = 15  # what the kernel manages under 16 MiB
LATER: Final = ("page_cluster", *BYTES)  # none was set before the simulator had them, so results do not say that they are 0
SYSCTLS: Final = ("min_free_kbytes", "watermark_scale_factor", "watermark_boost_factor", "dirty_background_ratio", "dirty_ratio", "swappiness", *LATER)
FILES: Final = {"page_cluster": "page-cluster"}  # where the file's name is another
SECTION_MIB: Final = 128  # struct page of a whole section is allocated: 2 MiB
MOST_CPUS: Final = 2  # tried with QEMU 10.0
TIMEOUT_S: Final = 60  # of the host, for the boot
TIMEOUT_FACTOR: Final = 30  # and for each second of the guest


@dataclass(frozen=True)
class Point:
    """What is run.

    Attributes:
        name: for people.
        cell: machine and workload.
        policy: CLASSIC or MGLRU; which lists the guest's kernel uses.
        params: sysctls by name; the others have the policy's defaults.
        seed: of the streams.
    """

    name: str
    cell: Cell
    policy: str
    params: Mapping[str, int]
    seed: int

    @property
    def machine(self) -> Machine:
        return self.cell.machine

    @cached_property
    def streams(self) -> Streams:
        """The operations that both sides consume."""
        return compile_streams(self.cell.workload, self.machine, self.seed)

    @cached_property
    def values(self) -> dict[str, int]:
        """Every tunable's value."""
        return policies.load(self.policy).resolve(self.machine, self.params)

    @property
    def config_hash(self) -> str:
        """Names what the guest is given: memory, disks, operations, settings. CPU costs are its own."""
        machine = self.machine
        disks = [[disk.read_mb_s, disk.write_mb_s, disk.latency_ns, disk.nr_requests] for disk in (machine.swap, machine.file)]
        settings = {name: self.values[name] for name in SYSCTLS if name not in LATER or self.values[name]}
        cpus = [machine.cpus] if machine.cpus > 1 else []  # older rows are of one, and do not say so
        text = canonical([machine.ram_mib, machine.swap_mib, disks, self.streams.digest, self.policy, settings, *cpus])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def settings(self) -> list[tuple[str, str]]:
        """What is written to the guest's /proc and /sys."""
        fixed = [
            ("/proc/sys/vm/overcommit_memory", "1"),
            ("/proc/sys/vm/lowmem_reserve_ratio", "256 256 32 0 0"),  # computed anew: at boot less was managed
            ("?/sys/kernel/mm/lru_gen/enabled", LRU_GEN[self.policy]),
        ]
        if self.policy == MGLRU:
            fixed.append(("/sys/kernel/mm/lru_gen/min_ttl_ms", str(self.values["min_ttl_ms"])))
        own = [(f"/proc/sys/vm/{FILES.get(name, name)}", str(value)) for name, value in in_force({name: self.values[name] for name in SYSCTLS}).items()]
        return [*fixed, *own]

    def check(self) -> None:
        """Refuse what the lab cannot run.

        Raises:
            LabError: one line.
        """
        if self.policy not in LRU_GEN:
            raise LabError(f"lab: policy {self.policy}; allowed: {CLASSIC} (active and inactive lists), {MGLRU}")
        if self.machine.cpus > MOST_CPUS:
            raise LabError(f"lab: machine.cpus: {self.machine.cpus}; allowed: 1 to {MOST_CPUS}")
        if self.machine.nodes != 1 or self.machine.same_device or self.machine.thp or self.machine.slab_pages:
            raise LabError("lab: machine: nodes, same_device, thp or slab_pages; allowed: 1, false, false, 0")
        for name in ("reserve_kbytes", "writeout_cap_pages"):
            if self.values.get(name, 0):
                raise LabError(f"lab: {name}: {self.values[name]}; allowed: 0: this kernel has no such setting")
        plan.disk(self.machine.swap, 0)
        plan.disk(self.machine.file, 0)


def guest_mib(ram_mib: int) -> int:
    """What QEMU is given so that the kernel manages ``ram_mib``; fitted to Debian's 6.1 (docs/lab.md), the rest is its text, page structures and tables."""
    total = ram_mib + 33
    while total < ram_mib + 33.4 + 2 * -(-total // SECTION_MIB) + total / 400:
        total += 1
    return total


def run_guest(point: Point, kernel: Kernel, emulator: Emulator | None = None) -> Run:
    """Boot the guest, let it run the point, read what it did.

    Raises:
        LabError: something is missing, or the guest could not start its tasks.
    """
    point.check()
    made = plan.make(point.streams, point.machine, point.settings, point.machine.cpus)
    timeout = TIMEOUT_S + TIMEOUT_FACTOR * point.streams.horizon_ns / SECOND
    ending = qemu.boot(kernel, build(kernel), made, guest_mib(point.machine.ram_mib), point.machine.cpus, timeout, emulator)
    if ending.how == qemu.FAILED:
        raise LabError(f"lab: point {point.name}: guest: {ending.why}")
    run = report.read(ending, made, point.streams.horizon_ns)
    if not run.samples:
        raise LabError(f"lab: point {point.name}: the guest did not come to its tasks ({ending.how}, stage {ending.report['stage']})")
    return run


def twin_machine(machine: Machine, start_free: int) -> Machine:
    """The machine that the simulator runs: the guest's zones, disks and execution of CPUs in turn, and free at the start what the guest had free."""
    zones = (DMA_MIB, machine.ram_mib - DMA_MIB)
    kernel_pages = machine.ram_mib * PAGES_PER_MIB - start_free
    swap, file = (replace(disk, max_sectors_kb=plan.request_kib(plan.throttle(disk)), refill_ns=SECOND // plan.TICKS) for disk in (machine.swap, machine.file))
    return replace(machine, zones_mib=zones, kernel_pages=kernel_pages, swap=swap, file=file, shared_core=True)


def run_simulator(point: Point, start_free: int, costs: Mapping[str, int] | None = None) -> Outcome:
    """The same point in the simulator; with other CPU costs than its machine's, if ``costs`` names any."""
    machine: Machine = replace(twin_machine(point.machine, start_free), **costs or {})  # type: ignore[arg-type]
    return simulate(machine, replace(policies.load(point.policy), version=VERSION), point.params, point.streams)


def single(machine: str, workload: str, policy: str, sets: Mapping[str, int], keys: Mapping[str, bool | int | float | str], seed: int) -> Point:
    """A point from the command line: names or files of a machine and a workload.

    Raises:
        ConfigError: one of them, or a setting, is wrong.
    """
    from sweep.grid import CellBuilder

    builder = CellBuilder(Path(machine))
    cell = builder.cell(0, "point", "point", (), machine, workload, dict(keys))
    return Point("point", cell, policy, sets, seed)
