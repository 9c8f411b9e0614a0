"""Lackey's output to a Trace: page references through the filter, system calls to file operations."""

from __future__ import annotations

import os.path
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from sweep.lackey.calls import Call, CallParser
from sweep.lackey.files import Files, Span
from sweep.lackey.log import MAX_COUNT, REGION_SHIFT, Filter, Log
from sweep.lackey.memory import ANON, Memory
from sweep.lackey.text import LOAD, STORE, Parser
from sweep.tracefile import DISCARD, FILE_READ, FILE_WRITE, FSYNC, MAX_OPS, Header, Trace, TraceError, TraceRegion
from sweep.tracefile import LOAD as OP_LOAD
from sweep.tracefile import STORE as OP_STORE

PAGE_SHIFT: Final = 12
FIRST_FILE: Final = 3  # regions 0..2 are anonymous memory, text and mapped files
AT_FDCWD: Final = (0xFFFFFF9C, -100)
F_DUPFD: Final = (0, 1030)
MADV_DONTNEED: Final = 4
_REGIONS: Final = ("anon", "text", "mapped")


class Converter:
    """Feed it the text in order, then ``finish``."""

    def __init__(self, filter_pages: int, cwd: Path = Path()) -> None:
        self.references = 0
        self.instructions = 0
        self.log = Log()
        self._cwd = cwd
        self._filter = Filter(filter_pages)
        self._parser = Parser()
        self._calls = CallParser()
        self._memory = Memory()
        self._files = Files()
        self._now = 0
        self._handlers: dict[str, Callable[[Call], None]] = {name.removeprefix("_sys_"): getattr(self, name) for name in dir(self) if name.startswith("_sys_")}

    def feed(self, text: bytes) -> None:
        """Convert a block of whole lines."""
        block = self._parser.parse(text)
        keys, executed = block.keys.tolist(), (block.instructions + self.instructions).tolist()
        first = 0
        for other in block.other:
            call = self._calls.parse(other.text) if other.text.startswith("SYSCALL[") else None
            if call is not None and call.name in self._handlers:
                last = int(np.searchsorted(block.at, other.line))
                self._touch_all(keys[first:last], executed[first:last])
                first = last
                self._now = self.instructions + other.executed
                self._handlers[call.name](call)
        self._touch_all(keys[first:], executed[first:])
        self.references += block.references
        self.instructions += block.total_instructions
        if len(self.log.kind) > MAX_OPS:
            raise TraceError(f"more than {MAX_OPS} operations; allowed: a shorter run or a larger filter")

    def _touch_all(self, keys: list[int], executed: list[int]) -> None:
        covered = self._filter.covered
        for key, now in zip(keys, executed, strict=True):
            if key not in covered:
                self._touch(key, now)

    def _touch(self, key: int, now: int) -> None:
        region, number = self._memory.resolve(key >> 2, key & 3)
        self.log.add(OP_STORE if key & 3 == STORE else OP_LOAD, region, number, 1, now)
        self._filter.admit(key)

    def _touch_buffer(self, address: int, size: int, kind: int) -> None:
        """What the kernel itself touches when it copies to or from the program's buffer; lackey cannot see it."""
        pages = range(address >> PAGE_SHIFT, (address + size - 1 >> PAGE_SHIFT) + 1)
        self._touch_all([page << 2 | kind for page in pages], [self._now] * len(pages))

    def _log_span(self, kind: int, span: Span | None) -> None:
        if span is not None and span.pages > 0:
            self.log.add(kind, FIRST_FILE + span.file.number, span.first, span.pages, self._now)

    def _discard_anon(self, numbers: list[int], first: int, pages: int) -> None:
        self._filter.drop(range(first, first + pages))
        self.log.add_ranges(DISCARD, ANON, numbers, self._now)

    # System calls: one method each, named by the kernel; the others have no effect on pages that we model.

    def _sys_openat(self, call: Call) -> None:
        self._log_span(DISCARD, self._files.open(call.result, self._path(call, call.arg(0)), call.arg(2)))

    def _sys_open(self, call: Call) -> None:
        self._log_span(DISCARD, self._files.open(call.result, self._path(call), call.arg(1)))

    def _sys_close(self, call: Call) -> None:
        self._log_span(DISCARD, self._files.close(call.arg(0)))

    def _sys_dup(self, call: Call) -> None:
        if call.result != call.arg(0):
            self._log_span(DISCARD, self._files.dup(call.arg(0), call.result))

    _sys_dup2 = _sys_dup3 = _sys_dup

    def _sys_fcntl(self, call: Call) -> None:
        if call.arg(1) in F_DUPFD:
            self._sys_dup(call)

    def _transfer(self, call: Call, kind: int, at: int | None, buffered: bool) -> None:
        descriptor = self._files.get(call.arg(0))
        if descriptor is None or call.result <= 0:
            return
        if buffered and kind == FILE_WRITE:
            self._touch_buffer(call.arg(1), call.result, LOAD)
        self._log_span(kind, self._files.transfer(descriptor, kind, call.result, at))
        if buffered and kind == FILE_READ:
            self._touch_buffer(call.arg(1), call.result, STORE)

    def _sys_read(self, call: Call) -> None:
        self._transfer(call, FILE_READ, None, True)

    def _sys_pread64(self, call: Call) -> None:
        self._transfer(call, FILE_READ, call.arg(3), True)

    def _sys_readv(self, call: Call) -> None:
        self._transfer(call, FILE_READ, None, False)

    def _sys_preadv(self, call: Call) -> None:
        self._transfer(call, FILE_READ, call.arg(3), False)

    def _sys_write(self, call: Call) -> None:
        self._transfer(call, FILE_WRITE, None, True)

    def _sys_pwrite64(self, call: Call) -> None:
        self._transfer(call, FILE_WRITE, call.arg(3), True)

    def _sys_writev(self, call: Call) -> None:
        self._transfer(call, FILE_WRITE, None, False)

    def _sys_pwritev(self, call: Call) -> None:
        self._transfer(call, FILE_WRITE, call.arg(3), False)

    def _sys_lseek(self, call: Call) -> None:
        if (descriptor := self._files.get(call.arg(0))) is not None:
            descriptor.position = call.result

    def _sys_fsync(self, call: Call) -> None:
        descriptor = self._files.get(call.arg(0))
        if descriptor is not None and descriptor.file.length > 0:
            descriptor.last = (-1, -1)
            self._log_span(FSYNC, Span(descriptor.file, 0, -(-descriptor.file.length >> PAGE_SHIFT)))

    _sys_fdatasync = _sys_fsync

    def _sys_ftruncate(self, call: Call) -> None:
        if (descriptor := self._files.get(call.arg(0))) is not None:
            self._log_span(DISCARD, self._files.truncate(descriptor.file, call.arg(1)))

    def _sys_unlink(self, call: Call) -> None:
        self._log_span(DISCARD, self._files.unlink(self._path(call)))

    def _sys_unlinkat(self, call: Call) -> None:
        self._log_span(DISCARD, self._files.unlink(self._path(call, call.arg(0))))

    def _sys_rename(self, call: Call) -> None:
        if len(call.paths) == 2:
            self._log_span(DISCARD, self._files.rename(self._full(call.paths[0]), self._full(call.paths[1])))

    _sys_renameat = _sys_renameat2 = _sys_rename

    def _sys_mmap(self, call: Call) -> None:
        first, pages = call.result >> PAGE_SHIFT, -(-call.arg(1) >> PAGE_SHIFT)
        path = self._files.path(call.arg(4))
        gone = self._memory.map(first, pages, path, call.arg(5) >> PAGE_SHIFT, call.arg(2), call.arg(3))
        self._discard_anon(gone, first, pages)

    def _sys_munmap(self, call: Call) -> None:
        first, pages = call.arg(0) >> PAGE_SHIFT, -(-call.arg(1) >> PAGE_SHIFT)
        self._discard_anon(self._memory.unmap(first, pages), first, pages)

    def _sys_mremap(self, call: Call) -> None:
        first, pages, new = call.arg(0) >> PAGE_SHIFT, -(-call.arg(1) >> PAGE_SHIFT), -(-call.arg(2) >> PAGE_SHIFT)
        gone = self._memory.move(first, pages, call.result >> PAGE_SHIFT, new)
        self._filter.drop(range(call.result >> PAGE_SHIFT, (call.result >> PAGE_SHIFT) + new))
        self._discard_anon(gone, first, pages)

    def _sys_madvise(self, call: Call) -> None:
        if call.arg(2) == MADV_DONTNEED:
            first, pages = call.arg(0) >> PAGE_SHIFT, -(-call.arg(1) >> PAGE_SHIFT)
            self._discard_anon(self._memory.forget(first, pages), first, pages)

    def _sys_brk(self, call: Call) -> None:
        end = -(-call.result >> PAGE_SHIFT)
        gone = self._memory.brk(end)
        self._discard_anon(gone, end, len(gone) and 1 << 36)

    def _path(self, call: Call, directory: int = AT_FDCWD[0]) -> str:
        path = Path(call.paths[0] if call.paths else "")
        return self._full(path if directory in AT_FDCWD else Path(self._files.path(directory), path))

    def _full(self, path: Path | str) -> str:
        return os.path.normpath(self._cwd / path)

    def finish(self, program: str, recorded: str, recorder: str, exit_status: int = 0) -> Trace:
        """The trace of everything fed so far.

        Raises:
            TraceError: there was no page reference.
        """
        if self.references == 0:
            raise TraceError("no page reference; allowed: the output of `valgrind --tool=lackey --trace-mem=yes`")
        pages = [numbers.pages for numbers in self._memory.numbers] + [file.pages for file in self._files.all]
        names = [*_REGIONS, *(file.name for file in self._files.all)]
        kinds = [*_REGIONS, *(["file"] * len(self._files.all))]
        base = np.concatenate([np.zeros(1, np.int64), np.cumsum(pages, dtype=np.int64)])
        target = np.frombuffer(self.log.target, np.int64)
        gaps = np.diff(np.frombuffer(self.log.executed, np.int64), prepend=0)
        header = Header(
            program=program,
            recorded=recorded,
            recorder=recorder,
            references=self.references,
            instructions=self.instructions,
            filter_pages=self._filter.pages,
            exit_status=exit_status,
            regions=tuple(TraceRegion.model_validate({"name": n[:200], "kind": k, "pages": p}) for n, k, p in zip(names, kinds, pages, strict=True) if p > 0),
            ops=len(target),
            lengths=(0, 0, 0, 0),
        )
        return Trace(
            header,
            np.frombuffer(self.log.kind, np.uint8),
            (base[target >> REGION_SHIFT] + (target & (1 << REGION_SHIFT) - 1)).astype(np.uint32),
            np.frombuffer(self.log.count, np.int64).astype(np.uint32),
            np.minimum(gaps, MAX_COUNT).astype(np.uint32),
        )
