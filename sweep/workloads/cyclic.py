"""Cyclic: one task writes its anonymous memory page after page, again and again (reclaim W1).

Source: P. Zijlstra's test of August 2007, 256 MB of anonymous memory on a machine with 128 MB.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from core import Machine
from core.builder import Builder, Task
from core.operations import FILE_READ, READ, WRITE
from core.region import Region
from core.streams import Streams
from sweep.workloads.base import BATCH, WorkloadModel, generator, jittered, pages_of, scale_of, scaled

JITTER = 0.5


class Cyclic(WorkloadModel):
    """One task that writes ``size_mib`` cyclically.

    Attributes:
        size_mib: anonymous memory, MiB, 1 to 65536.
        text_pages: program text that it touches after every 32 pages (a random page of it), pages, 1 to 65536.
        clean_file_pages: file pages that it reads once a lap, spread evenly: a supply of clean memory, pages, 0 to 16777216.
        op_ns: CPU time of the program for each page, ns, 0 to 1000000 (default: a memset of 4 KiB at 4 GB/s; estimate).
        think_ns: mean CPU time between 32-page runs, ns, jittered by 50 %, 0 to 1000000000 (estimate; makes
            replicates differ).
        start_pages: the loop starts at a random page below this one, pages, 1 to 16777216 (capped by the size).
    """

    kind: Literal["cyclic"]
    size_mib: Annotated[float, Field(ge=1, le=65536)]
    text_pages: Annotated[int, Field(ge=1, le=65536)] = 8
    clean_file_pages: Annotated[int, Field(ge=0, le=1 << 24)] = 0
    op_ns: Annotated[int, Field(ge=0, le=1_000_000)] = 1_000
    think_ns: Annotated[int, Field(ge=0, le=1_000_000_000)] = 2_000
    start_pages: Annotated[int, Field(ge=1, le=1 << 24)] = 1024

    def compile(self, machine: Machine, seed: int) -> Streams:
        """Streams of one replicate; of ``machine`` only the page_scale counts."""
        scale = scale_of(machine)
        builder = Builder(scale)
        anon = builder.anon(max(1, pages_of(self.size_mib, scale)))
        text = builder.file(scaled(self.text_pages, scale), executable=True)
        task = builder.task(self.op_ns * scale)
        file = builder.file(scaled(self.clean_file_pages, scale)) if self.clean_file_pages else None
        start = task.here
        self._lap(task, anon, text, file, generator(seed, "cyclic"), scale)
        task.jump(start)
        return builder.build(self.horizon_ns)

    def _lap(self, task: Task, anon: Region, text: Region, file: Region | None, rng: np.random.Generator, scale: int) -> None:
        offset = int(rng.integers(min(scaled(self.start_pages, scale), anon.pages)))
        firsts = [*range(offset, anon.pages, BATCH), *range(0, offset, BATCH)]
        touched = rng.integers(text.pages, size=len(firsts))
        think = jittered(rng, self.think_ns * scale, len(firsts), JITTER)
        bounds = np.linspace(0, file.pages if file else 0, len(firsts) + 1).astype(np.int64).tolist()
        for batch, (first, page, ns) in enumerate(zip(firsts, touched.tolist(), think.tolist(), strict=True)):
            end = offset if first < offset else anon.pages
            task.run(WRITE, anon.first + first, min(BATCH, end - first))
            task.touch(READ, text.first + page)
            if file and bounds[batch + 1] > bounds[batch]:
                task.run(FILE_READ, file.first + bounds[batch], bounds[batch + 1] - bounds[batch])
            if ns:
                task.think(ns)
