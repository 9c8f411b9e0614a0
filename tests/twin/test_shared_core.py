"""Engine and twin agree where CPUs share a core: those of the other tests each have one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import policies, simulate
from tests.twin.cases import case
from tests.twin.run import finished, outcome

pytestmark = pytest.mark.compiled


@pytest.mark.parametrize("name", ["handoff", "linux_5_16", "mglru", "way_forward"])
def test_two_implementations_one_outcome(name: str) -> None:
    policy = policies.load(name)
    waits = differ = moved = 0

    def agrees(seed: int) -> None:
        nonlocal waits, differ, moved
        machine, params, streams = case(seed, policy)
        shared = replace(machine, shared_core=True, cpus=int(np.random.default_rng(seed).choice([1, 2, 2, 2, 4, 9])))
        k = finished(shared, policy, params, streams)
        found = simulate(shared, policy, params, streams, audited=True)
        assert found.asdict() == outcome(k).asdict()
        waits += k.count["waits on a shared core"] > 10
        moved += any(actor.cpu for actor in k.actors if not actor.is_task)
        differ += found.digest != simulate(replace(shared, shared_core=False), policy, params, streams).digest

    settings(max_examples=20, deadline=None)(given(seed=st.integers(0, 2**32))(agrees))()
    for seed in range(40):
        agrees(seed)
    assert waits >= 25
    assert moved >= 13, "kernel threads that found a CPU idle"
    assert differ >= 25
