"""Policies: discovery, tunables, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from core import policies
from tests.core.random_case import random_machine


def test_the_directory_is_the_list() -> None:
    assert set(policies.names()) >= {"inline", "postponed", "flusher_only"}
    for name in policies.names():
        policy = policies.load(name)
        assert policy.name == name
        assert policy.source
        assert policy.title


def test_unknown_policies_and_values_are_refused_with_what_is_allowed() -> None:
    machine = random_machine(np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"unknown policy 'postpond'; known: .*postponed"):
        policies.load("postpond")
    policy = policies.load("inline")
    with pytest.raises(ValueError, match=r"params.watermark_scale_factor: unknown tunable of policy inline; allowed: min_free_kbytes"):
        policy.resolve(machine, {"watermark_scale_factor": 10})
    with pytest.raises(ValueError, match=r"params.dirty_ratio: 101; allowed: 2 to 100"):
        policy.resolve(machine, {"dirty_ratio": 101})
    with pytest.raises(ValueError, match=r"params.min_free_kbytes: 3000; allowed: at most half of RAM, 2048"):
        policy.resolve(machine, {"min_free_kbytes": 3000})


def test_defaults_are_the_kernels() -> None:
    machine = random_machine(np.random.default_rng(0))
    old, new = (policies.load(name).resolve(machine, {}) for name in ("inline", "flusher_only"))
    assert (old["dirty_background_ratio"], old["dirty_ratio"], old["swappiness"]) == (5, 10, 60)
    assert (new["dirty_background_ratio"], new["dirty_ratio"], new["watermark_scale_factor"]) == (10, 20, 10)
    assert old["min_free_kbytes"] == new["min_free_kbytes"] == 256
