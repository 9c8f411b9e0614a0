"""CPUs that share a core: hardware threads, or the CPUs of a guest that one thread of the host executes."""

from __future__ import annotations

from dataclasses import replace

from core import Builder, Machine, policies
from core.operations import WRITE
from core.units import MS, US
from tests.core.stories import prepared, small_machine

POLICY = policies.load("linux_5_16")
PAGES = 20
TOUCH_NS = 1050  # 50 of the machine, 1000 of the task


def touched(machine: Machine, tasks: int, horizon_ns: int = 200 * MS) -> list[int]:
    """How many touches each of some busy tasks does: they only touch what they have."""
    builder = Builder()
    for _ in range(tasks):
        own = builder.anon(PAGES)
        task = builder.task(1_000)
        for _ in range(horizon_ns // TOUCH_NS // PAGES + 1):
            task.run(WRITE, own.first, PAGES)
    _outcome, state = prepared(machine, POLICY, {}, builder.build(horizon_ns))
    return [int(actor.pc - actor.first) // 2 * PAGES for actor in state.actors[:tasks]]


def shared(cpus: int) -> Machine:
    return replace(small_machine(cpus=cpus), shared_core=True)


def test_two_cpus_of_one_core_do_as_much_as_one() -> None:
    full = 200 * MS // TOUCH_NS
    assert sum(touched(small_machine(cpus=2), 2)) > 1.99 * full
    both = touched(shared(2), 2)
    assert abs(sum(both) - full) < 0.01 * full
    assert abs(both[0] - both[1]) < 0.01 * full, "even shares"


def test_one_that_is_alone_has_the_whole_core() -> None:
    assert touched(shared(2), 1) == touched(small_machine(cpus=1), 1)


def test_shares_are_even_between_cpus_then_between_those_that_a_cpu_has() -> None:
    """Tasks 0 and 2 are on CPU 0, task 1 has CPU 1."""
    full = 200 * MS // TOUCH_NS
    first, alone, third = touched(shared(2), 3)
    assert abs(alone - full / 2) < 0.02 * full
    assert abs(first - full / 4) < 0.03 * full
    assert abs(third - full / 4) < 0.03 * full


def laps(machine: Machine, wake_after_ns: int) -> int:
    """How often a task sleeps and computes for 2 ms, beside one that always computes, in 2 s; an operation each."""
    builder = Builder()
    builder.anon(1)
    builder.task(US).think(4_000 * MS)
    task = builder.task(US)
    for _ in range(1_000):
        task.sleep(wake_after_ns).think(2 * MS)
    _outcome, state = prepared(machine, POLICY, {}, builder.build(2_000 * MS))
    return int(state.actors[1].pc - state.actors[1].first) // 4


def test_a_sleeper_is_given_half_a_latency_and_preempts() -> None:
    """3 ms on one CPU: its 2 ms are done in one go, where turns of 1 ms took 4 ms."""
    assert laps(small_machine(), 16 * MS) <= 2_000 // (16 + 4) + 1
    assert laps(shared(1), 16 * MS) >= 2_000 // (16 + 3)
