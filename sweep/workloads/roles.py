"""The roles of the mix: what a user of anonymous memory, a reader and a writer do, added to one Builder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.builder import Builder, Task
from core.operations import FILE_READ, FILE_WRITE, READ, RUN, SLEEP, WRITE, encode, operation
from core.region import Region
from sweep.workloads.base import BATCH, Zipf, generator, jittered, scaled, transfer_ns

JITTER: Final = 0.5
SEGMENTS: Final = 16  # anonymous memory is given back and grown again this often in a round
TEXT_EVERY: Final = 64  # touches between touches of program text
TEXT_ZIPF: Final = 1.0
SCAN: Final = 256  # pages of one sequential scan, 1 MiB

Words = NDArray[np.int64]
NOTHING: Final[Words] = np.empty(0, np.int64)


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
        words = encode(np.where(rng.random(self._touches) < store_share, WRITE, READ), region.first + touched)
        turned = np.diff(np.linspace(0, round(pages * turnover), SEGMENTS + 1).astype(np.int64)).tolist()
        for segment, size in enumerate(turned):
            part = slice(*(self._touches * (segment + end) // SEGMENTS for end in (0, 1)))
            task.add(self._with_text(rng, words[part]))
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
            between = _scans(file, scan, scans + 1 if scans else 0, int(rng.integers(pages)))
            task.add(self._with_text(rng, encode(FILE_READ, file.first + picked), [len(part) for part in np.array_split(picked, scans + 1)], between))
            task.jump(start)

    def write(self, number: int, pages: int, mb_per_s: float, fsync_pages: int) -> None:
        """A task that writes its file from end to end at a rate; fsync after every ``fsync_pages`` (0: never)."""
        rng = generator(self._seed, f"writer {number}")
        file = self.builder.file(pages)
        task = self._task(rng)
        start = task.here
        chunk = min(pages, fsync_pages or pages)
        for at in range(0, pages, chunk):
            task.add(self._with_text(rng, NOTHING))
            self._run_batches(task, rng, FILE_WRITE, file.first + at, min(chunk, pages - at), mb_per_s)
            if fsync_pages:
                task.fsync(file)
        task.jump(start)

    def _task(self, rng: np.random.Generator) -> Task:
        """A task that begins after a random think, so that tasks are never in step, and loads its program text."""
        self.tasks += 1
        task = self.builder.task(self._op_ns).think(int(rng.integers(1, max(2, self._op_ns * BATCH))))
        return task.run(READ, self._text.first, self._text.pages)

    def _with_text(self, rng: np.random.Generator, touches: Words, sizes: Sequence[int] | None = None, between: Words = NOTHING) -> Words:
        """Words of ``touches``, with a touch of program text after every 64 and at the end.

        They are in parts of ``sizes``, each of which counts and ends for itself; ``between`` (int64[parts, 2], or none) follow each.
        """
        size = np.array([len(touches)] if sizes is None else sizes)
        ends, groups = np.cumsum(size), np.maximum(1, -(-size // TEXT_EVERY))
        part = np.repeat(np.arange(len(size)), groups)
        group = np.arange(1, len(part) + 1)
        within = group - (np.cumsum(groups) - groups)[part]
        at = np.minimum((ends - size)[part] + within * TEXT_EVERY, ends[part]) + group - 1 + 2 * part
        words = np.empty(len(touches) + len(at) + 2 * len(between), np.int64)
        is_touch = np.ones(len(words), bool)
        words[at] = encode(READ, self._text.first + self._text_use.draw(rng, len(at)))
        is_touch[at] = False
        if len(between):
            after = at[np.cumsum(groups) - 1] + 1
            words[after], words[after + 1] = between.T
            is_touch[after] = is_touch[after + 1] = False
        words[is_touch] = touches
        return words

    def _run_batches(self, task: Task, rng: np.random.Generator, code: int, first: int, pages: int, mb_per_s: float) -> None:
        """Touch consecutive pages in batches of 32 at a rate: the task sleeps after each for its time, jittered by 50 %."""
        starts = np.arange(0, pages, BATCH)
        mean = transfer_ns(BATCH * self._scale, mb_per_s)
        runs = operation(RUN, first + starts, np.minimum(BATCH, pages - starts), code)
        task.add(np.hstack([runs, operation(SLEEP, 0, jittered(rng, mean, len(starts), JITTER))]))


def _scans(file: Region, size: int, count: int, position: int) -> Words:
    """int64[count, 2]: reads of ``size`` consecutive pages of the file, the first at ``position``; each stops at the file's end, and the next begins anew."""
    starts, lengths = [], []
    for _ in range(count):
        starts.append(file.first + position)
        lengths.append(min(size, file.pages - position))
        position = (position + lengths[-1]) % file.pages
    return operation(RUN, np.array(starts, np.int64), np.array(lengths, np.int64), FILE_READ)


def split(pages: int, parts: int) -> list[int]:
    """``pages`` in at most ``parts`` sizes of at least one page, which differ by one at most."""
    parts = min(parts, pages)
    ends = [pages * i // parts for i in range(parts + 1)] if parts else [0]
    return np.diff(ends).tolist()
