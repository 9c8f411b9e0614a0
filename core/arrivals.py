"""Arrivals: what comes from outside, not from a task: a time, a kind, an amount and one extra number."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.operations import MAX_PAGES
from core.units import INFINITY

# Kinds, with their amount and extra.
PACKETS: Final = 0  # packets, each needs a page GFP_ATOMIC until a task RECEIVEs it; extra: most pages that the sockets queue, the rest is dropped
BURST: Final = 1  # an interrupt allocates so many pages GFP_ATOMIC, one by one; extra: it frees them so many ns later
SERVER_DOWN: Final = 2  # the network server of device ``amount`` (0 swap, 1 file) stops; extra: 0
SERVER_UP: Final = 3  # and is back; extra: 0
SLAB_BURST: Final = 4  # the next caller of shrink_slab() allocates so many pages GFP_KERNEL in its own context, then frees them all; extra: 0
ARRIVAL_KINDS: Final = 5


def check_arrivals(arrivals: NDArray[np.int64]) -> None:
    """Refuse arrivals that the engine cannot take.

    Raises:
        ValueError: naming the arrival and what is allowed.
    """
    if arrivals.dtype != np.int64 or arrivals.ndim != 2 or arrivals.shape[1] != 4:
        raise ValueError(f"streams.arrivals: {arrivals.dtype}{list(arrivals.shape)}; allowed: int64[n, 4]")
    time, kind, amount, extra = arrivals.T

    def refuse(bad: NDArray[np.bool_], what: str) -> None:
        if bad.any():
            raise ValueError(f"streams: arrival {int(np.flatnonzero(bad)[0])}: {what}")

    refuse((time < 0) | (time >= INFINITY), f"time out of range; allowed: 0 to {INFINITY - 1} ns")
    refuse(np.diff(time, prepend=time[:1]) < 0, "earlier than the one before; allowed: ascending times")
    refuse((kind < 0) | (kind >= ARRIVAL_KINDS), f"unknown kind; allowed: 0 to {ARRIVAL_KINDS - 1}")
    server = (kind == SERVER_DOWN) | (kind == SERVER_UP)
    refuse(server & (amount >> 1 != 0), "no such device; allowed: 0 (swap) and 1 (file)")
    refuse((amount < 0) | (amount >= MAX_PAGES), f"amount out of range; allowed: 0 to {MAX_PAGES - 1}")
    refuse((extra < 0) | (extra >= INFINITY), f"extra out of range; allowed: 0 to {INFINITY - 1}")
    refuse((kind >= SERVER_DOWN) & (extra != 0), "extra must be 0")
