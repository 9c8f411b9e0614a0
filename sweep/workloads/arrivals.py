"""What comes to a machine from outside its tasks: packets, interrupts that allocate, a server that stops, bursts inside reclaim."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from core.arrivals import BURST, PACKETS, SERVER_DOWN, SERVER_UP, SLAB_BURST
from core.builder import Builder
from core.units import MS, SECOND
from sweep.workloads.base import Part, jittered, pages_of, scaled

NAPI_WEIGHT: Final = 64  # packets that one poll of a network device takes (net/core/dev.c, NAPI_POLL_WEIGHT)
JITTER: Final = 0.5
PHASE: Final = 0.1  # repeated bursts begin at a random place in this first share of their period

Seconds = Annotated[float, Field(ge=0, le=3600)]


class Packets(Part):
    """Packets that come in polls of 64; each takes a page until a task receives it.

    Left out: half pages of small packets, the refill of the receive ring, retransmission of what was dropped.

    Attributes:
        per_s: packets a second while they come, 1 to 10000000 (1 GbE at 1500 bytes: 81000).
        from_s, to_s: they come between these times, s (no to_s: until the end).
        on_ms, off_ms: they come so long and then pause so long, ms, 0 to 3600000 (off_ms 0: no pauses).
        queue_kib: most memory that the sockets queue, KiB, 4 to 4194304 (256: ipfrag_high_thresh; estimate for all sockets).
    """

    per_s: Annotated[float, Field(ge=1, le=10_000_000)]
    from_s: Seconds = 0
    to_s: Seconds | None = None
    on_ms: Annotated[float, Field(ge=1, le=3_600_000)] = 10
    off_ms: Annotated[float, Field(ge=0, le=3_600_000)] = 0
    queue_kib: Annotated[float, Field(ge=4, le=4_194_304)] = 256

    def add(self, builder: Builder, rng: np.random.Generator, horizon_ns: int) -> None:
        """Add them to the streams."""
        scale = builder.page_scale
        poll = max(NAPI_WEIGHT, scale)
        first, last = _span(self.from_s, self.to_s, horizon_ns)
        on, off = round(self.on_ms * MS), round(self.off_ms * MS)
        # Time that counts is the time while they come; the pauses are put in afterwards.
        awake = (last - first) // (on + off) * on + min((last - first) % (on + off), on) if off else last - first
        count = int(awake / SECOND * self.per_s / poll)
        gaps = jittered(rng, round(SECOND * poll / self.per_s), count, JITTER)
        times = np.cumsum(gaps)
        times = times[times < awake]
        if off:
            times = times + times // on * off
        builder.arrivals(PACKETS, first + times, scaled(poll, scale), max(1, pages_of(self.queue_kib / 1024, scale)))


class Burst(Part):
    """A timer interrupt that allocates pages GFP_ATOMIC, one by one, again and again.

    Attributes:
        pages: of one burst, 1 to 16777216.
        every_s: from one burst to the next, s, 0.001 to 3600.
        hold_ms: it frees them after so long, ms, 0 to 3600000.
        from_s, to_s: between these times, s (no to_s: until the end).
    """

    pages: Annotated[int, Field(ge=1, le=1 << 24)]
    every_s: Annotated[float, Field(ge=0.001, le=3600)]
    hold_ms: Annotated[float, Field(ge=0, le=3_600_000)] = 1
    from_s: Seconds = 0
    to_s: Seconds | None = None

    def add(self, builder: Builder, rng: np.random.Generator, horizon_ns: int) -> None:
        """Add it to the streams."""
        times = _repeated(rng, self.every_s, _span(self.from_s, self.to_s, horizon_ns))
        builder.arrivals(BURST, times, scaled(self.pages, builder.page_scale), round(self.hold_ms * MS))


class SlabBurst(Part):
    """A shrinker that allocates pages GFP_KERNEL inside reclaim and then frees them all, armed again and again.

    Attributes:
        pages: of one burst, 1 to 16777216.
        every_s: from one arming to the next, s, 0.001 to 3600; it goes off at the next call of shrink_slab().
        from_s, to_s: between these times, s (no to_s: until the end).
    """

    pages: Annotated[int, Field(ge=1, le=1 << 24)]
    every_s: Annotated[float, Field(ge=0.001, le=3600)]
    from_s: Seconds = 0
    to_s: Seconds | None = None

    def add(self, builder: Builder, rng: np.random.Generator, horizon_ns: int) -> None:
        """Add it to the streams."""
        times = _repeated(rng, self.every_s, _span(self.from_s, self.to_s, horizon_ns))
        builder.arrivals(SLAB_BURST, times, scaled(self.pages, builder.page_scale))


class Outage(Part):
    """The network server of a device stops and comes back.

    Attributes:
        device: swap or file.
        from_s, to_s: it is down between these times, s (no to_s: it never comes back).
    """

    device: Literal["swap", "file"]
    from_s: Seconds
    to_s: Seconds | None = None

    @model_validator(mode="after")
    def _comes_back_later(self) -> Self:
        if self.to_s is not None and self.to_s <= self.from_s:
            raise ValueError(f"to_s: {self.to_s}; allowed: > from_s = {self.from_s}")
        return self

    def add(self, builder: Builder, rng: np.random.Generator, horizon_ns: int) -> None:
        """Add it to the streams; nothing of it is random."""
        index = ("swap", "file").index(self.device)
        builder.arrivals(SERVER_DOWN, round(self.from_s * SECOND), index)
        if self.to_s is not None:
            builder.arrivals(SERVER_UP, round(self.to_s * SECOND), index)


def _span(from_s: float, to_s: float | None, horizon_ns: int) -> tuple[int, int]:
    """Beginning and end, ns; they are the same if nothing is left of it before the run's end."""
    first = round(from_s * SECOND)
    last = horizon_ns if to_s is None else min(round(to_s * SECOND), horizon_ns)
    return first, max(first, last)


def _repeated(rng: np.random.Generator, every_s: float, span: tuple[int, int]) -> NDArray[np.int64]:
    period = round(every_s * SECOND)
    first = span[0] + int(rng.integers(max(1, round(period * PHASE))))
    return np.arange(first, span[1], period, dtype=np.int64)
