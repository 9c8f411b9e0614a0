"""Compiled and interpreted runs give the same bits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core import policies
from core.jit import JIT_ENABLED
from tests.core.digests import RECLAIMING, digests, outcomes


def test_compiled_equals_interpreted_bit_for_bit() -> None:
    """The other mode runs in a process of its own; NumPy warnings (an overflow, an unsafe cast) are errors there."""
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1" if JIT_ENABLED else "0"}
    script = Path(__file__).parent / "digests.py"
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", str(script)], env=environment, capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split("\n")[:-1] == digests()


@pytest.mark.compiled
def test_every_policy_reclaims_in_two_of_the_cases() -> None:
    scanned = [name for (_, name), outcome in outcomes(RECLAIMING).items() if outcome.pgscan_kswapd + outcome.pgscan_direct > 0]
    assert {name: scanned.count(name) for name in policies.names()} == dict.fromkeys(policies.names(), 2)
