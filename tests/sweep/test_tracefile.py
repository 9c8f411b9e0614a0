"""Trace files: what is written comes back, and nothing else is ever believed."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.errors import ConfigError
from sweep.tracefile import (
    COLUMNS,
    DATA_AT,
    DISCARD,
    FILE_READ,
    FILE_WRITE,
    FSYNC,
    LOAD,
    PREFIX,
    STORE,
    Header,
    Trace,
    TraceError,
    TraceRegion,
    dump,
    load,
    read_trace,
    write_trace,
)

REGIONS = (
    TraceRegion(name="anon", kind="anon", pages=50),
    TraceRegion(name="text", kind="text", pages=7),
    TraceRegion(name="data.db", kind="file", pages=40),
)
FIRST = {"anon": 0, "text": 50, "file": 57}
PAGES = {"anon": 50, "text": 7, "file": 40}
WHERE = {
    LOAD: ("anon", "text"),
    STORE: ("anon",),
    FILE_READ: ("file",),
    FILE_WRITE: ("file",),
    FSYNC: ("file",),
    DISCARD: ("anon", "file"),
}


def trace(rows: list[tuple[int, int, int, int]]) -> Trace:
    header = Header(
        program="sort nums",
        recorded="2026-11-23T12:00:00+00:00",
        recorder="by hand",
        references=1000,
        instructions=5000,
        filter_pages=64,
        exit_status=0,
        regions=REGIONS,
        ops=len(rows),
        lengths=(0, 0, 0, 0),
    )
    kind, page, count, instructions = (np.array(column) for column in zip(*rows, strict=True))
    return Trace(
        header,
        kind.astype(np.uint8),
        page.astype(np.uint32),
        count.astype(np.uint32),
        instructions.astype(np.uint32),
    )


SMALL = [(STORE, 3, 1, 10), (LOAD, 52, 1, 0), (FILE_WRITE, 60, 4, 7), (FSYNC, 57, 40, 1), (DISCARD, 0, 50, 2**32 - 1)]


@st.composite
def row(draw: st.DrawFn) -> tuple[int, int, int, int]:
    kind = draw(st.sampled_from(sorted(WHERE)))
    region = draw(st.sampled_from(WHERE[kind]))
    page = draw(st.integers(0, PAGES[region] - 1))
    count = draw(st.integers(1, PAGES[region] - page))
    return kind, FIRST[region] + page, count, draw(st.integers(0, 2**32 - 1))


@given(st.lists(row(), min_size=1, max_size=200))
def test_what_is_written_is_read(rows: list[tuple[int, int, int, int]]) -> None:
    before = trace(rows)
    after = load(dump(before))
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    assert after.header.regions == REGIONS
    assert dump(after) == dump(before)


def test_every_truncation_is_refused_and_says_how_much_is_there(tmp_path: Path) -> None:
    data = dump(trace(SMALL))
    path = tmp_path / "sqlite.hwt"
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(TraceError, match=r"^sqlite\.hwt: ") as caught:
            read_trace(path)
        assert "\n" not in str(caught.value)
        if length >= DATA_AT:
            assert str(caught.value) == f"sqlite.hwt: truncated: {length} bytes of {len(data)}"


def test_every_flipped_bit_is_refused() -> None:
    data = dump(trace(SMALL))
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(TraceError) as caught:
            load(bytes(damaged))
        assert "\n" not in str(caught.value)


def test_bytes_after_the_end_are_refused() -> None:
    data = dump(trace(SMALL))
    with pytest.raises(TraceError, match=f"damaged: {len(data) + 1} bytes; allowed: {len(data)}"):
        load(data + b"x")


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_no_trace(data: bytes) -> None:
    with pytest.raises(TraceError):
        load(data)


def sealed(header: bytes, columns: bytes = b"") -> bytes:
    """A file whose digest and lengths are right, whatever it holds: what an attacker would make."""
    prefix = PREFIX.pack(b"HWTRACE\n", 1, len(header), DATA_AT + len(header) + len(columns))
    return prefix + hashlib.sha256(prefix + header + columns).digest() + header + columns


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"", "header: "),
        (b"\xff{]", "header: "),
        (b"[]", "header: "),
        (b"{}", "header.program: "),
        (b"[" * 100_000, "header: "),
    ],
)
def test_a_sealed_file_with_a_bad_header_is_refused(header: bytes, message: str) -> None:
    with pytest.raises(TraceError, match=f"^x.hwt: {message}") as caught:
        load(sealed(header), "x.hwt")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"ops":5', b'"ops":6'),
        (b'"ops":5', b'"ops":67108864'),
        (b'"ops":5', b'"ops":67108865'),
        (b'"pages":50', b'"pages":1'),
        (b'"pages":50', b'"pages":2147483647'),
        (b'"kind":"file"', b'"kind":"anon"'),
        (b'"lengths":[', b'"lengths":[-1,'),
    ],
)
def test_a_sealed_file_that_contradicts_itself_is_refused(old: bytes, new: bytes) -> None:
    data = dump(trace(SMALL))
    length = PREFIX.unpack_from(data)[2]
    header, columns = data[DATA_AT : DATA_AT + length], data[DATA_AT + length :]
    assert old in header
    with pytest.raises(TraceError, match=r"^trace: "):
        load(sealed(header.replace(old, new), columns))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ((6, 0, 1, 0), "column kind, row 1: 6; allowed: 0 to 5"),
        ((LOAD, 97, 1, 0), "column page, row 1: 97; allowed: 0 to 96"),
        ((STORE, 49, 2, 0), "column count, row 1: 2; allowed: 1 to the end of the page's region"),
        ((STORE, 0, 0, 0), "column count, row 1: 0"),
        ((STORE, 60, 1, 0), "column kind, row 1: 1; allowed: loads and stores of mapped pages only"),
        ((FILE_READ, 3, 1, 0), "column kind, row 1: 2; allowed: file operations on pages of files only"),
        ((DISCARD, 51, 1, 0), "column kind, row 1: 5; allowed: discarding pages of anonymous memory and files only"),
    ],
)
def test_a_wrong_row_is_never_written(bad: tuple[int, int, int, int], message: str) -> None:
    with pytest.raises(TraceError, match=message.replace("(", r"\(")):
        dump(trace([SMALL[0], bad]))


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.hwt"
    write_trace(path, trace(SMALL))
    before = path.read_bytes()
    with pytest.raises(TraceError):
        write_trace(path, trace([(6, 0, 1, 0)]))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.hwt"]


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"^none\.hwt: No such file or directory$"):
        read_trace(tmp_path / "none.hwt")
    assert issubclass(TraceError, ValueError)
    assert issubclass(TraceError, ConfigError)
