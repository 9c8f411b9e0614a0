"""Trace: a recorded program, replayed, beside copies of itself or a competitor for memory."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from core import Machine
from core.builder import Builder, Task
from core.operations import WRITE
from core.region import Region
from core.streams import Streams
from sweep.errors import shown
from sweep.tracefile import DISCARD, FILE_WRITE, FSYNC, Trace, TraceError, load
from sweep.workloads.base import BATCH, Share, WorkloadModel, generator, jittered, pages_of, scale_of
from sweep.workloads.coarse import coarsened

# Think time between touches is kept to this precision; one think for each touch would triple the operations.
THINK_BLOCK_NS: Final = 20_000
COMPETITOR_OP_NS: Final = 1_000
COMPETITOR_JITTER: Final = 0.5


class TraceReplay(WorkloadModel):
    """Replays a trace file.

    Attributes:
        file: name of the trace: beside the file that names it, in its ``traces`` directory, or one that came with
            Highwater.
        repeat: the program starts again when it has ended: its memory is given back, the files that it wrote are
            deleted.
        phase: with ``repeat``, every instance begins at a random place in this first share of the program, 0 (at its
            beginning) to 1. What the program wrote before that place must then be read from the disk.
        instances: copies of the program at the same time, each with its own memory and files, 1 to 64; they share the
            text.
        ns_per_instruction: CPU time of one instruction, ns, 0.001 to 1000 (0.5: about 2 GHz at one instruction a
            cycle; estimate).
        jitter: the speed of every instance, and each of its think times, is scaled by a random factor of 1 +- this,
            0 to 0.9.
        competitor_mib: anonymous memory that one more task writes cyclically, MiB, 0 (none) to 65536.
        competitor_think_ns: mean CPU time of that task between 32-page runs, ns, 0 to 1000000000.
    """

    kind: Literal["trace"]
    file: Annotated[str, Field(min_length=1, max_length=4096)]
    repeat: bool = True
    phase: Share = 0
    instances: Annotated[int, Field(ge=1, le=64)] = 1
    ns_per_instruction: Annotated[float, Field(ge=0.001, le=1000)] = 0.5
    jitter: Annotated[float, Field(ge=0, le=0.9)] = 0.1
    competitor_mib: Annotated[float, Field(ge=0, le=65536)] = 0
    competitor_think_ns: Annotated[int, Field(ge=0, le=1_000_000_000)] = 100_000

    # Where the file was found; not a part of the workload: two users with the same trace have the same workload.
    _path: Path | None = PrivateAttr(default=None)

    def located(self, source: Path) -> Self:
        """The same workload with its trace found and checked.

        Args:
            source: the configuration file that names the trace.

        Raises:
            TraceError: no such file, or not a good trace; one line that begins with ``file:``.
        """
        found = self.model_copy()
        found._path = find_trace(self.file, source)
        found.trace()
        return found

    def trace(self) -> Trace:
        """The trace, read and checked once per process."""
        path = self._path or find_trace(self.file, Path("workload.yaml"))
        try:
            status = path.stat()
            return _cached(path, status.st_size, status.st_mtime_ns)[0]
        except OSError as error:
            raise TraceError(f"file: {path.name}: {error.strerror}") from None
        except TraceError as error:
            raise TraceError(f"file: {error}") from None

    def trace_digest(self) -> str:
        """SHA-256 of the trace file."""
        path = self._path or find_trace(self.file, Path("workload.yaml"))
        status = path.stat()
        return _cached(path, status.st_size, status.st_mtime_ns)[1]

    def compile(self, machine: Machine, seed: int) -> Streams:
        """Streams of one replicate; of ``machine`` only the page_scale counts."""
        scale = scale_of(machine)
        trace = coarsened(self.trace(), scale)
        builder = Builder(scale)
        shared: dict[int, Region] = {}
        for number in range(self.instances):
            regions = _regions(builder, trace, shared)
            self._replay(builder, trace, regions, generator(seed, f"instance {number}"))
        if self.competitor_mib:
            self._compete(builder, generator(seed, "competitor"), scale)
        return builder.build(self.horizon_ns)

    def _replay(self, builder: Builder, trace: Trace, regions: list[Region], rng: np.random.Generator) -> None:
        speed = self.ns_per_instruction * (1 + self.jitter * (2 * rng.random() - 1))
        ns = np.rint(trace.instructions * speed).astype(np.int64)
        touches = np.where(trace.kind <= FILE_WRITE, trace.count, 0).astype(np.int64)
        op_ns = min(int(np.median(ns)), int(ns.sum()) // max(1, int(touches.sum())))
        task = builder.task(op_ns).think(int(rng.integers(1, THINK_BLOCK_NS)))
        start = int(trace.n_ops * self.phase * rng.random()) if self.repeat else 0
        end = _Ending(trace, regions)
        pages = _global_pages(trace, regions)
        for first, last in ((start, trace.n_ops), (0, start)):
            if first < last:
                self._add(task, trace, pages, ns - op_ns * touches, slice(first, last), rng)
            if last == trace.n_ops and self.repeat:
                end.add(task)
        if self.repeat:
            task.jump(0)

    def _add(
        self,
        task: Task,
        trace: Trace,
        pages: NDArray[np.int64],
        extra_ns: NDArray[np.int64],
        part: slice,
        rng: np.random.Generator,
    ) -> None:
        """Add the operations of ``part``; ``extra_ns`` is the think time before each that op_ns does not cover."""
        kind, page, count = trace.kind[part].astype(np.int64), pages[part], trace.count[part].astype(np.int64)
        think = _think_blocks(extra_ns[part])
        scaled = jittered(rng, think, len(think), self.jitter).tolist()
        single = (kind <= FILE_WRITE) & (count == 1)
        at = 0
        for stop in _stops(~single | (think > 0)):
            task.touch_mixed(kind[at:stop], page[at:stop])
            at = stop
            if stop == len(kind):
                break
            if think[stop]:
                task.think(scaled[stop])
            if not single[stop]:
                _special(task, int(kind[stop]), int(page[stop]), int(count[stop]))
                at = stop + 1

    def _compete(self, builder: Builder, rng: np.random.Generator, scale: int) -> None:
        region = builder.anon(max(1, pages_of(self.competitor_mib, scale)))
        task = builder.task(COMPETITOR_OP_NS * scale).think(1 + int(rng.integers(self.competitor_think_ns + 1)))
        start = task.here
        firsts = range(0, region.pages, BATCH)
        think = jittered(rng, self.competitor_think_ns * scale, len(firsts), COMPETITOR_JITTER)
        for first, ns in zip(firsts, think.tolist(), strict=True):
            task.run(WRITE, region.first + first, min(BATCH, region.pages - first)).think(ns)
        task.jump(start)


class _Ending:
    """What the end of the program does: its memory is given back, the files that it wrote are deleted."""

    def __init__(self, trace: Trace, regions: list[Region]) -> None:
        written = np.unique(_region_index(trace)[trace.kind == FILE_WRITE]).tolist()
        anon = [i for i, region in enumerate(trace.header.regions) if region.kind == "anon"]
        self._gone = [regions[index] for index in sorted({*written, *anon})]

    def add(self, task: Task) -> None:
        for region in self._gone:
            task.discard(region)


def _special(task: Task, kind: int, page: int, count: int) -> None:
    span = Region(page, count, 0)
    if kind == FSYNC:
        task.fsync(span)
    elif kind == DISCARD:
        task.discard(span)
    else:
        task.run(kind, page, count)


def _stops(special: NDArray[np.bool_]) -> Iterator[int]:
    """Rows that end a run of single touches, and the end."""
    yield from np.flatnonzero(special).tolist()
    yield len(special)


def _think_blocks(extra_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Think time before each row, in portions of 20 us at least; the total is kept, op_ns too much is made up for."""
    owed = np.maximum.accumulate(np.cumsum(extra_ns).clip(min=0))
    paid = owed // THINK_BLOCK_NS * THINK_BLOCK_NS
    return np.diff(paid, prepend=0)


def _regions(builder: Builder, trace: Trace, shared: dict[int, Region]) -> list[Region]:
    """The trace's regions in the builder; text and mapped files are the same pages for every instance."""
    regions = []
    for index, region in enumerate(trace.header.regions):
        if region.kind == "anon":
            regions.append(builder.anon(region.pages))
        elif region.kind == "file":
            regions.append(builder.file(region.pages))
        else:
            if index not in shared:
                shared[index] = builder.file(region.pages, mapped=True, executable=region.kind == "text")
            regions.append(shared[index])
    return regions


def _region_index(trace: Trace) -> NDArray[np.int64]:
    last = np.cumsum([region.pages for region in trace.header.regions])
    index: NDArray[np.int64] = np.searchsorted(last, trace.page, side="right")
    return index


def _global_pages(trace: Trace, regions: list[Region]) -> NDArray[np.int64]:
    """Page of the stream for each row's page of the trace."""
    index = _region_index(trace)
    own = np.cumsum([0, *(region.pages for region in trace.header.regions)])[:-1]
    shift = np.array([region.first for region in regions], np.int64) - own
    pages: NDArray[np.int64] = trace.page.astype(np.int64) + shift[index]
    return pages


def find_trace(name: str, source: Path) -> Path:
    """The file of a trace.

    Args:
        name: as written; a path that is not absolute is looked up from several directories.
        source: the configuration file that names it.

    Raises:
        TraceError: there is none.
    """
    package = Path(__file__).resolve().parents[1]
    shipped = package / "_configs" if (package / "_configs").is_dir() else package.parent / "configs"
    folders = [source.parent, source.parent / "traces", source.resolve().parent.parent / "traces", shipped / "traces"]
    for folder in folders:
        # ValueError: a null character, OSError: a name too long for the file system; neither is a file.
        with contextlib.suppress(ValueError, OSError):
            if (folder / name).is_file():
                return (folder / name).resolve()
    known = ", ".join(sorted({path.name for folder in folders[1:] if folder.is_dir() for path in folder.glob("*.hwt")}))
    raise TraceError(f"file: {shown(name)}: no such trace; allowed: a path, or one of: {known or 'none found'}")


@lru_cache(maxsize=4)
def _cached(path: Path, size: int, mtime_ns: int) -> tuple[Trace, str]:
    """The trace and the digest of its file; size and time are there so that a replaced file is read again."""
    data = path.read_bytes()
    return load(data, path.name), hashlib.sha256(data).hexdigest()
