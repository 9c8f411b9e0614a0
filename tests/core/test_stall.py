"""The histogram of stalls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.stall import bucket, upper_ns

plain = getattr(bucket, "py_func", bucket)


@given(st.integers(0, 2**55))
def test_a_bucket_is_never_wider_than_a_sixteenth(ns: int) -> None:
    upper = upper_ns(plain(ns))
    assert ns <= upper <= ns + ns // 16


@given(st.integers(0, 2**55), st.integers(0, 2**55))
def test_buckets_keep_the_order(a: int, b: int) -> None:
    assert (plain(a) <= plain(b)) or a > b
