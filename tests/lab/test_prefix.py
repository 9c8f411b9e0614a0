"""The reference reading of a stream: which operations are the first n, and that the simulator counts the same ones."""

import numpy as np
import pytest

from core import Machine, policies, simulate
from core.builder import Builder
from core.machine import Device
from core.operations import FILE_READ, READ, WRITE
from core.outcome import END_DONE
from core.streams import Streams
from lab import prefix

DISK = Device("disk", 1000, 1000, 1000)
MACHINE = Machine("tiny", 4, 1, 4, DISK, DISK)


def streams() -> Streams:
    builder = Builder()
    memory, file = builder.anon(50), builder.file(40)
    first = builder.task(100)
    start = first.run(WRITE, memory.first, 20).touch(READ, memory.page(3)).think(500).here
    first.run(WRITE, memory.first + 20, 30).jump(start)
    builder.task().run(FILE_READ, file.first, 40).sleep(1000).fsync(file).discard(file)
    return builder.build(10_000_000)


def test_jumps_are_followed_and_runs_are_single_touches() -> None:
    made = streams()
    words, literals = prefix.first(made.ops[: made.task_last[0]], 90)
    assert (words[:20] & 0xFFFFFFFF).tolist() == list(range(20))
    assert words[20] & 0xFFFFFFFF == 3
    assert literals[21] == 500
    assert (words[22:52] & 0xFFFFFFFF).tolist() == list(range(20, 50))
    assert (words[52:82] & 0xFFFFFFFF).tolist() == list(range(20, 50))


def test_a_task_that_ends_has_no_more_operations() -> None:
    made = streams()
    second = made.ops[made.task_first[1] :]
    assert len(prefix.first(second, 43)[0]) == 43
    with pytest.raises(ValueError, match="allowed: at most 43"):
        prefix.first(second, 44)


def test_the_hash_is_the_one_that_the_guest_computes_step_by_step() -> None:
    words, literals = prefix.first(streams().ops[:9], 100_000)
    value = 0
    for word, literal in zip(words.tolist(), literals.tolist(), strict=True):
        element = (word >> 40 & 0xFF) << 40 | word & 0xFFFFFFFF
        value = (value * prefix.FACTOR + (element ^ literal << 8)) % 2**64
    assert prefix.rolling_hash(words, literals) == value
    words[50_000] ^= 1
    assert prefix.rolling_hash(words, literals) != value


def test_the_simulator_does_exactly_the_operations_of_a_prefix() -> None:
    made = streams()
    cut = prefix.straight(made, [75, 41])
    outcome = simulate(MACHINE, policies.load("linux_5_16"), {}, cut)
    assert (outcome.end, outcome.ops_done) == (END_DONE, 116)
    assert np.array_equal(prefix.first(cut.ops[: cut.task_last[0]], 75)[0], prefix.first(made.ops[: made.task_last[0]], 75)[0])
