"""The roles of the mix: what a user of anonymous memory, a reader and a writer do, added to one Builder."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.streams import FILE_READ, FILE_WRITE, READ, WRITE, Builder, Region, Task
from sweep.workloads.base import BATCH, Zipf, generator, jittered, scaled, transfer_ns

JITTER: Final = 0.5
SEGMENTS: Final = 16  # anonymous memory is given back and grown again this often in a round
TEXT_EVERY: Final = 64  # touches between touches of program text
TEXT_ZIPF: Final = 1.0
SCAN: Final = 256  # pages of one sequential scan, 1 MiB


class Roles:
    """Adds tasks to a Builder; all share one program text, and every task draws from a generator of its own.

    Sizes are in pages of the simulation; a touch stands for ``scale`` real ones and costs as much.

    Attributes:
        builder: what the tasks are added to.
        tasks: how many were added.
    """

    def __init__(self, op_ns: int, round_touches: int, text_pages: int, seed: int, scale: int) -> None:
        self.builder = Builder(scale)
        self.tasks = 0
        self._op_ns = op_ns * scale
        self._touches = max(SEGMENTS, round_touches // scale)
        self._seed = seed
        self._scale = scale
        self._text = self.builder.file(max(1, text_pages), executable=True)
        self._text_use = Zipf(generator(seed, "text"), self._text.pages, TEXT_ZIPF, scale)

    def anon(self, number: int, pages: int, zipf: float, store_share: float, turnover: float, grow_mb_s: float) -> None:
        """A task that grows ``pages`` of anonymous memory, uses them, and turns a share of them over in every round."""
        rng = generator(self._seed, f"anon {number}")
        region = self.builder.anon(pages)
        task = self._task(rng)
        self._run_batches(task, rng, WRITE, region.first, region.pages, grow_mb_s)
        start = task.here
        touched = Zipf(rng, pages, zipf, self._scale).draw(rng, self._touches)
        codes = np.where(rng.random(self._touches) < store_share, WRITE, READ)
        turned = np.diff(np.linspace(0, round(pages * turnover), SEGMENTS + 1).astype(np.int64)).tolist()
        for segment, size in enumerate(turned):
            part = slice(*(self._touches * (segment + end) // SEGMENTS for end in (0, 1)))
            self._touch(task, rng, codes[part], region.first + touched[part])
            if size:
                first = region.first + int(rng.integers(pages - size + 1))
                task.discard(Region(first, size, region.attr))
                self._run_batches(task, rng, WRITE, first, size, grow_mb_s)
        task.jump(start)

    def read(self, tasks: int, pages: int, zipf: float, stream_share: float) -> None:
        """Tasks that read one file: first all of it, then popular pages one by one and scans of 1 MiB."""
        file = self.builder.file(pages)
        popular = Zipf(generator(self._seed, "read file"), pages, zipf, self._scale)
        scan = min(scaled(SCAN, self._scale), pages)
        scans = round(self._touches * stream_share / scan)
        for number in range(tasks):
            rng = generator(self._seed, f"reader {number}")
            task = self._task(rng)
            # All in the same order: behind one another, they make one sequential stream for the disk.
            task.run(FILE_READ, file.first, file.pages)
            start = task.here
            picked = popular.draw(rng, max(1, self._touches - scans * scan))
            position = int(rng.integers(pages))
            for part in np.array_split(picked, scans + 1):
                self._touch(task, rng, np.full(len(part), FILE_READ), file.first + part)
                if scans:
                    ahead = min(scan, pages - position)
                    task.run(FILE_READ, file.first + position, ahead)
                    position = (position + ahead) % pages
            task.jump(start)

    def write(self, number: int, pages: int, mb_per_s: float, fsync_pages: int) -> None:
        """A task that writes its file from end to end at a rate; fsync after every ``fsync_pages`` (0: never)."""
        rng = generator(self._seed, f"writer {number}")
        file = self.builder.file(pages)
        task = self._task(rng)
        start = task.here
        chunk = min(pages, fsync_pages or pages)
        nothing = np.empty(0, np.int64)
        for at in range(0, pages, chunk):
            self._touch(task, rng, nothing, nothing)
            self._run_batches(task, rng, FILE_WRITE, file.first + at, min(chunk, pages - at), mb_per_s)
            if fsync_pages:
                task.fsync(file)
        task.jump(start)

    def _task(self, rng: np.random.Generator) -> Task:
        """A task that begins after a random think, so that tasks are never in step, and loads its program text."""
        self.tasks += 1
        task = self.builder.task(self._op_ns).think(int(rng.integers(1, max(2, self._op_ns * BATCH))))
        return task.run(READ, self._text.first, self._text.pages)

    def _touch(self, task: Task, rng: np.random.Generator, codes: NDArray[np.int64], pages: NDArray[np.int64]) -> None:
        """Touches, with one of program text after every 64 and one at the end."""
        places = np.minimum(np.arange(TEXT_EVERY, len(pages) + TEXT_EVERY, TEXT_EVERY), len(pages))
        places = places if len(places) else np.zeros(1, np.int64)
        text = self._text.first + self._text_use.draw(rng, len(places))
        task.touch_mixed(np.insert(codes, places, READ), np.insert(pages, places, text))

    def _run_batches(self, task: Task, rng: np.random.Generator, code: int, first: int, pages: int, mb_per_s: float) -> None:
        """Touch consecutive pages in batches of 32 at a rate: the task sleeps after each for its time, jittered by 50 %."""
        starts = range(0, pages, BATCH)
        mean = transfer_ns(BATCH * self._scale, mb_per_s)
        for at, ns in zip(starts, jittered(rng, mean, len(starts), JITTER).tolist(), strict=True):
            task.run(code, first + at, min(BATCH, pages - at)).sleep(ns)


def split(pages: int, parts: int) -> list[int]:
    """``pages`` in at most ``parts`` sizes of at least one page, which differ by one at most."""
    parts = min(parts, pages)
    ends = [pages * i // parts for i in range(parts + 1)] if parts else [0]
    return np.diff(ends).tolist()
