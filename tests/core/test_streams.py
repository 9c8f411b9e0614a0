"""What a stream is, and what the door of the engine refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core import Builder, Streams, gfp, operations, page, streams, verifier
from core.arrivals import BURST, PACKETS, SERVER_DOWN, SLAB_BURST


def small() -> Streams:
    builder = Builder()
    anon = builder.anon(10)
    file = builder.file(5)
    builder.task(100).run(operations.WRITE, anon.first, 10).touch(operations.FILE_READ, [10, 11]).fsync(file).alloc(3, gfp.NOFS).think(50)
    return builder.build(10**9)


def test_a_run_takes_two_words_and_a_touch_one() -> None:
    stream = small()
    assert len(stream.ops) == 2 + 2 + 2 + 2 + 2 + 2  # run, two touches, fsync, alloc, think, exit
    assert stream.n_pages == 15


def test_equal_streams_have_equal_digests_and_any_change_shows() -> None:
    assert small().digest == small().digest
    assert replace(small(), horizon_ns=10**9 + 1).digest != small().digest
    ops = small().ops.copy()
    ops[2] += 1
    assert replace(small(), ops=ops).digest != small().digest


def broken(index: int, word: int) -> Streams:
    ops = small().ops.copy()
    ops[index] = word
    return replace(small(), ops=ops)


NEVER = page.NEVER << 32


@pytest.mark.parametrize(
    ("index", "word", "says"),
    [
        (2, 99 << 40 | 10, "unknown operation"),
        (2, int(operations.encode(operations.FILE_READ, 15)), "page out of range; allowed: 0 to 14"),
        (2, int(operations.encode(operations.FILE_READ, 3)), "FILE_READ and FILE_WRITE others"),
        (2, 10 | operations.FILE_READ << 40, "does not need the flags"),
        (1, 16, "range ends after page 14"),
        (1, 0, "range ends after page 14"),
        (1, 12, "READ and WRITE touch mapped pages"),
        (8, NEVER | operations.JUMP << 40, "jump into the middle"),
        (9, -1, "literal is negative"),
        (11, 0, None),
    ],
)
def test_the_door_refuses_what_would_run_out_of_bounds(index: int, word: int, says: str | None) -> None:
    stream = broken(index, word)
    if says is None:
        streams.check(stream)
        return
    with pytest.raises(ValueError, match=says):
        streams.check(stream)


def refusal(stream: Streams) -> str | None:
    try:
        streams.check(stream)
    except ValueError as error:
        return str(error)
    return None


def test_the_quick_look_at_touches_refuses_what_the_long_one_does_in_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    wrong, right = 0, 0
    for _ in range(300):
        ops = small().ops.copy()
        at = rng.integers(len(ops))
        ops[at] = rng.choice([ops[at] ^ 1 << rng.integers(63), ops[rng.integers(len(ops))], rng.integers(16)])
        stream = replace(small(), ops=ops)
        monkeypatch.setattr(verifier, "BLOCK", int(rng.integers(1, 14)))
        quick = refusal(stream)
        with monkeypatch.context() as long:
            long.setattr(verifier, "_others", lambda *_: None)
            assert refusal(stream) == quick, ops
        wrong, right = wrong + (quick is not None), right + (quick is None)
    assert min(wrong, right) > 30  # both occur


def test_a_cut_off_stream_is_refused() -> None:
    stream = small()
    with pytest.raises(ValueError, match="literal is cut off"):
        streams.check(replace(stream, ops=stream.ops[:-1], task_last=stream.task_last - 1))
    with pytest.raises(ValueError, match="last operation must be an exit or a jump"):
        streams.check(replace(stream, ops=stream.ops[:-2], task_last=stream.task_last - 2))


def test_a_literal_that_looks_like_an_operation_is_no_operation() -> None:
    builder = Builder()
    builder.anon(1)
    builder.task().think(int(NEVER | operations.THINK << 40)).think(5)
    assert len(builder.build(10).ops) == 6


def test_mixed_touches_keep_their_order() -> None:
    builder = Builder()
    builder.anon(4)
    builder.task().touch_mixed(np.array([operations.READ, operations.WRITE]), np.array([3, 1]))
    ops = builder.build(10).ops
    assert [int(w & operations.PAGE_MASK) for w in ops[:2]] == [3, 1]
    assert [int(w >> 40 & 255) for w in ops[:2]] == [operations.READ, operations.WRITE]


def test_empty_regions_are_refused() -> None:
    with pytest.raises(ValueError, match="region pages: 0; allowed: >= 1"):
        Builder().anon(0)


def test_arrivals_are_sorted_and_keep_their_order_within_a_moment() -> None:
    builder = Builder()
    builder.anon(1)
    builder.task().receive(3)
    builder.arrivals(SERVER_DOWN, 500, 1)
    builder.arrivals(PACKETS, np.array([900, 100, 500]), np.array([3, 1, 2]), 64)
    builder.arrivals(BURST, 100, 7, 10**6)
    stream = builder.build(1000)
    assert stream.arrivals.tolist() == [
        [100, PACKETS, 1, 64],
        [100, BURST, 7, 10**6],
        [500, SERVER_DOWN, 1, 0],
        [500, PACKETS, 2, 64],
        [900, PACKETS, 3, 64],
    ]
    assert int(stream.ops[0]) >> 40 & 255 == operations.RECEIVE == 13
    assert stream.ops[1] == 3


def test_the_digest_sees_arrivals_and_scale_and_is_the_old_one_without() -> None:
    plain = small()
    assert plain.digest == "3f3e28faf05c947cda23cb609ceabe86ee1e585d465296603e29aedd9996f542"
    some = replace(plain, arrivals=np.array([[1, SLAB_BURST, 3000, 0]]))
    other = replace(plain, arrivals=np.array([[1, SLAB_BURST, 3001, 0]]))
    assert len({plain.digest, some.digest, other.digest, replace(plain, page_scale=4).digest}) == 4


@pytest.mark.parametrize(
    ("arrivals", "says"),
    [
        ([[-1, 0, 1, 1]], "arrival 0: time out of range"),
        ([[5, 0, 1, 1], [4, 0, 1, 1]], "arrival 1: earlier than the one before"),
        ([[5, 5, 1, 1]], "arrival 0: unknown kind; allowed: 0 to 4"),
        ([[5, 0, -1, 1]], "arrival 0: amount out of range"),
        ([[5, 1, 1, -1]], "arrival 0: extra out of range"),
        ([[5, 2, 2, 0]], r"arrival 0: no such device; allowed: 0 \(swap\) and 1 \(file\)"),
        ([[5, 4, 1, 1]], "arrival 0: extra must be 0"),
        ([[5, 4, 1]], r"streams.arrivals: int64\[1, 3\]; allowed: int64\[n, 4\]"),
    ],
)
def test_arrivals_that_mean_nothing_are_refused(arrivals: list[list[int]], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        streams.check(replace(small(), arrivals=np.array(arrivals, np.int64)))


def test_a_scale_is_part_of_the_stream_and_has_bounds() -> None:
    builder = Builder(page_scale=16)
    builder.anon(1)
    builder.task()
    assert builder.build(1).page_scale == 16
    with pytest.raises(ValueError, match=r"streams.page_scale: 0; allowed: 1 to 65536"):
        streams.check(replace(small(), page_scale=0))


def test_a_stream_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    monkeypatch.setattr(streams, "check", looked.append)
    stream = small()
    assert stream.checked
    assert looked == [stream]
