"""A simulated page that stands for k real ones: what is given in real units stays, what is counted in pages scales, and the story is the same."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from core import Builder, Device, Machine, Outcome, Streams, memory, operations, policies, simulate
from core.machine import PAGE_SCALES
from core.outcome import OF_PAGES
from core.state import Memory
from core.streams import check
from core.units import SECOND
from sweep.fields import build
from sweep.library import load_named
from sweep.workloads import compile_streams, load
from tests.core.random_case import random_machine, random_params, random_streams

pytestmark = pytest.mark.compiled

LARGE = [scale for scale in PAGE_SCALES if scale > 1]
SSD = Device("ssd", read_mb_s=200, write_mb_s=200, latency_ns=100_000, seek_ns=11_000, w_pool=100)


def machine(scale: int, ram_mib: int = 64) -> Machine:
    return Machine("m", ram_mib, 2, 4 * ram_mib, SSD, SSD, zones_mib=(16, ram_mib - 16), kernel_pages=1000, slab_pages=700, slab_floor=99, page_scale=scale)


def booted(scale: int, policy: str, params: dict[str, int] | None = None) -> Memory:
    """The machine before its first event."""
    loaded = policies.load(policy)
    values = loaded.resolve(machine(scale), params or {})
    builder = Builder(scale)
    builder.task(0).touch(operations.READ, builder.anon(1).first)
    return memory.boot(machine(scale), loaded.mechanics, values, np.zeros(1, np.int64), builder.build(1))[0]


def storm(scale: int, seconds: int = 5) -> Streams:
    """Two tasks that use 96 MiB of anonymous memory each, a lap in blocks of 64 real pages in random order, half of them stores."""
    builder = Builder(scale)
    pages, block = 96 * 256 // scale, 64 // scale
    rng = np.random.default_rng(7)
    for _ in range(2):
        anon = builder.anon(pages)
        task = builder.task(1000 * scale)
        task.run(operations.WRITE, anon.first, pages)
        here = task.here
        for number in rng.permutation(pages // block):
            task.run(operations.WRITE if number % 2 else operations.READ, anon.first + int(number) * block, block)
        task.jump(here)
    return builder.build(seconds * SECOND)


@cache
def of_storm(scale: int, policy: str) -> Outcome:
    # Without swap readahead: blocks of slots read at once are not the same in larger pages (docs/page-scale.md).
    return simulate(machine(scale), policies.load(policy), {"page_cluster": 0}, storm(scale))


@pytest.mark.parametrize("policy", ["inline", "flusher_only"])
@pytest.mark.parametrize("scale", LARGE)
def test_memory_in_real_pages_is_what_it_was_within_rounding(scale: int, policy: str) -> None:
    params = {"reserve_kbytes": 2000, "min_free_kbytes": 1400}
    plain, large = booted(1, policy, params), booted(scale, policy, params)
    for before, after in zip(plain.zones, large.zones, strict=True):
        for name in ("managed", "wmark_min", "wmark_low", "wmark_high", "lowmem_reserve", "reserve", "nr_kernel"):
            assert abs(after[name] * scale - before[name]) <= 2 * scale, name  # shares of shares are rounded twice
    for name in ("nr_total", "swap_slots", "swap_free", "nr_slab", "slab_floor", "totalreserve", "write_bw"):
        assert abs(large.vm[0][name] * scale - plain.vm[0][name]) <= 4 * scale, name


@pytest.mark.parametrize("scale", LARGE)
def test_a_page_costs_k_times_as_much_and_a_request_does_not(scale: int) -> None:
    plain, large = booted(1, "inline"), booted(scale, "inline")
    for name in ("copy_ns", "minor_fault_ns", "major_fault_ns", "scan_ns", "unmap_ns", "submit_ns", "irq_ns"):
        assert large.vm[0][name] == plain.vm[0][name] * scale
    for name in ("page_ns_read", "page_ns_write"):
        assert large.devs[0][name] == plain.devs[0][name] * scale
    for name in ("seek_ns", "latency_ns", "nr_requests", "congestion_on", "w_alloc_milli"):
        assert large.devs[0][name] == plain.devs[0][name]
    assert [int(d.max_request) * scale for d in large.devs] == [int(d.max_request) for d in plain.devs] == [128, 128]
    assert large.touch_ns.tolist() == (plain.touch_ns * scale).tolist()


def test_what_the_kernel_counts_in_pages_is_never_nothing() -> None:
    names = ("batch", "max_readahead", "max_writeback", "ratelimit_min", "ratelimit_max", "ratelimit_over", "slab_batch", "pageblock")
    found = {scale: [int(booted(scale, "inline").vm[0][name]) for name in names] for scale in (1, 16, 64)}
    assert found == {1: [32, 32, 1024, 16, 1024, 8, 128, 512], 16: [2, 2, 64, 1, 64, 1, 8, 32], 64: [1, 1, 16, 1, 16, 1, 2, 8]}


def test_tunables_stay_in_real_units_and_are_rounded_up() -> None:
    large = booted(16, "inline", {"writeout_cap_pages": 33})
    assert int(large.vm[0].writeout_cap) == 3
    assert int(large.devs[0].w_pool) == 7
    for name in policies.names():
        policy = policies.load(name)
        assert policy.resolve(machine(16), {}) == policy.resolve(machine(1), {}), name


def test_streams_of_another_scale_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^streams.page_scale: 4; allowed: 16, the page_scale of machine m$"):
        simulate(machine(16), policies.load("inline"), {}, storm(4))


@pytest.mark.parametrize("scale", [0, 3, 128, -1])
def test_a_scale_is_a_power_of_two_up_to_64(scale: int) -> None:
    with pytest.raises(ValueError, match=rf"^machine.page_scale: {scale}; allowed: 1, 2, 4, 8, 16, 32, 64$"):
        machine(scale)


def test_every_count_of_the_kernel_is_of_pages_or_known_to_be_of_events() -> None:
    events = "allocstall balance_dirty_pauses deadlock end kswapd_wake net_transitions nr_seeks nr_stalls oom_kill oom_kills"
    events += " kswapd_low_wmark_hit_quickly kswapd_high_wmark_hit_quickly pageoutrun pgscan_direct_throttle reclaim_depth recursion_limit recursions"
    others = {name for name in Outcome.fields() if name not in OF_PAGES and "_ns" not in name}
    assert others == set(events.split())
    assert set(Outcome.fields()) >= OF_PAGES


@pytest.mark.parametrize("policy", ["inline", "flusher_only"])
@pytest.mark.parametrize("scale", [4, 16])
def test_a_swap_storm_is_as_fast_and_swaps_as_much(scale: int, policy: str) -> None:
    plain, large = of_storm(1, policy), of_storm(scale, policy)
    assert large.oom == plain.oom
    assert large.throughput == pytest.approx(plain.throughput, rel=0.3)
    assert large.pswpout == pytest.approx(plain.pswpout, rel=0.3)
    assert large.pswpin == pytest.approx(plain.pswpin, rel=0.3)
    assert large.pswpout % scale == 0


@pytest.mark.parametrize(("policy", "dies"), [("inline", False), ("postponed", True), ("flusher_only", False)])
@pytest.mark.parametrize("scale", [4, 16])
def test_the_load_of_the_2007_thread_ends_as_it_did(scale: int, policy: str, dies: bool) -> None:
    here = Path(__file__)
    pc = replace(build(Machine, {"name": "pc", **load_named("machine", "pc-2007-128m", here)[0]}), page_scale=scale)
    mapping, file = load_named("workload", "w1-zijlstra", here)
    outcome = simulate(pc, policies.load(policy), {}, compile_streams(load(mapping, file), pc, 1))
    assert (outcome.oom_kills > 0) == dies
    assert not outcome.deadlock


@pytest.mark.parametrize("policy", policies.names())
def test_pages_are_conserved(policy: str) -> None:
    rng = np.random.default_rng(5)
    small, params, load_ = random_machine(rng), random_params(rng), random_streams(rng, tasks=3, blocks=3, touches=100)
    large = replace(small, ram_mib=16, swap_mib=4 * small.swap_mib, zones_mib=tuple(4 * size for size in small.zones_mib), page_scale=4)
    load_ = replace(load_, page_scale=4)
    check(load_)
    assert simulate(large, policies.load(policy), params, load_, audited=True).ops_done > 0
