"""Which blocks of its memory a task of a role touches in one lap, and in which order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.units import KIB_PER_PAGE
from sweep.workloads.base import BATCH, Zipf, pages_of
from sweep.workloads.role import Role


def block_pages(role: Role, pages: int, scale: int) -> int:
    """Pages of the simulation that a task touches in a row."""
    if role.block_kib is not None:
        block = role.block_kib // KIB_PER_PAGE // scale
    else:
        block = BATCH if role.access == "linear" else 1
    return min(max(1, block), pages, role.burst(scale) or pages)


def lap(role: Role, rng: np.random.Generator, pages: int, scale: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First page and pages of each block of a lap over ``pages``, both int64[n]; the last block of the memory may be short."""
    block = block_pages(role, pages, scale)
    blocks = -(-pages // block)
    wanted = blocks if role.lap_mib is None else max(1, pages_of(role.lap_mib, scale) // block)
    if role.access == "linear":
        start = int(rng.integers(blocks)) if role.shared else 0
        order = np.roll(np.arange(blocks, dtype=np.int64), -start)
    elif role.access == "random":
        order = np.concatenate([rng.permutation(blocks) for _ in range(-(-wanted // blocks))])[:wanted]
    else:
        counts = np.diff([wanted * phase // role.phases for phase in range(role.phases + 1)])
        real = max(1, scale * KIB_PER_PAGE // (role.block_kib or KIB_PER_PAGE))
        order = np.concatenate([_popular(role, rng, blocks, count, real) for count in counts.tolist()])
    first = order * block
    return first, np.minimum(block, pages - first)


def _popular(role: Role, rng: np.random.Generator, blocks: int, count: int, scale: int) -> NDArray[np.int64]:
    """int64[count] blocks; some of them come more often. ``scale``: real blocks that one stands for."""
    if role.access == "zipf":
        return Zipf(rng, blocks, role.zipf, scale).draw(rng, count)
    order = rng.permutation(blocks)
    hot = min(max(1, round(blocks * role.hot_share)), blocks)
    within = np.where(rng.random(count) < role.hot_touches, 0, hot) if hot < blocks else np.zeros(count, np.int64)
    size = np.where(within == 0, hot, blocks - hot)
    drawn: NDArray[np.int64] = order[within + (rng.random(count) * size).astype(np.int64)]
    return drawn
