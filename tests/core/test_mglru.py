"""The multi-generational LRU: small stories about generations, tiers, dirty pages and the hot set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core import Builder, Device, Machine, Outcome, Policy, engine, operations, policies, simulate
from core.memory import boot
from core.mmzone import GENS, MGLRU
from core.state import Memory
from core.vmscan_mglru import feedback, gens

pytestmark = pytest.mark.compiled

DISK = Device("disk", 100, 100, 100_000)
PC = Machine("pc", ram_mib=4, cpus=2, swap_mib=16, swap=DISK, file=DISK)


def plain(function):  # type: ignore[no-untyped-def]
    return getattr(function, "py_func", function)


def run(builder: Builder, horizon_ns: int, machine: Machine = PC, **params: int) -> Memory:
    policy = policies.load("mglru")
    values = policy.resolve(machine, params)
    own = np.array([values[t.name] for t in policy.own], np.int64)
    state, kernel = boot(machine, policy.mechanics, values, own, builder.build(horizon_ns), MGLRU)
    engine.run(state, policy.decisions(), kernel)
    assert state.vm[0].invariant == 0
    return state


def sizes(state: Memory, is_file: int) -> list[int]:
    """Pages of each generation, oldest first."""
    node = state.nodes[0]
    return [int(state.queues[is_file * GENS + seq % GENS].nr) for seq in range(node.min_seq[is_file], node.max_seq + 1)]


def test_faulted_pages_begin_youngest_and_read_pages_in_the_second_oldest_generation() -> None:
    builder = Builder()
    anon, file, text = builder.anon(100), builder.file(200), builder.file(50, executable=True)
    builder.task().run(operations.WRITE, anon.first, 100).run(operations.FILE_READ, file.first, 200).run(operations.READ, text.first, 50).sleep(10**10)
    state = run(builder, 10**9)
    assert sizes(state, 0) == [0, 0, 0, 100]
    assert sizes(state, 1) == [0, 200, 0, 50]


def test_reading_again_raises_the_tier_not_the_generation() -> None:
    builder = Builder()
    file = builder.file(100)
    builder.task().run(operations.FILE_READ, file.first, 100).run(operations.FILE_READ, file.first, 40).sleep(10**10)
    state = run(builder, 10**9)
    assert sizes(state, 1) == [0, 100, 0, 0]
    assert [plain(feedback.tier_of)(int(state.flags[p])) for p in (0, 39, 40, 99)] == [1, 1, 0, 0]


def test_the_type_and_the_tier_whose_refaults_cost_less_are_evicted(monkeypatch: pytest.MonkeyPatch) -> None:
    """positive_ctrl_err(): fewer than 64 refaults never count; beyond, refaults per eviction decide, weighed by swappiness."""
    builder = Builder()
    builder.anon(1)
    builder.task().think(1)
    node = run(builder, 10).nodes[0]
    for name in ("total", "refaulted", "cheaper", "last_tier"):  # compiled callees cannot be called from Python
        monkeypatch.setattr(feedback, name, plain(getattr(feedback, name)))
    choose = plain(feedback.type_to_evict)
    node.evicted[0], node.refaulted[0] = 1000, 10  # anonymous
    node.evicted[2], node.refaulted[2] = 1000, 500  # file
    assert choose(node, 100, True) == (0, 1)  # nor does its higher tier refault
    assert choose(node, 100, False) == (1, -1)  # no I/O allowed: clean cache
    assert choose(node, 0, True)[0] == 1
    node.refaulted[2] = 63
    assert choose(node, 100, True)[0] == 1
    node.refaulted[2] = 500
    node.refaulted[0] = 900
    assert choose(node, 100, True)[0] == 1
    assert choose(node, 199, True)[0] == 0
    node.min_seq[1] = 1
    assert choose(node, 60, True)[0] == 0  # anonymous pages are a generation older
    node.refaulted[2] = 100
    node.evicted[3], node.refaulted[3] = 100, 90  # used again and evicted: nearly all came back, of the others a tenth
    assert feedback.last_tier(node, 1) == 0
    node.refaulted[3] = 10
    assert feedback.last_tier(node, 1) == 1


def hot_and_stream(name: str) -> Outcome:
    """A task walks over 500 mapped pages again and again; another reads 24 MiB once through the same 4 MiB of RAM."""
    builder = Builder()
    hot = builder.file(500, mapped=True)
    stream = builder.file(6000)
    builder.task(2_000).run(operations.READ, hot.first, 500).jump(0)
    builder.task(20_000).run(operations.FILE_READ, stream.first, 6000).sleep(10**10)
    return simulate(PC, policies.load(name), {}, builder.build(10**9))


def test_a_hot_set_survives_a_stream_better_than_on_the_classic_lists() -> None:
    classic, generations = hot_and_stream("flusher_only"), hot_and_stream("mglru")
    assert generations.pgsteal_file > 4000
    assert generations.workingset_refault_file < 100
    assert generations.workingset_refault_file <= classic.workingset_refault_file
    assert generations.pgmajfault <= classic.pgmajfault


def dirty_writers(policy: Policy, **params: int) -> Outcome:
    builder = Builder()
    file, hog = builder.file(850), builder.anon(500)
    builder.task().run(operations.FILE_WRITE, file.first, 850).sleep(10**11)
    builder.task(500_000).sleep(100_000_000).run(operations.WRITE, hog.first, 500).sleep(10**11)
    machine = replace(PC, swap_mib=0, file=replace(DISK, write_mb_s=10))
    return simulate(machine, policy, {"dirty_ratio": 99, "dirty_background_ratio": 98} | params, builder.build(2 * 10**9))


def test_a_dirty_file_page_is_never_written_by_reclaim_and_freed_once_the_flusher_wrote_it() -> None:
    outcome = dirty_writers(policies.load("mglru"), wake_flusher=1)
    assert (outcome.oom_kills, outcome.nr_vmscan_write) == (0, 0)
    assert outcome.nr_written > 400
    assert outcome.pgrotated > 0
    assert outcome.pgsteal_file > 300


def test_without_a_wake_up_of_the_flusher_dirty_cache_is_an_oom() -> None:
    """What 6.13 repaired (commit 1bc542c6a0d1): all that is left is dirty, nobody writes it, and sixteen retries go by."""
    assert dirty_writers(policies.load("mglru")).oom_kills == 1
    assert dirty_writers(policies.load("flusher_only")).oom_kills == 0


def test_min_ttl_kills_rather_than_thrash() -> None:
    """Two anonymous loops need 6 MiB of 4 with swap: slow but alive by default; with all younger than 10 s protected the killer ends it."""
    builder = Builder()
    for _ in range(2):
        region = builder.anon(750)
        builder.task(1_000).run(operations.WRITE, region.first, 750).jump(0)
    load = builder.build(10**9)
    policy = policies.load("mglru")
    free = simulate(PC, policy, {}, load)
    protected = simulate(PC, policy, {"min_ttl_ms": 10_000}, load)
    assert (free.oom_kills, protected.oom_kills) == (0, 1)
    assert free.pswpin > 0


def test_generations_are_never_more_than_four_nor_fewer_than_two() -> None:
    builder = Builder()
    anon, file = builder.anon(600), builder.file(900)
    builder.task(500).run(operations.WRITE, anon.first, 600).run(operations.FILE_READ, file.first, 900).run(operations.WRITE, anon.first, 600).jump(0)
    state = run(builder, 2 * 10**9)
    node = state.nodes[0]
    assert node.max_seq > gens.MIN_NR_GENS + 1  # it has aged
    for is_file in range(2):
        assert gens.MIN_NR_GENS <= node.max_seq - node.min_seq[is_file] + 1 <= GENS
    assert sum(sizes(state, 0)) + sum(sizes(state, 1)) == state.zones[0].nr_lru


def test_the_generations_are_for_kernels_that_have_them() -> None:
    with pytest.raises(ValueError, match=r"policy old: lru 'mglru'; allowed: classic"):
        Policy("old", "", "", "2.6.23", lru="mglru")
    with pytest.raises(ValueError, match=r"policy new: lru 'arc'; allowed: classic, mglru"):
        Policy("new", "", "", "6.12", lru="arc")
