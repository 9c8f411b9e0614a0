"""Watermarks against the published numbers of both eras."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from core import gfp
from core.memory import records
from core.mmzone import ZONE
from core.units import PAGES_PER_MIB
from core.watermark import (
    ERA_2_6_23,
    ERA_6_12,
    MARK_HIGH,
    MARK_LOW,
    MARK_MIN,
    MARK_NONE,
    MARK_OOM,
    default_min_free_kbytes,
    floor,
    lowmem_reserve,
    setup_watermarks,
)

GIB = 1024 * PAGES_PER_MIB

OLD = [
    (128 * PAGES_PER_MIB, 362, 452, 543),
    (512 * PAGES_PER_MIB, 724, 905, 1086),
    (2 * GIB, 1448, 1810, 2172),
    (8 * GIB, 2896, 3620, 4344),
    (64 * GIB, 8192, 10240, 12288),
    (256 * GIB, 16384, 20480, 24576),
    (1024 * GIB, 16384, 20480, 24576),
]
NEW_MIB = [  # as published, so to how many digits
    (128 * PAGES_PER_MIB, "1.4", "1.8", "2.1"),
    (512 * PAGES_PER_MIB, "2.8", "3.5", "4.2"),
    (2 * GIB, "5.7", "7.7", "9.8"),
    (8 * GIB, "11.3", "19.5", "27.7"),
    (64 * GIB, "32", "97.5", "163"),
    (256 * GIB, "64", "326", "588"),
    (1024 * GIB, "128", "1177", "2225"),
]


@pytest.mark.parametrize(("pages", "low_min", "low", "high"), OLD)
def test_the_watermarks_of_2_6_23(pages: int, low_min: int, low: int, high: int) -> None:
    marks = setup_watermarks([pages], default_min_free_kbytes(pages, ERA_2_6_23), 0, ERA_2_6_23)[0]
    assert (marks.min, marks.low, marks.high) == (low_min, low, high)


@pytest.mark.parametrize(("pages", "low_min", "low", "high"), NEW_MIB)
def test_the_watermarks_of_6_12(pages: int, low_min: str, low: str, high: str) -> None:
    marks = setup_watermarks([pages], default_min_free_kbytes(pages, ERA_6_12), 10, ERA_6_12)[0]
    for got, expected in zip((marks.min, marks.low, marks.high), (low_min, low, high), strict=True):
        assert f"{got / PAGES_PER_MIB:.{len(expected.partition('.')[2])}f}" == expected


def test_the_scale_factor_gives_140_gb_a_143_mb_step() -> None:
    """Commit 795ae7a0de6b: 0.1 % of 140 GB instead of a quarter of min, 16 MB."""
    pages = 140 * 1000**3 // 4096
    old = setup_watermarks([pages], 65536, 0, ERA_2_6_23)[0]
    new = setup_watermarks([pages], 65536, 10, ERA_6_12)[0]
    assert (old.low - old.min) * 4 // 1024 == 16
    assert (new.low - new.min) * 4096 / 1e6 == pytest.approx(140, abs=1)


def zone(mark_min: int) -> NDArray[np.void]:
    one = records(ZONE, 1)[0]
    one.wmark_min, one.wmark_low, one.wmark_high = mark_min, mark_min * 5 // 4, mark_min * 3 // 2
    return one  # type: ignore[no-any-return]


DISCOUNTS = [  # class, then what stays of a min of 1000 in 2.6.23, 6.1 and 6.12
    (gfp.KERNEL, 1000, 1000, 1000),
    (gfp.NOFS, 1000, 1000, 1000),
    (gfp.NOIO, 1000, 1000, 1000),
    (gfp.KERNEL | gfp.NOMEMALLOC, 1000, 1000, 1000),
    (gfp.NOWAIT, 750, 1000, 1000),
    (gfp.KERNEL | gfp.RT, 750, 750, 500),
    (gfp.HIGH | gfp.WAIT, 500, 500, 500),
    (gfp.HIGH | gfp.WAIT | gfp.RT, 375, 375, 500),
    (gfp.ATOMIC, 375, 375, 375),
    (gfp.ATOMIC | gfp.RT, 375, 375, 375),
    (gfp.ATOMIC | gfp.NOMEMALLOC, 375, 500, 500),
    (gfp.RT, 750, 750, 1000),
]


@pytest.mark.parametrize(("flags", "old", "six_one", "six_twelve"), DISCOUNTS)
def test_the_discounts_of_each_gfp_class(flags: int, old: int, six_one: int, six_twelve: int) -> None:
    test = getattr(floor, "py_func", floor)
    assert test(zone(1000), MARK_MIN, flags, ERA_2_6_23) == old
    assert test(zone(1000), MARK_MIN, flags, ERA_6_12) == six_twelve
    one = zone(1000)
    one.rt_quarter = 1  # type: ignore[attr-defined]
    assert test(one, MARK_MIN, flags, ERA_6_12) == six_one


@pytest.mark.parametrize("flags", [gfp.KERNEL, gfp.ATOMIC, gfp.HIGH | gfp.WAIT, gfp.NOIO | gfp.RT])
def test_an_oom_victim_gets_half_whatever_else_it_asks_with(flags: int) -> None:
    """ALLOC_OOM replaces the other flags; in 2.6.23 TIF_MEMDIE means no watermark at all."""
    test = getattr(floor, "py_func", floor)
    assert test(zone(1000), MARK_OOM, flags, ERA_6_12) == 500
    assert test(zone(1000), MARK_NONE, flags, ERA_2_6_23) == 0


@pytest.mark.parametrize("flags", [gfp.KERNEL, gfp.ATOMIC, gfp.NOWAIT, gfp.HIGH | gfp.WAIT, gfp.KERNEL | gfp.RT])
def test_discounts_are_for_the_min_mark_alone(flags: int) -> None:
    test = getattr(floor, "py_func", floor)
    for era in (ERA_2_6_23, ERA_6_12):
        assert test(zone(1000), MARK_LOW, flags, era) == 1250
        assert test(zone(1000), MARK_HIGH, flags, era) == 1500


ATOMIC_FLOORS = [136, 272, 543, 1086, 3072, 6144, 6144]


@pytest.mark.parametrize(("row", "atomic"), list(zip(OLD, ATOMIC_FLOORS, strict=True)))
def test_the_published_floors_of_gfp_atomic(row: tuple[int, int, int, int], atomic: int) -> None:
    assert getattr(floor, "py_func", floor)(zone(row[1]), MARK_MIN, gfp.ATOMIC, ERA_2_6_23) == atomic


def test_only_memalloc_enters_the_strict_reserve() -> None:
    test = getattr(floor, "py_func", floor)
    one = zone(1000)
    one.reserve = 200  # type: ignore[attr-defined]
    assert test(one, MARK_MIN, gfp.ATOMIC, ERA_6_12) == 575
    assert test(one, MARK_NONE, gfp.KERNEL, ERA_6_12) == 0


def test_low_zones_are_protected_from_allocations_that_could_go_higher() -> None:
    zones = [16 * PAGES_PER_MIB, 880 * PAGES_PER_MIB]
    assert lowmem_reserve(zones, 0) == 880
    assert lowmem_reserve(zones, 1) == 0
