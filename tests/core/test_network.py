"""Packets, interrupts that allocate, and devices whose requests are done when an answer was received."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core import Builder, Device, Machine, gfp, operations, policies, simulate
from core.arrivals import BURST, PACKETS, SERVER_DOWN, SERVER_UP
from core.network import AMOUNT, BURST_END, EXTRA, KIND, TIME, timetable
from core.outcome import END_DEADLOCK, END_DONE, END_HORIZON, Outcome
from core.units import MS, SECOND

pytestmark = pytest.mark.compiled

DISK = Device("disk", 100, 100, 100_000)
PC = Machine("pc", ram_mib=16, cpus=2, swap_mib=0, swap=DISK, file=DISK, kernel_pages=100)
FREE = 16 * 256 - 100  # pages, before anything happens
SERVED = replace(PC, file=Device("nfs", 100, 100, 100 * MS, network=True))
MARKS = {"min_free_kbytes": 512}  # min is 128 pages, an interrupt may go down to 48


def idle(builder: Builder) -> None:
    """A task that does nothing, so that the run lasts."""
    builder.anon(1)
    builder.task().sleep(10 * SECOND)


def run(builder: Builder, machine: Machine = PC, policy: str = "inline", horizon_ns: int = 2 * SECOND) -> Outcome:
    return simulate(machine, policies.load(policy), MARKS, builder.build(horizon_ns), audited=True)


def test_packets_wait_in_the_sockets_until_a_task_reads_them() -> None:
    builder = Builder()
    builder.anon(1)
    builder.task().sleep(SECOND).receive(15).sleep(10 * SECOND)
    builder.arrivals(PACKETS, np.array([100, 200, 300]) * MS, 10, 20)
    outcome = run(builder)
    assert (outcome.packets_received, outcome.packets_overrun, outcome.packets_dropped) == (20, 10, 0)
    assert outcome.nr_free_min_seen == FREE - 21  # the packet that is one too many has a page, too, until the socket refuses it
    assert outcome.nr_free_final == FREE - 5


def test_reading_a_packet_costs_what_reading_a_page_costs() -> None:
    builder = Builder()
    builder.anon(1)
    builder.task().sleep(SECOND).receive(100)
    builder.arrivals(PACKETS, 0, 30, 100)
    outcome = run(builder)
    assert outcome.end == END_DONE
    assert outcome.last_op_ns == SECOND + 30 * PC.copy_ns + 100
    assert outcome.nr_free_final == FREE


@pytest.mark.parametrize("policy", ["inline", "flusher_only"])
def test_heavy_traffic_takes_all_but_three_eighths_of_min(policy: str) -> None:
    """W9: nobody reads, so packets fill memory down to the mark of GFP_ATOMIC and not a page further; the rest is lost."""
    builder = Builder()
    idle(builder)
    builder.arrivals(PACKETS, np.arange(0, SECOND, 2 * MS), 10, 1 << 20)
    outcome = run(builder, policy=policy)
    floor = 128 - 64 - 16
    assert outcome.nr_free_min_seen == outcome.nr_free_final == floor
    assert outcome.packets_received == FREE - floor
    assert outcome.packets_dropped == outcome.atomic_fail == 5000 - outcome.packets_received
    assert outcome.packets_filtered == outcome.packets_overrun == 0  # no socket of the VM: nothing to filter for


def test_an_interrupt_holds_its_burst_for_a_while() -> None:
    builder = Builder()
    idle(builder)
    builder.arrivals(BURST, 100 * MS, 300, 500 * MS)
    builder.arrivals(BURST, 300 * MS, 200, 5 * SECOND)
    outcome = run(builder)
    assert outcome.nr_free_min_seen == FREE - 500
    assert outcome.nr_free_final == FREE - 200
    assert outcome.atomic_fail == 0


def test_a_burst_that_fails_gives_back_what_it_got() -> None:
    builder = Builder()
    idle(builder)
    builder.arrivals(BURST, np.array([0, 1]) * SECOND, 5000, 500 * MS)
    outcome = run(builder)
    assert outcome.nr_free_min_seen == 48
    assert outcome.atomic_fail == 2
    assert outcome.nr_free_final == FREE


def reader_of_a_big_file(bursts: int) -> Builder:
    """Memory full of clean file pages, and 12 MB taken by an interrupt twice a second."""
    builder = Builder()
    file = builder.file(20_000)
    builder.task().run(operations.FILE_READ, file.first, file.pages).jump(0)
    builder.arrivals(BURST, SECOND * 2 + np.arange(bursts) * SECOND // 2, 3000, 100 * MS)
    return builder


def test_twelve_megabytes_in_an_interrupt_are_not_there_however_clean_memory_is() -> None:
    """GT3, C. Lameter 14 Aug 2007: the VM of 2.6.23 keeps clean pages, not free ones. As much min_free_kbytes as the burst helps."""
    machine = replace(PC, ram_mib=64)
    stream = reader_of_a_big_file(8).build(6 * SECOND)
    policy = policies.load("inline")
    assert simulate(machine, policy, {}, stream).atomic_fail == 8
    assert simulate(machine, policy, {"min_free_kbytes": 20_000}, stream).atomic_fail == 0


def test_a_file_server_that_is_away_is_waited_for() -> None:
    builder = Builder()
    file = builder.file(100)
    builder.task().run(operations.FILE_READ, file.first, 100)
    builder.arrivals(SERVER_DOWN, 10 * MS, 1)
    builder.arrivals(SERVER_UP, 60 * SECOND, 1)
    outcome = run(builder, SERVED, horizon_ns=100 * SECOND)
    assert outcome.end == END_DONE
    assert 60 * SECOND < outcome.last_op_ns < 61 * SECOND
    never = Builder()
    file = never.file(100)
    never.task().run(operations.FILE_READ, file.first, 100)
    never.arrivals(SERVER_DOWN, 10 * MS, 1)
    outcome = run(never, SERVED, horizon_ns=100 * SECOND)
    assert (outcome.end, outcome.deadlock) == (END_HORIZON, 0)  # an outage is no deadlock


def test_a_disk_has_no_server_that_could_be_away() -> None:
    builder = Builder()
    file = builder.file(100)
    builder.task().run(operations.FILE_READ, file.first, 100)
    builder.arrivals(SERVER_DOWN, 0, 1)
    assert run(builder).end == END_DONE


def one_read_under_a_burst(hold_ns: int) -> Builder:
    """One page is read, answered after 100 ms; half way an interrupt takes all memory it can get for ``hold_ns``."""
    builder = Builder()
    file = builder.file(1)
    builder.task().touch(operations.FILE_READ, file.first)
    builder.arrivals(BURST, 50 * MS, 5000, hold_ns)
    return builder


def test_an_answer_without_a_page_is_lost_and_repeated_ever_later() -> None:
    """At 100, 300 and 700 ms in vain, at 1 500 ms there is memory again."""
    outcome = run(one_read_under_a_burst(SECOND), SERVED)
    assert outcome.end == END_DONE
    assert outcome.acks_lost == 3
    assert 1500 * MS < outcome.last_op_ns < 1501 * MS


@pytest.mark.parametrize("policy", ["strict_reserve", "flusher_only"])
def test_who_filters_reads_the_answer_in_a_page_of_the_reserve(policy: str) -> None:
    outcome = run(one_read_under_a_burst(SECOND), SERVED, policy)
    assert outcome.acks_lost == 0
    assert 100 * MS < outcome.last_op_ns < 101 * MS
    assert outcome.net_transitions == 1


def test_lost_answers_are_no_progress_but_the_end_of_a_burst_is_help() -> None:
    """The interrupt keeps the memory for 20 s: nothing moves, yet it is not the end. Memory that nobody gives back is."""
    assert run(one_read_under_a_burst(20 * SECOND), SERVED, horizon_ns=100 * SECOND).end == END_DONE
    builder = Builder()
    file = builder.file(1)
    builder.task().touch(operations.FILE_READ, file.first)
    builder.arrivals(PACKETS, 50 * MS, 5000, 1 << 20)
    outcome = run(builder, SERVED, horizon_ns=100 * SECOND)
    assert (outcome.end, outcome.oom_kills) == (END_DEADLOCK, 0)
    assert outcome.acks_lost == 5  # 0, 200, 600, 1400 and 3000 ms after it was due


def test_packets_cost_a_cpu() -> None:
    def spin(packets: int) -> int:
        builder = Builder()
        builder.anon(1)
        builder.task().think(300 * SECOND)
        builder.task(1000).touch(operations.WRITE, 0).jump(0)
        if packets:
            builder.arrivals(PACKETS, np.linspace(0, SECOND, packets).astype(np.int64), 1, 0)
        return simulate(replace(PC, cpus=1), policies.load("inline"), MARKS, builder.build(SECOND)).ops_done

    lost = 1 - spin(50_000) / spin(0)
    assert lost == pytest.approx(50_000 * PC.irq_ns / SECOND, abs=0.02)


def test_more_packets_than_a_cpu_can_look_at_overwrite_each_other_and_tasks_go_on() -> None:
    builder = Builder()
    anon = builder.anon(1)
    builder.task(1000).touch(operations.WRITE, anon.first).jump(0)
    builder.arrivals(PACKETS, np.arange(0, SECOND, MS), 1000, 0)  # 3 s of work in each second
    outcome = simulate(replace(PC, cpus=1), policies.load("inline"), MARKS, builder.build(SECOND))
    looked_at = SECOND // PC.irq_ns
    assert outcome.packets_overrun > 10**6 - looked_at
    assert outcome.ops_done > 100_000


def test_every_packet_is_somewhere() -> None:
    rng = np.random.default_rng(5)
    builder = Builder()
    anon = builder.anon(5000)
    task = builder.task(500)
    task.run(operations.WRITE, anon.first, 2000).receive(64).run(operations.WRITE, anon.first + 2000, 3000).receive(8).jump(0)
    builder.task().sleep(10 * SECOND)  # the run lasts, even if a policy kills the other
    amounts = rng.integers(0, 20, 500)
    builder.arrivals(PACKETS, rng.integers(0, 2 * SECOND, 500), amounts, 300)
    machine = replace(PC, swap_mib=64, swap=Device("nbd", 100, 100, MS, w_alloc_milli=500, network=True))
    for name in policies.names():
        outcome = simulate(machine, policies.load(name), MARKS, builder.build(3 * SECOND))
        if outcome.oom_kills:
            continue  # packets came after the last task had died
        assert outcome.end == END_HORIZON
        assert outcome.packets_received + outcome.packets_dropped + outcome.packets_overrun + outcome.packets_filtered == amounts.sum()


def test_the_timetable_has_an_end_for_each_burst() -> None:
    arrivals = np.array([[5, BURST, 7, 100], [5, PACKETS, 1, 9], [6, BURST, 8, 0], [200, SERVER_DOWN, 0, 0]])
    table = timetable(arrivals)
    assert table[:, TIME].tolist() == [5, 5, 6, 6, 105, 200]
    assert table[:, KIND].tolist() == [BURST, PACKETS, BURST, BURST_END, BURST_END, SERVER_DOWN]
    assert table[:, AMOUNT].tolist() == [7, 1, 8, 0, 0, 0]
    assert table[[0, 2], EXTRA].tolist() == [4, 3]
    assert timetable(np.empty((0, 4), np.int64)).shape == (0, 4)


def test_an_interrupt_never_uses_the_reserve_of_the_task_it_interrupts() -> None:
    """PF_MEMALLOC is the task's, not the interrupt's: an atomic allocation of a task stops at the same mark."""
    builder = Builder()
    builder.anon(1)
    builder.task().alloc(5000, gfp.ATOMIC).sleep(10 * SECOND)
    builder.arrivals(BURST, SECOND, 10, 5 * SECOND)
    outcome = run(builder)
    assert outcome.nr_free_min_seen == 48
    assert (outcome.atomic_fail, outcome.reserve_used) == (2, 0)
