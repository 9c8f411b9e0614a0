"""What the second process of a machine does before it simulates: it loads what the first has compiled."""

from __future__ import annotations

import subprocess
import sys

import pytest

from core.jit import JIT_ENABLED

SCRIPT = """
import sys
import numpy as np
from core import engine
from core.vmscan_612 import procedures
from tests.core.small import run, writers

done = run("flusher_only", writers(10)).ops_done
print(done > 0, sum(engine.run_events.stats.cache_misses.values()), sum(procedures.run.stats.cache_misses.values()))
print("scipy.linalg" in sys.modules)

import numba

@numba.njit
def dot(a, b):
    return np.dot(a, b)

print(dot(np.ones(3), np.ones(3)))
"""


@pytest.mark.skipif(not JIT_ENABLED, reason="interpreted runs load nothing")
def test_a_second_process_compiles_nothing_and_asks_for_no_blas() -> None:
    """Others in the process can still have one."""
    from tests.core.small import run, writers

    run("flusher_only", writers(10))
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split("\n")[:3] == ["True 0 0", "False", "3.0"]
