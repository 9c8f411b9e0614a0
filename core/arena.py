"""One block of memory for the arrays that a run touches at random, so that it lies on few huge pages.

Apart, they would share ordinary pages with whatever the process freed before, and the processor would wait for address translations that no prefetch can
hide: up to half of the cost of a miss.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, Final

import numpy as np

HUGE_PAGE: Final = 1 << 21  # bytes, x86-64; NumPy asks for huge pages (madvise) from twice as much on
LINE: Final = 64  # bytes, a cache line


def arena(wanted: Mapping[str, tuple[Any, tuple[int, ...]]]) -> dict[str, Any]:
    """Zeroed arrays side by side: name to (dtype, shape); the fields of records read as attributes."""
    begins, total = [], 0
    for dtype, shape in wanted.values():
        begins.append(total)
        total += -(-prod(shape) * np.dtype(dtype).itemsize // LINE) * LINE
    align = HUGE_PAGE if total >= 2 * HUGE_PAGE else LINE
    block = np.zeros(total + align, np.uint8)
    block = block[-block.ctypes.data % align :]
    arrays = {}
    for begin, (name, (dtype, shape)) in zip(begins, wanted.items(), strict=True):
        kind = np.dtype(dtype)
        array = block[begin : begin + prod(shape) * kind.itemsize].view(kind).reshape(shape)
        arrays[name] = array.view(np.recarray) if kind.names else array
    return arrays
