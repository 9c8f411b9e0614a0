"""Engine and twin agree where dirty limits are given in bytes: the cases of the other tests have percentages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import policies, simulate
from core.units import PAGE_BYTES
from tests.twin.cases import case
from tests.twin.run import finished, outcome

pytestmark = pytest.mark.compiled

PAIRS = {"dirty_ratio": "dirty_bytes", "dirty_background_ratio": "dirty_background_bytes"}


def in_bytes(params: dict[str, int], pages: int, rng: np.random.Generator) -> dict[str, int]:
    """One or both limits in bytes: from a few pages to more than there is, seldom whole pages."""
    found = dict(params)
    for ratio, name in PAIRS.items():
        if rng.integers(0, 3):
            del found[ratio]
            found[name] = int(rng.choice([2, 10, pages // 20, pages // 4, pages, 4 * pages])) * PAGE_BYTES + int(rng.integers(0, 2)) * 1000
    return found


@pytest.mark.parametrize("name", ["flusher_only", "linux_5_16", "mglru"])
def test_two_implementations_one_outcome(name: str) -> None:
    policy = policies.load(name)
    throttled = differ = 0

    def agrees(seed: int) -> None:
        nonlocal throttled, differ
        machine, params, streams = case(seed, policy)
        changed = in_bytes(params, machine.ram_pages * machine.page_scale, np.random.default_rng(seed))
        k = finished(machine, policy, changed, streams)
        found = simulate(machine, policy, changed, streams, audited=True)
        assert found.asdict() == outcome(k).asdict()
        throttled += found.balance_dirty_pauses > 0
        differ += found.digest != simulate(machine, policy, params, streams).digest

    settings(max_examples=40, deadline=None)(given(seed=st.integers(0, 2**32))(agrees))()
    for seed in range(40):
        agrees(seed)
    assert throttled >= 8
    assert differ >= 15
