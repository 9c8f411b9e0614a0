"""What a stream is, and what the door of the engine refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core import Builder, Streams, gfp, streams


def small() -> Streams:
    builder = Builder()
    anon = builder.anon(10)
    file = builder.file(5)
    builder.task(100).run(streams.WRITE, anon.first, 10).touch(streams.FILE_READ, [10, 11]).fsync(file).alloc(3, gfp.NOFS).think(50)
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


NEVER = streams.NEVER << 32


@pytest.mark.parametrize(
    ("index", "word", "says"),
    [
        (2, 99 << 40 | 10, "unknown operation"),
        (2, int(streams.encode(streams.FILE_READ, 15)), "page out of range; allowed: 0 to 14"),
        (2, int(streams.encode(streams.FILE_READ, 3)), "FILE_READ and FILE_WRITE others"),
        (2, 10 | streams.FILE_READ << 40, "does not need the flags"),
        (1, 16, "range ends after page 14"),
        (1, 0, "range ends after page 14"),
        (1, 12, "READ and WRITE touch mapped pages"),
        (8, NEVER | streams.JUMP << 40, "jump into the middle"),
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


def test_a_cut_off_stream_is_refused() -> None:
    stream = small()
    with pytest.raises(ValueError, match="literal is cut off"):
        streams.check(replace(stream, ops=stream.ops[:-1], task_last=stream.task_last - 1))
    with pytest.raises(ValueError, match="last operation must be an exit or a jump"):
        streams.check(replace(stream, ops=stream.ops[:-2], task_last=stream.task_last - 2))


def test_a_literal_that_looks_like_an_operation_is_no_operation() -> None:
    builder = Builder()
    builder.anon(1)
    builder.task().think(int(NEVER | streams.THINK << 40)).think(5)
    assert len(builder.build(10).ops) == 6


def test_mixed_touches_keep_their_order() -> None:
    builder = Builder()
    builder.anon(4)
    builder.task().touch_mixed(np.array([streams.READ, streams.WRITE]), np.array([3, 1]))
    ops = builder.build(10).ops
    assert [int(w & streams.PAGE_MASK) for w in ops[:2]] == [3, 1]
    assert [int(w >> 40 & 255) for w in ops[:2]] == [streams.READ, streams.WRITE]


def test_empty_regions_are_refused() -> None:
    with pytest.raises(ValueError, match="region pages: 0; allowed: >= 1"):
        Builder().anon(0)
