"""Seeds: each is derived from the sweep's seed and from what it is for, never from the order of work."""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np

SEARCH: Final = "search"
CONFIRM: Final = "confirm"


def derive(seed: int, *purpose: str | int) -> int:
    """A seed in [0, 2**32) for one purpose; distinct purposes give independent seeds.

    Args:
        seed: the sweep's seed, >= 0.
        purpose: names and numbers that say what the seed is for.
    """
    text = "\0".join(f"{type(part).__name__}:{part}" for part in purpose)
    words = np.frombuffer(hashlib.sha256(text.encode()).digest(), dtype="<u4")
    sequence = np.random.SeedSequence([seed, *(int(word) for word in words)])
    return int(sequence.generate_state(1, np.uint32)[0])


def replicate_seed(seed: int, cell_key: str, phase: str, replicate: int) -> int:
    """Seed of one replicate's streams; the same for every policy and trial of the cell (common random numbers)."""
    return derive(seed, "replicate", cell_key, phase, replicate)


def study_seed(seed: int, cell_key: str, policy: str) -> int:
    """Seed of the search of one study."""
    return derive(seed, "study", cell_key, policy)


def batch_seed(seed: int, batch: int) -> int:
    """Seed of the sampler of one batch, from the study's seed."""
    return derive(seed, "batch", batch)
