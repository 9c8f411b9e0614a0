"""Readahead goes by where the last read(2) ended, whether that page was in memory or not."""

from __future__ import annotations

import numpy as np
import pytest

from core import Builder, Outcome, policies, simulate
from core.operations import FILE_READ
from core.units import SECOND
from tests.core.small import machine

pytestmark = pytest.mark.compiled


def reads(policy: str, gap: int) -> Outcome:
    """Eight pages backwards until they are active, once more forwards, then 32 single reads from ``gap`` pages behind them on."""
    builder = Builder()
    file = builder.file(200)
    task = builder.task(10_000)
    hot = np.arange(file.first, file.first + 8)
    for _ in range(4):
        task.touch(FILE_READ, hot[::-1])
    task.think(1000).touch(FILE_READ, hot)
    task.touch(FILE_READ, np.arange(32) + file.first + 8 + gap)
    return simulate(machine(), policies.load(policy), {}, builder.build(SECOND))


@pytest.mark.parametrize("policy", ["inline", "flusher_only"])
def test_a_miss_after_hot_pages_is_sequential(policy: str) -> None:
    """The first miss brings 32 pages, so the task waits once for the device, not twice: 100 us and the transfer of a page less."""
    on, beyond = reads(policy, 0), reads(policy, 5)
    assert on.ops_done == beyond.ops_done
    assert on.last_op_ns + 100_000 < beyond.last_op_ns
