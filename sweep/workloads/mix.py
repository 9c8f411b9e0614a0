"""Mix: anonymous memory in use beside readers and writers of files, with one footprint and one share that splits it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from core import Machine
from core.streams import Streams
from sweep.workloads.base import Share, WorkloadModel, pages_of, scale_of
from sweep.workloads.roles import Roles, split


class Mix(WorkloadModel):
    """Readers, writers and users of anonymous memory; each task repeats a round of operations until the run ends.

    Attributes:
        footprint_mib: all pages that the tasks touch, program text not counted, MiB, 1 to 65536. Give this or
            footprint_ratio.
        footprint_ratio: the same as a ratio of the machine's RAM, 0.01 to 16.
        anon_share: share of the footprint that is anonymous memory, 0 to 1; the rest is file pages. A role without
            pages has no tasks.
        anon_tasks: tasks that grow their part of the anonymous memory and then use it, 0 to 256.
        readers: tasks that read(2) files; each reads all of them once before it goes on, 0 to 256.
        writers: tasks that write(2) files, each its own, from beginning to end again and again, 0 to 256.
        written_share: share of the file pages that the writers write; the rest is read, 0 to 1.
        zipf: exponent of the popularity of pages, anonymous and read, 0 (uniform) to 2.
        store_share: share of the touches of anonymous memory that are stores, 0 to 1.
        turnover: share of its memory that an anonymous task gives back and grows again in every round, 0 to 1.
        grow_mb_s: rate at which one task grows, MB/s, 1 to 100000.
        stream_share: share of a reader's touches that belong to sequential scans of 1 MiB, 0 to 1.
        write_mb_s: rate of one writer, MB/s, 0.01 to 100000.
        fsync_mib: a writer calls fsync after so many MiB, 0 (never) to 65536.
        text_mib: program text shared by all tasks, MiB, 0.02 to 1024; one page of it after every 64 touches, Zipf 1.
        op_ns: CPU time of the program for each touch, ns, 0 to 1000000 (estimate).
        round_touches: touches of one round of a task, 1024 to 1000000.
    """

    kind: Literal["mix"]
    footprint_mib: Annotated[float, Field(ge=1, le=65536)] | None = None
    footprint_ratio: Annotated[float, Field(ge=0.01, le=16)] | None = None
    anon_share: Share
    anon_tasks: Annotated[int, Field(ge=0, le=256)] = 2
    readers: Annotated[int, Field(ge=0, le=256)] = 2
    writers: Annotated[int, Field(ge=0, le=256)] = 1
    written_share: Share = 0.3
    zipf: Annotated[float, Field(ge=0, le=2)] = 0.9
    store_share: Share = 0.5
    turnover: Share = 0.1
    grow_mb_s: Annotated[float, Field(ge=1, le=100_000)] = 200
    stream_share: Share = 0.3
    write_mb_s: Annotated[float, Field(ge=0.01, le=100_000)] = 20
    fsync_mib: Annotated[float, Field(ge=0, le=65536)] = 0
    text_mib: Annotated[float, Field(ge=0.02, le=1024)] = 2
    op_ns: Annotated[int, Field(ge=0, le=1_000_000)] = 2_000
    round_touches: Annotated[int, Field(ge=1024, le=1_000_000)] = 100_000

    @model_validator(mode="after")
    def _one_footprint(self) -> Self:
        if (self.footprint_mib is None) == (self.footprint_ratio is None):
            given = "missing" if self.footprint_mib is None else "given beside footprint_ratio"
            raise ValueError(f"footprint_mib: {given}; allowed: one of footprint_mib and footprint_ratio")
        return self

    def compile(self, machine: Machine, seed: int) -> Streams:
        """Streams of one replicate; ``machine`` gives footprint_ratio its size.

        Raises:
            ValueError: no role has both tasks and pages.
        """
        scale = scale_of(machine)
        pages = self._footprint(machine, scale)
        anon = round(pages * self.anon_share)
        written = round((pages - anon) * self.written_share)
        read = pages - anon - written
        roles = Roles(self.op_ns, self.round_touches, pages_of(self.text_mib, scale), seed, scale)
        for number, size in enumerate(split(anon, self.anon_tasks)):
            roles.anon(number, size, self.zipf, self.store_share, self.turnover, self.grow_mb_s)
        if read and self.readers:
            roles.read(self.readers, read, self.zipf, self.stream_share)
        for number, size in enumerate(split(written, self.writers)):
            roles.write(number, size, self.write_mb_s, pages_of(self.fsync_mib, scale))
        if not roles.tasks:
            raise ValueError(f"anon_share: {self.anon_share}; allowed: a share that leaves a role with tasks some pages")
        return roles.builder.build(self.horizon_ns)

    def _footprint(self, machine: Machine, scale: int) -> int:
        if self.footprint_mib is not None:
            return pages_of(self.footprint_mib, scale)
        return pages_of(machine.ram_mib * (self.footprint_ratio or 0), scale)
