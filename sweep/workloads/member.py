"""Member: the operations of one task of a role."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from core import gfp
from core.builder import Builder
from core.operations import FILE_READ, FILE_WRITE, READ, RECEIVE, RUN, SLEEP, THINK, WRITE, encode, operation
from core.region import Region
from core.units import MS, SECOND, US
from sweep.workloads.base import BATCH, Zipf, generator, jittered, scaled, transfer_ns
from sweep.workloads.places import lap
from sweep.workloads.role import Role
from sweep.workloads.roles import TEXT_ZIPF

IDLE_BURSTS: Final = 64  # bursts in a lap of a task without memory


class Text:
    """The program text that all tasks run."""

    def __init__(self, builder: Builder, pages: int, seed: int) -> None:
        self.region = builder.file(pages, executable=True)
        self._use = Zipf(generator(seed, "text"), pages, TEXT_ZIPF, builder.page_scale)

    def touches(self, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
        """Words of ``count`` touches, int64[count]."""
        return encode(READ, self.region.first + self._use.draw(rng, count))


class Member:
    """Adds one task of a role to a Builder.

    Args:
        builder: what the task is added to.
        role: what it does.
        region: its memory (None: the role has none).
        text: its program.
        rng: a generator of its own.
    """

    def __init__(self, builder: Builder, role: Role, region: Region | None, text: Text, rng: np.random.Generator) -> None:
        self._role, self._region, self._text, self._rng = role, region, text, rng
        self._scale = builder.page_scale
        self._codes = np.array([FILE_READ, FILE_WRITE] if role.memory == "file" else [READ, WRITE], np.int64)
        # Without a rate, this is the fixed part of a page's CPU time; the rest is a random think after each block.
        fixed = role.op_ns if role.mb_s else round(role.op_ns * (1 - role.jitter))
        self._task = builder.task(fixed * self._scale)

    def work(self) -> None:
        """All that the task does, from its start to its exit or its jump back."""
        role, task = self._role, self._task
        if role.delay_s:
            task.sleep(round(role.delay_s * SECOND))
        # A random think, so that tasks are never in step.
        task.think(int(self._rng.integers(1, max(2, role.op_ns * self._scale * BATCH))))
        task.run(READ, self._text.region.first, self._text.region.pages)
        if self._region and role.fill:
            first = np.arange(0, self._region.pages, BATCH, dtype=np.int64)
            self._blocks(self._region.first + first, np.minimum(BATCH, self._region.pages - first), np.full(len(first), WRITE))
        start = task.here
        for _ in range(max(1, role.laps)):
            if self._region:
                self._lap(self._region)
            else:
                self._idle()
        if not role.laps:
            task.jump(start)

    def _lap(self, region: Region) -> None:
        role = self._role
        first, pages = lap(role, self._rng, region.pages, self._scale)
        first += region.first
        code = self._codes[(self._rng.random(len(first)) < role.write_share).astype(np.int64)]
        burst = max(1, role.burst(self._scale) // int(pages.max())) if role.burst_kib else len(first)
        for at in range(0, len(first), burst):
            part = slice(at, at + burst)
            self._begin()
            self._blocks(first[part], pages[part], code[part])
            if role.fsync:
                self._task.fsync(_span(first[part], pages[part], region))
            self._end()
        if role.discard:
            self._task.discard(region)

    def _idle(self) -> None:
        for _ in range(IDLE_BURSTS):
            self._begin()
            if self._role.receive:
                self._task.receive(scaled(self._role.receive, self._scale))
            self._end()

    def _begin(self) -> None:
        if self._role.kernel_pages:
            self._task.alloc(scaled(self._role.kernel_pages, self._scale), gfp.CLASSES[self._role.gfp])

    def _end(self) -> None:
        role = self._role
        if role.think_us:
            self._task.think(self._time(round(role.think_us * US)))
        if role.kernel_pages:
            self._task.free(scaled(role.kernel_pages, self._scale))
        if role.pause_ms:
            self._task.sleep(self._time(round(role.pause_ms * MS)))

    def _time(self, mean: int) -> int:
        return int(jittered(self._rng, mean, 1, self._role.jitter)[0])

    def _blocks(self, first: NDArray[np.int64], pages: NDArray[np.int64], code: NDArray[np.int64]) -> None:
        """Touch blocks; after each, or after 32 single pages, one page of text, packets, and the time that all this takes."""
        if int(pages.max()) > 1:
            self._task.add(np.hstack([operation(RUN, first, pages, code), *self._between(pages)]))
            return
        words = encode(code, first)
        whole = len(words) // BATCH * BATCH
        for part in (words[:whole].reshape(-1, BATCH), words[whole:].reshape(-1, max(1, len(words) - whole))):
            if len(part):
                self._task.add(np.hstack([part, *self._between(np.full(len(part), part.shape[1]))]))

    def _between(self, pages: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """What comes after each block of ``pages``, as columns of words."""
        role, rng = self._role, self._rng
        columns = [self._text.touches(rng, len(pages))[:, None]]
        if role.receive:
            columns.append(operation(RECEIVE, 0, np.full(len(pages), scaled(role.receive, self._scale))))
        real = pages * self._scale
        if role.mb_s:
            columns.append(operation(SLEEP, 0, jittered(rng, real * transfer_ns(1, role.mb_s), len(pages), role.jitter)))
        elif role.op_ns and role.jitter:
            # Uniform from nothing to twice the part of the time that op_ns of the task leaves out.
            mean = real * (role.op_ns - round(role.op_ns * (1 - role.jitter)))
            columns.append(operation(THINK, 0, jittered(rng, mean, len(pages), 1)))
        return columns


def _span(first: NDArray[np.int64], pages: NDArray[np.int64], region: Region) -> Region:
    """What was touched, if it lies in a row, else all."""
    if (np.diff(first) == pages[:-1]).all():
        return Region(int(first[0]), int(pages.sum()), region.attr)
    return region
