"""Recording: lackey's text becomes exactly the operations that it tells of."""

import itertools
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.lackey.calls import CallParser
from sweep.lackey.converter import Converter
from sweep.lackey.memory import ANON, MAPPED, TEXT, Memory
from sweep.lackey.text import FETCH, STORE, blocks
from sweep.lackey.text import LOAD as TEXT_LOAD
from sweep.record import Progress, convert, record
from sweep.tracefile import DISCARD, FILE_READ, FILE_WRITE, FSYNC, LOAD, Trace, TraceError, read_trace
from sweep.tracefile import STORE as OP_STORE

needs_valgrind = pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
needs_sort = pytest.mark.skipif(shutil.which("sort") is None, reason="GNU sort is not installed")

TEXT_OF_A_RUN = """\
==1== Lackey, an example Valgrind tool
I  00401000,3
 L 1ffeffe7e0,8
I  00401003,3
 L 1ffeffe7e8,8
I  00401006,4
 S 1ffeffe7e0,8
SYSCALL[7,1](257) sys_openat ( 4294967196, 0x10a004(data, (1).db), 578, 384 ) --> [async] ...\x20
SYSCALL[7,1](257) ... [async] --> Success(0x3)\x20
SYSCALL[7,1](9) sys_mmap ( 0x0, 12288, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x4a28000)\x20
I  00402000,5
 M 04a28010,4
 S 04a2a000,4
SYSCALL[7,1](1) sys_write ( 3, 0x4a28000, 5000 ) --> [async] ...\x20
SYSCALL[7,1](1) ... [async] --> Success(0x1388)\x20
SYSCALL[7,1](74) sys_fsync ( 3 ) --> [async] ...\x20
SYSCALL[7,1](74) ... [async] --> Success(0x0)\x20
I  00402005,2
SYSCALL[7,1](17) sys_pread64 ( 3, 0x4a2a000, 100, 4096 ) --> [async] ...\x20
SYSCALL[7,1](17) ... [async] --> Success(0x64)\x20
SYSCALL[7,1](11) sys_munmap ( 0x4a28000, 12288 )[sync] --> Success(0x0)\x20
SYSCALL[7,1](3) sys_close ( 3 )[sync] --> Success(0x0)\x20
SYSCALL[7,1](87) sys_unlink ( 0x403694b(data, (1).db) ) --> [async] ...\x20
SYSCALL[7,1](87) ... [async] --> Success(0x0)\x20
I  00402007,2
"""
# anon: stack 0, mmap 1, 2, 3; text 4, 5; file 6, 7
EXPECTED = [
    (LOAD, 4, 1, 1),  # fetch
    (LOAD, 0, 1, 0),
    (OP_STORE, 0, 1, 2),  # the second load is filtered, the store after loads only is not
    (LOAD, 5, 1, 1),
    (OP_STORE, 1, 1, 0),
    (OP_STORE, 2, 1, 0),
    (LOAD, 3, 1, 0),  # write(2) reads the second page of its buffer, which was never touched
    (FILE_WRITE, 6, 2, 0),
    (FSYNC, 6, 2, 0),
    (FILE_READ, 7, 1, 1),
    (DISCARD, 1, 3, 0),
    (DISCARD, 6, 2, 0),
]


def rows(trace: Trace) -> list[tuple[int, int, int, int]]:
    columns = (trace.kind, trace.page, trace.count, trace.instructions)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def finished(converter: Converter) -> Trace:
    return converter.finish("by hand", "2026-11-23", "by hand")


def converted(text: str, filter_pages: int = 64) -> Trace:
    converter = Converter(filter_pages)
    converter.feed(text.encode())
    return finished(converter)


def test_a_small_run_gives_exactly_its_operations() -> None:
    trace = converted(TEXT_OF_A_RUN)
    assert rows(trace) == EXPECTED
    assert [(r.name, r.kind, r.pages) for r in trace.header.regions] == [
        ("anon", "anon", 4),
        ("text", "text", 2),
        ("data, (1).db", "file", 2),
    ]
    assert (trace.header.references, trace.header.instructions) == (11, 6)


@pytest.mark.parametrize("size", [120, 150, 333, 1 << 20])
def test_the_size_of_the_blocks_changes_nothing(size: int) -> None:
    data, at = TEXT_OF_A_RUN.rstrip("\n").encode(), 0

    def read(count: int) -> bytes:
        nonlocal at
        at += min(count, 50)  # a pipe gives less than was asked for
        return data[at - min(count, 50) : at]

    converter = Converter(64)
    for block in blocks(read, size):
        converter.feed(block)
    assert rows(finished(converter)) == EXPECTED


def test_the_filter_logs_a_page_in_constant_use_once_for_every_n_others() -> None:
    lines = []
    for page in range(1000):
        lines += [f" L {0x500000 + 4096 * page:08x},8", " L 00400000,8", " L 00400000,8"]
    trace = converted("\n".join(lines) + "\n", filter_pages=32)
    hot = [at for at, (_, page, _, _) in enumerate(rows(trace)) if page == 1]
    gaps = [later - sooner for sooner, later in itertools.pairwise(hot)]
    assert min(gaps) > 32
    assert max(gaps) <= 32 + 64 / 3 + 2, "the filter's pages, and those of one window of 64 references"
    assert trace.n_pages == 1001


@given(
    st.lists(st.tuples(st.sampled_from("ILSM"), st.integers(0, 40), st.integers(0, 4095)), min_size=1, max_size=600),
    st.integers(1, 20),
)
def test_what_is_logged_agrees_with_a_reader_of_one_line_at_a_time(lines: list[tuple[str, int, int]], filter_pages: int) -> None:
    text = "".join(f"I  {page << 12 | offset:08x},3\n" if kind == "I" else f" {kind} {page << 12 | offset:08x},8\n" for kind, page, offset in lines)
    trace = converted(text, filter_pages)
    first_fetched: dict[int, bool] = {}
    for kind, page, _ in lines:
        first_fetched.setdefault(page, kind == "I")
    # Page by page: in text if fetched first, moved to anonymous memory by its first store.
    text_pages = {page for page, fetched in first_fetched.items() if fetched}
    stored = {page for kind, page, _ in lines if kind in "SM"}
    assert trace.pages_of("text") == len(text_pages)
    assert trace.pages_of("anon") == len(set(first_fetched) - text_pages) + len(text_pages & stored)
    assert len(set(trace.page[trace.kind == OP_STORE].tolist())) == len(stored)
    assert trace.header.references == len(lines)
    assert trace.instructions.sum() <= trace.header.instructions == sum(kind == "I" for kind, _, _ in lines)


def test_addresses_of_every_length_are_read() -> None:
    addresses = ["00001000", "04001000", "1ffeffe7e0", "7fffffffe000", "FFFFFFFFFF600000"]
    trace = converted("".join(f" S {a},8\n" for a in addresses))
    assert trace.pages_of("anon") == len(addresses)


def test_lines_that_are_no_references_are_passed_over() -> None:
    noise = "I\n\n L\n S 12,8\n L zzzzzzzz,8\nhello,8\n L 0400000,\n\x00\xff,,,\nI  0400g000,3\n"
    noise += "SYSCALL[x](1)\n L 04000b70 8\n"
    trace = converted(noise + " L 04000b70,8\n" + noise)
    assert rows(trace) == [(LOAD, 0, 1, 0)]


def test_text_without_references_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("nothing here\n")
    with pytest.raises(TraceError, match=r"^a\.txt: no page reference; allowed: "):
        convert(tmp_path / "a.txt", tmp_path / "a.hwt")
    (tmp_path / "b.bin").write_bytes(bytes(20 << 20))
    with pytest.raises(TraceError, match=r"^b\.bin: no line end"):
        convert(tmp_path / "b.bin", tmp_path / "b.hwt")
    with pytest.raises(TraceError, match=r"^none: No such file"):
        convert(tmp_path / "none", tmp_path / "b.hwt")
    assert not list(tmp_path.glob("*.hwt*"))


def test_arguments_are_checked_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"filter_pages: 0; allowed: 1 to 4096"):
        record(tmp_path / "a.hwt", ["true"], filter_pages=0)
    with pytest.raises(TraceError, match="no such directory"):
        record(tmp_path / "no" / "a.hwt", ["true"])
    with pytest.raises(TraceError, match="no program"):
        record(tmp_path / "a.hwt", [])
    with pytest.raises(TraceError, match="nosuchvalgrind not found; install the package valgrind"):
        record(tmp_path / "a.hwt", ["true"], valgrind="nosuchvalgrind")
    with pytest.raises(TraceError, match="nosuchprogram not found"):
        record(tmp_path / "a.hwt", ["nosuchprogram"], valgrind=sys.executable)


def test_a_child_and_a_failed_call_have_no_effect() -> None:
    calls = CallParser()
    assert calls.parse("SYSCALL[7,1](12) sys_brk ( 0x0 ) --> [pre-success] Success(0x4035000) ") is not None
    assert calls.parse("SYSCALL[8,1](3) sys_close ( 3 )[sync] --> Success(0x0) ") is None
    assert calls.parse("SYSCALL[7,1](3) sys_close ( 3 )[sync] --> Failure(0x9) ") is None
    assert calls.parse("SYSCALL[7,1](0) ... [async] --> Success(0x9) ") is None
    dup = calls.parse("SYSCALL[7,1](72) sys_fcntl[ARG3=='arg'] ( 3, 0, 50 )[sync] --> Success(0x32) ")
    assert dup is not None
    assert (dup.name, dup.args, dup.result) == ("fcntl", (3, 0, 50), 50)


def test_memory_follows_its_mappings() -> None:
    memory = Memory()
    memory.map(100, 10, "libc.so", 5, prot=5, flags=2)  # private, executable
    memory.map(110, 10, "libc.so", 15, prot=1, flags=2)
    assert memory.resolve(100, FETCH) == (TEXT, 0)
    assert memory.resolve(110, TEXT_LOAD) == (MAPPED, 0)
    assert memory.resolve(110, STORE) == (ANON, 0), "a store to a private mapping makes a private copy"
    memory.map(200, 1, "libc.so", 5, prot=5, flags=2)
    assert memory.resolve(200, FETCH) == (TEXT, 0), "the same page of the same file"
    memory.map(300, 4, "shared", 0, prot=3, flags=1)
    assert memory.resolve(301, STORE)[0] == MAPPED
    memory.map(400, 4, "", 0, prot=3, flags=0x22)
    before = [memory.resolve(400 + i, STORE) for i in range(4)]
    assert memory.move(400, 4, 500, 8) == []
    assert [memory.resolve(500 + i, STORE) for i in range(4)] == before, "mremap keeps the contents"
    assert memory.unmap(501, 2) == [before[1][1], before[2][1]]
    assert memory.resolve(600, STORE) == before[1], "numbers are used again, lowest first"
    memory.brk(700)
    memory.resolve(699, STORE)
    assert len(memory.brk(650)) == 1


@needs_valgrind
def test_a_real_program_is_recorded(tmp_path: Path) -> None:
    seen: list[Progress] = []
    trace = record(tmp_path / "true.hwt", ["true"], report=seen.append)
    assert trace.header.exit_status == 0
    assert trace.header.instructions > 50_000
    assert trace.pages_of("text") > 20
    assert 20 < trace.pages_of("anon") < 500
    assert seen[-1].references == trace.header.references
    assert rows(read_trace(tmp_path / "true.hwt")) == rows(trace)


@needs_valgrind
@needs_sort
def test_a_real_program_is_seen_reading_its_file_and_writing_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    numbers = tmp_path / "numbers"
    numbers.write_text("".join(f"{(i * 79) % 1201:06d}\n" for i in range(1200)))
    command = ["sort", "--parallel=1", "-S", "1M", "-o", str(tmp_path / "sorted"), str(numbers)]
    trace = record(tmp_path / "sort.hwt", command)
    files = {region.name: region.pages for region in trace.header.regions if region.kind == "file"}
    assert files["numbers"] == files["sorted"] == -(-8_400 // 4096)
    assert trace.count[trace.kind == FILE_WRITE].sum() == files["sorted"]
    assert (tmp_path / "sorted").read_text() == "".join(sorted(numbers.read_text().splitlines(keepends=True)))
