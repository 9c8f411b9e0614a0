"""Spaces: what may be searched is what a policy has."""

from __future__ import annotations

import pytest

from core import policies
from sweep.config import Range
from sweep.space import check_ranges, dimensions

INLINE, FLUSHER = policies.load("inline"), policies.load("flusher_only")


def ranges(**bounds: tuple[int, int]) -> dict[str, Range]:
    return {name: Range(low=low, high=high) for name, (low, high) in bounds.items()}


def test_dimensions_follow_the_policy() -> None:
    wanted = ranges(watermark_scale_factor=(10, 100), dirty_ratio=(5, 50))
    assert [d.name for d in dimensions(INLINE, wanted)] == ["dirty_ratio"]
    assert [d.name for d in dimensions(FLUSHER, wanted)] == ["dirty_ratio", "watermark_scale_factor"]
    check_ranges([INLINE, FLUSHER], wanted)


@pytest.mark.parametrize(
    ("bounds", "problem"),
    [
        ({"watermark_boost": (1, 2)}, "watermark_boost: unknown to inline, flusher_only; allowed: dirty"),
        ({"swappiness": (0, 150)}, r"swappiness.high: 150; allowed: 0 to 100 \(policy inline\)"),
        ({"dirty_ratio": (1, 50)}, r"dirty_ratio.low: 1; allowed: 2 to 100 \(policy inline\)"),
    ],
)
def test_what_no_policy_has_is_refused(bounds: dict[str, tuple[int, int]], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        check_ranges([INLINE, FLUSHER], ranges(**bounds))
