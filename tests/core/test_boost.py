"""Transparent huge pages' min_free_kbytes, lowmem_reserve ratios, and the watermark boost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core import Builder, Device, Machine, gfp, operations, policies, simulate
from core.fragmentation import fell_back
from core.memory import boot, records
from core.mmzone import ZONE
from core.watermark import ERA_6_12, MARK_HIGH, MARK_LOW, MARK_MIN, floor, lowmem_reserve, recommended_min_free_kbytes

pytestmark = pytest.mark.compiled

DISK = Device("disk", 100, 100, 100_000)
PC = Machine("pc", ram_mib=64, cpus=2, swap_mib=16, swap=DISK, file=DISK)
GIB = 1 << 18


@pytest.mark.parametrize("gib", [8, 32, 250])
def test_three_zones_want_67584_kb_for_huge_pages(gib: int) -> None:
    """The value seen on real boxes: two pageblocks and nine more in each of DMA, DMA32 and Normal."""
    machine = replace(PC, ram_mib=gib * 1024, zones_mib=(16, 3056, gib * 1024 - 3072), thp=True)
    assert recommended_min_free_kbytes(machine.node_zones[0]) == 67_584
    formula = policies.load("flusher_only").resolve(replace(machine, thp=False), {})["min_free_kbytes"]
    assert policies.load("flusher_only").resolve(machine, {})["min_free_kbytes"] == max(67_584, formula)
    assert policies.load("inline").resolve(machine, {})["min_free_kbytes"] < 67_584  # 2.6.23 has none
    assert policies.load("flusher_only").resolve(machine, {"min_free_kbytes": 1024})["min_free_kbytes"] == 1024  # set by hand later


def test_never_more_than_5_percent_of_a_small_machine() -> None:
    pages = 128 * 256
    assert recommended_min_free_kbytes([pages]) * 20 <= pages * 4
    assert recommended_min_free_kbytes([pages]) * 20 > pages * 4 * 0.95
    assert recommended_min_free_kbytes([16 * GIB]) == 512 * 11 * 4  # one zone


def test_the_ratio_of_lowmem_reserve_can_be_set() -> None:
    zones = [880 * 256, 128 * 256]
    assert (lowmem_reserve(zones, 0), lowmem_reserve(zones, 0, 32), lowmem_reserve(zones, 0, 0)) == (128, 1024, 0)
    machine = replace(PC, ram_mib=16, zones_mib=(4, 12), lowmem_reserve_ratio=(32,))
    policy = policies.load("flusher_only")
    builder = Builder()
    builder.anon(1)
    builder.task().think(1)
    state = boot(machine, ERA_6_12, policy.resolve(machine, {}), np.zeros(1, np.int64), builder.build(10))[0]
    assert [int(z.lowmem_reserve) for z in state.zones] == [96, 0]
    with pytest.raises(ValueError, match=r"machine.lowmem_reserve_ratio: \[32\]; allowed: one number >= 0 for each zone but the last"):
        replace(PC, lowmem_reserve_ratio=(32,))


def test_a_boost_lifts_every_mark_but_not_the_min_mark_of_who_may_use_the_reserve() -> None:
    zone = records(ZONE, 1)[0]
    zone.wmark_min, zone.wmark_low, zone.wmark_high, zone.wmark_boost = 1000, 1250, 1500, 512
    test = getattr(floor, "py_func", floor)
    assert [test(zone, mark, gfp.KERNEL, ERA_6_12) for mark in (MARK_MIN, MARK_LOW, MARK_HIGH)] == [1512, 1762, 2012]
    assert test(zone, MARK_MIN, gfp.ATOMIC, ERA_6_12) == 375


def events(n: int) -> Builder:
    """Cache fills 64 MiB but for 1 384 pages, more than high and a pageblock; then ``n`` fragmentation events."""
    builder = Builder()
    cache = builder.file(15_000)
    builder.task().run(operations.FILE_READ, cache.first, 15_000).alloc(n, gfp.KERNEL | gfp.FALLBACK).sleep(10**9)
    return builder


def reclaimed(n: int, machine: Machine = PC, **params: int) -> int:
    return simulate(machine, policies.load("flusher_only"), params, events(n).build(2 * 10**9)).pgsteal_kswapd


def test_each_event_makes_kswapd_free_a_pageblock_more_up_to_the_factor() -> None:
    """High is 384 pages, so 576 is the most by default; it stops within the last batch."""
    assert reclaimed(0) == 0
    assert reclaimed(1, watermark_boost_factor=0) == 0
    assert 512 <= reclaimed(1) < 512 + 32
    assert 576 <= reclaimed(5) < 576 + 32
    assert reclaimed(1, watermark_boost_factor=5_000) == reclaimed(1)  # never less than a pageblock
    assert 0 < reclaimed(2, watermark_boost_factor=100_000) < 100  # 1 384 free is less than high and two blocks: ordinary reclaim up to there, no more


def test_a_zone_smaller_than_four_pageblocks_is_never_boosted() -> None:
    machine = replace(PC, zones_mib=(57, 7))
    state = boot(machine, ERA_6_12, policies.load("flusher_only").resolve(machine, {}), np.zeros(1, np.int64), events(1).build(1))[0]
    getattr(fell_back, "py_func", fell_back)(state, 1, 0)
    assert state.zones[1].wmark_boost == 0


def test_the_boost_is_gone_when_kswapd_has_worked_it_off() -> None:
    from core import engine

    policy = policies.load("flusher_only")
    state, kernel = boot(PC, ERA_6_12, policy.resolve(PC, {}), np.zeros(1, np.int64), events(3).build(2 * 10**9))
    engine.run(state, policy.decisions(), kernel)
    assert state.zones[0].wmark_boost == 0
    assert state.vm[0].kswapd_wake > 0
    assert state.vm[0].pswpout == 0
