"""Role: some tasks that do the same to memory of their own, or to memory that they share."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from core import Machine
from core.units import KIB_PER_PAGE
from sweep.workloads.base import Part, Share, pages_of, scale_of, scaled


class Role(Part):
    """What each task of a role does: laps over its memory, in bursts, with a pause after each burst.

    Attributes:
        tasks: how many, 0 to 1024 (default 1), or
        tasks_per_cpu: so many for each CPU of the machine, 0.01 to 64; one at least.
        memory: anon (private memory), file (read(2) and write(2) of whole pages), mapped (a file by mmap), none.
        size_mib: memory of all tasks of the role together, MiB, 0.01 to 4194304, or
        size_ram: the same as a ratio of the machine's RAM, 0.0001 to 64.
        shared: all tasks use all of it; otherwise each has its part.
        fill: each task first writes all of it once: an anonymous page that was only read takes no memory.
        access: linear (from end to end; tasks that share begin at random places), random (every block once a lap, in
            random order), zipf (popular blocks more often), hot (some blocks take most of the touches).
        zipf: exponent of the popularity, 0 to 2.
        hot_share, hot_touches: so much of the memory takes so many of the touches, 0 to 1.
        phases: other blocks are popular (zipf, hot) in each of so many parts of a lap, 1 to 64.
        write_share: share of the blocks that are written, 0 to 1.
        block_kib: so much is touched in a row, KiB, 4 to 1048576 (default: 128 if linear, else 4).
        lap_mib: touched in one lap, if not linear, MiB (default: the size). After a lap the same touches come again.
        laps: the task exits after so many, 0 (never) to 1000.
        burst_kib: touched in one burst, KiB, 4 to 1073741824 (default: the lap is one burst).
        mb_s: rate of one task within a burst, MB/s, 0 (as fast as it can) to 1000000.
        op_ns: mean CPU time of the program for each page, ns, 0 to 1000000.
        jitter: CPU times, rates and pauses vary by so much, 0 to 0.9.
        fsync: what a burst wrote is synced at its end.
        think_us, pause_ms: CPU time, then sleep, after each burst, us and ms, 0 to 3600000.
        discard: at the end of a lap the memory is unmapped, the file deleted.
        kernel_pages, gfp: kernel pages that each burst begins with and gives back at its end, 0 to 1048576; their class.
        receive: packets that the task takes from the sockets after each block of the burst, 0 to 1048576.
        delay_s: begins so late, s, 0 to 3600.
    """

    tasks: Annotated[int, Field(ge=0, le=1024)] | None = None
    tasks_per_cpu: Annotated[float, Field(ge=0.01, le=64)] | None = None
    memory: Literal["anon", "file", "mapped", "none"]
    size_mib: Annotated[float, Field(ge=0.01, le=4_194_304)] | None = None
    size_ram: Annotated[float, Field(ge=0.0001, le=64)] | None = None
    shared: bool = False
    fill: bool = False
    access: Literal["linear", "random", "zipf", "hot"] = "linear"
    zipf: Annotated[float, Field(ge=0, le=2)] = 0.9
    hot_share: Share = 0.2
    hot_touches: Share = 0.8
    phases: Annotated[int, Field(ge=1, le=64)] = 1
    write_share: Share = 0
    block_kib: Annotated[int, Field(ge=4, le=1 << 20)] | None = None
    lap_mib: Annotated[float, Field(ge=0.01, le=4_194_304)] | None = None
    laps: Annotated[int, Field(ge=0, le=1000)] = 0
    burst_kib: Annotated[int, Field(ge=4, le=1 << 30)] | None = None
    mb_s: Annotated[float, Field(ge=0, le=1_000_000)] = 0
    op_ns: Annotated[int, Field(ge=0, le=1_000_000)] = 1_000
    jitter: Annotated[float, Field(ge=0, le=0.9)] = 0.5
    fsync: bool = False
    think_us: Annotated[float, Field(ge=0, le=3_600_000)] = 0
    pause_ms: Annotated[float, Field(ge=0, le=3_600_000)] = 0
    discard: bool = False
    kernel_pages: Annotated[int, Field(ge=0, le=1 << 20)] = 0
    gfp: Literal["kernel", "nofs", "noio", "atomic", "nowait"] = "kernel"
    receive: Annotated[int, Field(ge=0, le=1 << 20)] = 0
    delay_s: Annotated[float, Field(ge=0, le=3600)] = 0

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.tasks is not None and self.tasks_per_cpu is not None:
            raise ValueError("tasks: given beside tasks_per_cpu; allowed: one of tasks and tasks_per_cpu")
        sizes = (self.size_mib is not None) + (self.size_ram is not None)
        if sizes != (self.memory != "none"):
            raise ValueError(f"memory: {self.memory}; allowed: with one of size_mib and size_ram; none with neither")
        if self.memory == "none" and not (self.pause_ms or self.think_us):
            raise ValueError("pause_ms: 0; allowed: > 0, or think_us > 0, if memory is none")
        if self.fill and self.memory != "anon":
            raise ValueError(f"fill: true; allowed: false, for memory is {self.memory}")
        if self.fsync and self.memory != "file":
            raise ValueError(f"fsync: true; allowed: false, for memory is {self.memory}")
        return self

    def count(self, machine: Machine) -> int:
        """How many tasks there are on this machine."""
        if self.tasks_per_cpu is not None:
            return max(1, round(self.tasks_per_cpu * machine.cpus))
        return 1 if self.tasks is None else self.tasks

    def pages(self, machine: Machine) -> int:
        """Pages of the simulation of all tasks together."""
        mib = machine.ram_mib * (self.size_ram or 0) if self.size_mib is None else self.size_mib
        return pages_of(mib, scale_of(machine))

    def burst(self, scale: int) -> int:
        """Pages of the simulation that are touched in a burst; 0: the lap is the burst."""
        return 0 if self.burst_kib is None else scaled(self.burst_kib // KIB_PER_PAGE, scale)
