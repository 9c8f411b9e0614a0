"""Trace files: what one recorded program did to its pages, as checked columns in one small container.

Layout of a ``.hwt`` file, little-endian:

    bytes 0..7    b"HWTRACE\\n"
    bytes 8..11   version (1)
    bytes 12..15  length of the header, bytes
    bytes 16..23  length of the whole file, bytes
    bytes 24..55  SHA-256 over bytes 0..23 and everything after byte 55
    then          the header, JSON (class Header), and after it the columns, each compressed with LZMA

One row of the columns is one operation. Nothing in the file is ever executed or unpickled; a file whose digest,
lengths, ranges or columns do not fit is refused with one line.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import struct
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sweep.errors import ConfigError

MAGIC: Final = b"HWTRACE\n"
VERSION: Final = 1
PREFIX: Final = struct.Struct("<8sIIQ")
DATA_AT: Final = PREFIX.size + hashlib.sha256().digest_size
MAX_HEADER: Final = 1 << 20
MAX_OPS: Final = 1 << 26  # far above any sensible trace; bounds what a hostile file can make us allocate
MAX_PAGES: Final = 1 << 31

# Operation kinds; the first four are the touch codes of core.operations.
LOAD: Final = 0
STORE: Final = 1
FILE_READ: Final = 2
FILE_WRITE: Final = 3
FSYNC: Final = 4
DISCARD: Final = 5

COLUMNS: Final = ("kind", "page", "count", "instructions")
WIDTH: Final = {"kind": 1, "page": 4, "count": 4, "instructions": 4}
PRESET: Final = 6


class TraceError(ConfigError, ValueError):
    """A trace file or a recording that cannot be used; one line that says what is wrong and where."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class TraceRegion(_Model):
    """Consecutive page numbers of one kind.

    Attributes:
        name: for people ("anon", "text", the name of a file).
        kind: anon (swapped memory), text (mapped program text), mapped (another mapped file) or file (read(2),
            write(2)).
        pages: how many, at least 1.
    """

    name: Annotated[str, Field(max_length=200)]
    kind: Literal["anon", "text", "mapped", "file"]
    pages: Annotated[int, Field(ge=1, lt=MAX_PAGES)]


class Header(_Model):
    """What a reader wants to know before opening the columns.

    Attributes:
        program: the command that was recorded.
        recorded: date and time of the recording, ISO 8601.
        recorder: what recorded it, with its version.
        references: page references seen (loads, stores and instruction fetches) before any filter.
        instructions: instructions executed.
        filter_pages: N of the filter: a reference to one of the N pages logged last is not logged again.
        exit_status: exit status of the program.
        regions: the pages, in order of their numbers.
        ops: rows of every column.
        lengths: compressed length of each column in file order, bytes.
    """

    program: Annotated[str, Field(max_length=10_000)]
    recorded: Annotated[str, Field(max_length=40)]
    recorder: Annotated[str, Field(max_length=200)]
    references: Annotated[int, Field(ge=0)]
    instructions: Annotated[int, Field(ge=0)]
    filter_pages: Annotated[int, Field(ge=1)]
    exit_status: int
    regions: Annotated[tuple[TraceRegion, ...], Field(min_length=1, max_length=10_000, strict=False)]
    ops: Annotated[int, Field(ge=1, le=MAX_OPS)]
    lengths: Annotated[tuple[int, ...], Field(min_length=len(COLUMNS), max_length=len(COLUMNS), strict=False)]


@dataclass(frozen=True, eq=False)
class Trace:
    """A recorded program: one row an operation, in program order.

    Attributes:
        header: where it comes from and its regions.
        kind: uint8[n], LOAD, STORE, FILE_READ, FILE_WRITE, FSYNC or DISCARD.
        page: uint32[n], first page.
        count: uint32[n], pages from there on, all in the same region.
        instructions: uint32[n], instructions executed since the operation before.
    """

    header: Header
    kind: NDArray[np.uint8]
    page: NDArray[np.uint32]
    count: NDArray[np.uint32]
    instructions: NDArray[np.uint32]

    @property
    def n_ops(self) -> int:
        return len(self.kind)

    @cached_property
    def n_pages(self) -> int:
        return sum(region.pages for region in self.header.regions)

    def pages_of(self, kind: str) -> int:
        """Pages of all regions of ``kind``."""
        return sum(region.pages for region in self.header.regions if region.kind == kind)

    def touches(self) -> int:
        """Pages touched, each as often as it is logged."""
        return int(self.count[self.kind <= FILE_WRITE].sum(dtype=np.int64))


def check(trace: Trace) -> None:
    """Raise TraceError (without a file name) for columns that do not fit the header."""
    n = trace.n_ops
    for name in COLUMNS:
        if len(getattr(trace, name)) != n:
            raise TraceError(f"column {name}: {len(getattr(trace, name))} rows; allowed: {n}")
    if n != trace.header.ops:
        raise TraceError(f"columns: {n} rows; allowed: {trace.header.ops}")
    if trace.n_pages >= MAX_PAGES:
        raise TraceError(f"regions: {trace.n_pages} pages; allowed: 1 to {MAX_PAGES - 1}")
    _refuse(trace.kind > DISCARD, "kind", trace.kind, f"0 to {DISCARD}")
    _refuse(trace.page >= trace.n_pages, "page", trace.page, f"0 to {trace.n_pages - 1}")
    last = np.cumsum([region.pages for region in trace.header.regions])
    region = np.searchsorted(last, trace.page, side="right")
    room = last[region] - trace.page.astype(np.int64)
    _refuse((trace.count < 1) | (trace.count > room), "count", trace.count, "1 to the end of the page's region")
    is_file = np.array([r.kind == "file" for r in trace.header.regions])[region]
    is_anon = np.array([r.kind == "anon" for r in trace.header.regions])[region]
    io = (trace.kind == FILE_READ) | (trace.kind == FILE_WRITE) | (trace.kind == FSYNC)
    _refuse((trace.kind <= STORE) & is_file, "kind", trace.kind, "loads and stores of mapped pages only")
    _refuse(io & ~is_file, "kind", trace.kind, "file operations on pages of files only")
    kept = (trace.kind == DISCARD) & ~(is_file | is_anon)
    _refuse(kept, "kind", trace.kind, "discarding pages of anonymous memory and files only")


def _refuse(bad: NDArray[np.bool_], column: str, values: NDArray[np.generic], allowed: str) -> None:
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise TraceError(f"column {column}, row {row}: {values[row]}; allowed: {allowed}")


def dump(trace: Trace) -> bytes:
    """The file's bytes; the same trace always gives the same bytes."""
    columns = [_pack(getattr(trace, name), name) for name in COLUMNS]
    header = trace.header.model_copy(update={"ops": trace.n_ops, "lengths": tuple(len(c) for c in columns)})
    check(Trace(header, trace.kind, trace.page, trace.count, trace.instructions))
    data = header.model_dump_json().encode()
    rest = b"".join([data, *columns])
    prefix = PREFIX.pack(MAGIC, VERSION, len(data), DATA_AT + len(rest))
    return prefix + hashlib.sha256(prefix + rest).digest() + rest


def write_trace(path: Path, trace: Trace) -> None:
    """Write ``trace`` to ``path``; a reader sees the old file or the whole new one."""
    data = dump(trace)
    handle, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)  # mkstemp makes it private; a trace is an ordinary file
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_trace(path: Path) -> Trace:
    """Read and check a trace file.

    Raises:
        TraceError: one line, "<file name>: what is wrong".
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TraceError(f"{path.name}: {error.strerror or error}") from None
    return load(data, path.name)


def load(data: bytes, name: str = "trace") -> Trace:
    """Decode and check the bytes of a trace file; ``name`` begins the error line.

    Raises:
        TraceError: truncated, damaged, another format or version, or columns that do not fit.
    """
    try:
        return _load(data)
    except TraceError as error:
        raise TraceError(f"{name}: {error}") from None


def _load(data: bytes) -> Trace:
    if not data or not MAGIC.startswith(data[: len(MAGIC)]):
        raise TraceError("not a Highwater trace; allowed: files written by `highwater record` or `highwater convert`")
    if len(data) < DATA_AT:
        raise TraceError(f"truncated: {len(data)} bytes of at least {DATA_AT}")
    _, version, header_length, length = PREFIX.unpack_from(data)
    if version != VERSION:
        raise TraceError(f"version {version}; allowed: {VERSION}")
    if len(data) < length:
        raise TraceError(f"truncated: {len(data)} bytes of {length}")
    if len(data) > length:
        raise TraceError(f"damaged: {len(data)} bytes; allowed: {length}")
    digest = hashlib.sha256(data[: PREFIX.size] + data[DATA_AT:]).digest()
    if digest != data[PREFIX.size : DATA_AT]:
        raise TraceError("damaged: its SHA-256 does not match its contents")
    header = _header(data, header_length)
    trace = Trace(header, *_columns(data, DATA_AT + header_length, header))
    check(trace)
    return trace


def _header(data: bytes, length: int) -> Header:
    if length > min(MAX_HEADER, len(data) - DATA_AT):
        raise TraceError(f"header: {length} bytes; allowed: up to {min(MAX_HEADER, len(data) - DATA_AT)}")
    try:
        return Header.model_validate_json(data[DATA_AT : DATA_AT + length])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in ("header", *first["loc"]))
        raise TraceError(f"{where}: {first['msg']}") from None


def _columns(data: bytes, at: int, header: Header) -> tuple[NDArray[np.uint8], NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint32]]:
    if min(header.lengths) < 0 or at + sum(header.lengths) != len(data):
        raise TraceError(f"header.lengths: {list(header.lengths)}; allowed: columns that end at byte {len(data)}")
    planes = []
    for name, length in zip(COLUMNS, header.lengths, strict=True):
        planes.append(_unpack(data[at : at + length], header.ops, name))
        at += length
    kind, page, count, instructions = planes
    # Pages are stored as differences: a scan of consecutive pages becomes a run of ones.
    page = np.cumsum(page, dtype=np.uint32)
    return kind.astype(np.uint8), page, count, instructions


def _pack(column: NDArray[np.generic], name: str) -> bytes:
    values = column.astype(np.uint32)
    if name == "page":
        values = np.diff(values, prepend=np.uint32(0))
    # Byte planes (all low bytes first) compress about a third better than interleaved words.
    planes = values.astype("<u4").view(np.uint8).reshape(-1, 4).T[: WIDTH[name]]
    return lzma.compress(np.ascontiguousarray(planes).tobytes(), preset=PRESET)


def _unpack(data: bytes, ops: int, name: str) -> NDArray[np.uint32]:
    size = ops * WIDTH[name]
    try:
        decompressor = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=1 << 27)
        raw = decompressor.decompress(data, max_length=size + 1)
    except lzma.LZMAError as error:
        raise TraceError(f"column {name}: {error}") from None
    if len(raw) != size or not decompressor.eof or decompressor.unused_data:
        raise TraceError(f"column {name}: {len(raw)} bytes; allowed: {size}")
    planes = np.zeros((ops, 4), np.uint8)
    planes[:, : WIDTH[name]] = np.frombuffer(raw, np.uint8).reshape(WIDTH[name], ops).T
    return planes.view("<u4").reshape(ops).astype(np.uint32)
