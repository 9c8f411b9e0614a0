"""Spaces: what may be searched is what a policy has, and only combinations that a kernel can tell apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import Device, Machine, policies
from core.watermark import setup_watermarks
from sweep.config import Range, Search
from sweep.space import Space, check_ranges, dimensions, idle_kbytes

INLINE, FLUSHER = policies.load("inline"), policies.load("flusher_only")
DISK = Device("sda", 50, 50, 100_000)
MACHINE = Machine("box", 128, 2, 256, DISK, DISK, zones_mib=(16, 112))


def searching(eras: dict[str, dict[str, Range]] | None = None, **bounds: tuple[int, int]) -> Search:
    return Search(params={name: Range(low=low, high=high) for name, (low, high) in bounds.items()}, eras=eras or {})


def test_dimensions_follow_the_policy() -> None:
    wanted = searching(watermark_scale_factor=(10, 100), dirty_ratio=(5, 50))
    assert [d.name for d in dimensions(INLINE, wanted)] == ["dirty_ratio"]
    assert [d.name for d in dimensions(FLUSHER, wanted)] == ["dirty_ratio", "watermark_scale_factor"]
    check_ranges([INLINE, FLUSHER], wanted)


@pytest.mark.parametrize(
    ("bounds", "problem"),
    [
        ({"watermark_boost": (1, 2)}, "search.params.watermark_boost: unknown to inline, flusher_only; allowed: dirty"),
        ({"swappiness": (0, 150)}, r"search.params.swappiness.high: 150; allowed: 0 to 100 \(policy inline\)"),
        ({"dirty_ratio": (1, 50)}, r"search.params.dirty_ratio.low: 1; allowed: 2 to 100 \(policy inline\)"),
    ],
)
def test_what_no_policy_has_is_refused(bounds: dict[str, tuple[int, int]], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        check_ranges([INLINE, FLUSHER], searching(**bounds))


def test_an_era_may_have_ranges_of_its_own() -> None:
    eras = {"2.6.23": {"swappiness": Range(low=0, high=100)}}
    search = searching(eras, swappiness=(0, 200))
    check_ranges([INLINE, FLUSHER], search)
    assert [dimensions(policy, search)[0].high for policy in (INLINE, FLUSHER)] == [100, 200]
    with pytest.raises(ValueError, match=r"search.eras.2.6.23.swappiness.high: 150; allowed: 0 to 100"):
        check_ranges([INLINE, FLUSHER], searching({"2.6.23": {"swappiness": Range(low=0, high=150)}}))
    with pytest.raises(ValueError, match=r"search.eras.6.1: no policy of this era; allowed: 2.6.23, 6.12"):
        check_ranges([INLINE, FLUSHER], searching({"6.1": {"swappiness": Range(low=0, high=150)}}))


def test_ratio_and_bytes_exclude_each_other() -> None:
    from dataclasses import replace

    from core import Tunable

    both = replace(INLINE, own=(Tunable("dirty_bytes", 0, 1 << 30, 0, "B", "the limit in bytes"),))
    with pytest.raises(ValueError, match=r"search.params.dirty_bytes: together with dirty_ratio; allowed: one of them"):
        check_ranges([both], searching(dirty_ratio=(5, 50), dirty_bytes=(1, 1000)))
    check_ranges([both], searching(dirty_background_ratio=(5, 50), dirty_bytes=(1, 1000)))


RANGES = searching(
    min_free_kbytes=(128, 30_000),
    dirty_background_ratio=(1, 60),
    dirty_ratio=(2, 80),
    reserve_kbytes=(0, 40_000),
    watermark_scale_factor=(1, 3000),
)


@pytest.mark.parametrize("policy", [INLINE, FLUSHER], ids=lambda policy: policy.name)
@given(st.data())
def test_settled_params_are_meaningful_near_and_fixed(policy: object, data: st.DataObject) -> None:
    assert policy in (INLINE, FLUSHER)
    found = INLINE if policy is INLINE else FLUSHER
    dims = dimensions(found, RANGES)
    space = Space(found, MACHINE, dims)
    params = {d.name: data.draw(st.integers(d.low, d.high), d.name) for d in dims}
    settled = space.settled(params)
    assert space.problem(settled) == ""
    assert all(d.holds(settled[d.name]) for d in dims)
    assert space.settled(settled) == settled
    if space.problem(params) == "":
        assert settled == params, "what means something is left alone"
    values = found.resolve(MACHINE, settled)
    assert values["dirty_background_ratio"] < values["dirty_ratio"]
    marks = setup_watermarks([4096, 28672], values["min_free_kbytes"], values.get("watermark_scale_factor", 0), found.mechanics)
    assert all(mark.min < mark.low < mark.high for mark in marks)
    assert sum(mark.high for mark in marks) * 4 + values["reserve_kbytes"] <= 64 * 1024


def test_a_background_above_the_limit_is_what_the_kernel_makes_of_it() -> None:
    space = Space(INLINE, MACHINE, dimensions(INLINE, searching(dirty_background_ratio=(1, 60), dirty_ratio=(2, 80))))
    assert space.settled({"dirty_background_ratio": 50, "dirty_ratio": 20}) == {"dirty_background_ratio": 10, "dirty_ratio": 20}
    narrow = Space(INLINE, MACHINE, dimensions(INLINE, searching(dirty_background_ratio=(30, 60), dirty_ratio=(2, 80))))
    assert narrow.settled({"dirty_background_ratio": 50, "dirty_ratio": 20}) == {"dirty_background_ratio": 30, "dirty_ratio": 31}


def test_memory_held_idle_is_the_high_watermarks_and_the_reserve() -> None:
    values = INLINE.resolve(MACHINE, {"min_free_kbytes": 4096, "reserve_kbytes": 1000})
    assert idle_kbytes(INLINE, MACHINE, values) == 4096 * 3 // 2 + 1000
    more = FLUSHER.resolve(MACHINE, {"min_free_kbytes": 4096, "watermark_scale_factor": 1000})
    assert idle_kbytes(FLUSHER, MACHINE, more) == pytest.approx(4096 + 2 * 128 * 1024 / 10, abs=32)
