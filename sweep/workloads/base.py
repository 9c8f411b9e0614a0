"""What all kinds of workload share: the model, seeded generators, sizes and the Zipf sampler."""

from __future__ import annotations

import math
import zlib
from abc import abstractmethod
from typing import Annotated, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from core import Machine
from core.streams import Streams
from core.units import PAGE_BYTES, PAGES_PER_MIB, SECOND

BATCH: Final = 32  # pages: tasks grow, stream and write in batches of this size, as SWAP_CLUSTER_MAX batches reclaim
BLOCK: Final = 16  # pages: hot data lies in clusters of this size (estimate; an extent, a slab of objects)
GUIDED: Final = 4096  # so many draws at once are worth a guide table
GUIDE_STEPS: Final = 4
ZIPF_STEP: Final = 1024  # the Zipf exponent is rounded to multiples of 1/1024

Share = Annotated[float, Field(ge=0, le=1)]


class Part(BaseModel):
    """Base of what is written in a workload file: frozen, strict, no key unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class WorkloadModel(Part):
    """Base of all kinds.

    Attributes:
        name: for messages; set from the file's name.
        duration_s: simulated time after which the run ends, s, 0.1 to 3600.
    """

    name: Annotated[str, Field(max_length=100)] = ""
    duration_s: Annotated[float, Field(ge=0.1, le=3600)] = 10

    @property
    def horizon_ns(self) -> int:
        return round(self.duration_s * SECOND)

    @abstractmethod
    def compile(self, machine: Machine, seed: int) -> Streams:
        """The streams of one replicate."""


def generator(seed: int, purpose: str) -> np.random.Generator:
    """A generator of its own for each purpose: a change of one part of a workload leaves the others as they were."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, zlib.crc32(purpose.encode())])))


def scale_of(machine: Machine) -> int:
    """How many real pages one page of this machine's runs stands for."""
    return int(getattr(machine, "page_scale", 1))


def pages_of(mib: float, scale: int) -> int:
    """Pages of the simulation in ``mib`` MiB, rounded to the nearest."""
    return round(mib * PAGES_PER_MIB / scale)


def scaled(pages: int, scale: int) -> int:
    """Pages of the simulation for a count of real pages (or packets), rounded up."""
    return -(-pages // scale)


def transfer_ns(pages: int, mb_per_s: float) -> int:
    """Time that ``pages`` real pages take at a rate in decimal MB/s, ns."""
    return round(pages * PAGE_BYTES * 1000 / mb_per_s)


def jittered(rng: np.random.Generator, mean_ns: int | NDArray[np.int64], count: int, spread: float) -> NDArray[np.int64]:
    """int64[count] times, uniform within ``mean_ns`` (one, or one each) * (1 +- spread)."""
    return np.rint(mean_ns * (1 + spread * (2 * rng.random(count) - 1))).astype(np.int64)


class Zipf:
    """Bounded Zipf popularity of ``pages`` pages: rank r is drawn in proportion to r ** -exponent (0: uniform).

    Ranks are scattered over the region in blocks of 16 pages by a random permutation. Only operations that IEEE 754
    rounds exactly are used (no pow), so the same seed gives the same pages on every processor. A page that stands for
    ``scale`` real ones is as popular as they are together, and they are the same ones at every scale.
    """

    def __init__(self, rng: np.random.Generator, pages: int, exponent: float, scale: int = 1) -> None:
        real = pages * scale
        weight = 1 / _power(np.arange(1, real + 1, dtype=np.float64), exponent)
        blocks = real // BLOCK
        place = np.arange(real, dtype=np.int64)
        place[: blocks * BLOCK] = (rng.permutation(blocks)[:, None] * BLOCK + np.arange(BLOCK)).ravel()
        if scale > 1:
            placed = np.empty(real)
            placed[place] = weight
            weight = placed.reshape(pages, scale).sum(axis=1)
            place = np.arange(pages, dtype=np.int64)
        self._cumulative = np.cumsum(weight)
        self._place = place
        self._guide: NDArray[np.int64] | None = None

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
        """int64[count] pages in [0, pages)."""
        rank = self._rank(rng.random(count) * self._cumulative[-1])
        place: NDArray[np.int64] = self._place[np.minimum(rank, len(self._place) - 1)]
        return place

    def _rank(self, at: NDArray[np.float64]) -> NDArray[np.int64]:
        """For each of ``at`` the first rank whose cumulative weight is above it, as ``searchsorted`` on the right finds it."""
        if len(at) < GUIDED:
            return np.searchsorted(self._cumulative, at, side="right")
        # A guide table (Chen and Asau, 1974): a slot says where the search begins, and there it is nearly at its end.
        slots, total = len(self._cumulative), self._cumulative[-1]
        if self._guide is None:
            self._guide = np.searchsorted(self._cumulative, np.arange(slots) * (total / slots) * (1 - 1e-9), side="right")
        rank: NDArray[np.int64] = self._guide[np.minimum((at * (slots / total)).astype(np.int64), slots - 1)]
        open_ = np.flatnonzero(self._cumulative[np.minimum(rank, slots - 1)] <= at)
        for _ in range(GUIDE_STEPS):
            rank[open_] += 1
            here = rank[open_]
            open_ = open_[(here < slots) & (self._cumulative[np.minimum(here, slots - 1)] <= at[open_])]
        rank[open_] = np.searchsorted(self._cumulative, at[open_], side="right")  # where popular ones leave the rest few slots
        return rank


def _power(base: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """``base ** exponent`` from products and square roots, exponent rounded to 1/1024."""
    steps = round(exponent * ZIPF_STEP)
    result = np.ones_like(base)
    for _ in range(steps // ZIPF_STEP):
        result *= base
    root = base
    for bit in range(int(math.log2(ZIPF_STEP)) - 1, -1, -1):
        root = np.sqrt(root)
        if steps >> bit & 1:
            result *= root
    return result
