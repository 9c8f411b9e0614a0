"""Recording real programs: run one under valgrind's lackey, or read what lackey wrote, and write a trace file.

``record`` and ``convert`` are the functions behind ``highwater record`` and ``highwater convert``.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sweep.lackey.converter import Converter
from sweep.lackey.text import BLOCK, Read, blocks
from sweep.tracefile import Trace, TraceError, write_trace

FILTER_PAGES: Final = 128
FILTER_RANGE: Final = (1, 4096)
PIPE_BYTES: Final = 1 << 20
LACKEY: Final = ("--tool=lackey", "--trace-mem=yes", "--trace-syscalls=yes", "--child-silent-after-fork=yes")


@dataclass(frozen=True)
class Progress:
    """How far a conversion is.

    Attributes:
        text_bytes: bytes of lackey's text read.
        references: page references in them.
        ops: operations logged.
        seconds: time since the start.
    """

    text_bytes: int
    references: int
    ops: int
    seconds: float


Report = Callable[[Progress], None]


def record(
    out: Path,
    program: Sequence[str],
    filter_pages: int = FILTER_PAGES,
    report: Report | None = None,
    valgrind: str = "valgrind",
) -> Trace:
    """Run ``program`` under valgrind's lackey and write its trace to ``out``.

    The program keeps its standard input, output and error; it runs some hundred to a thousand times slower than alone.
    Lackey's text goes through a pipe and is never stored. Children that the program forks are not recorded.

    Args:
        out: the trace file, usually ``*.hwt``; replaced only when the recording is complete.
        program: command and arguments.
        filter_pages: N of the page filter, 1 to 4096.
        report: called after every block of text (about 16 MB).
        valgrind: the valgrind to use.

    Raises:
        TraceError: valgrind or the program is missing, the directory of ``out`` is, or nothing was recorded.
    """
    _check_arguments(out, filter_pages)
    if not program:
        raise TraceError("record: no program; allowed: highwater record OUT -- PROGRAM ARGUMENTS")
    if shutil.which(valgrind) is None:
        raise TraceError(f"record: {valgrind} not found; install the package valgrind (3.15 or newer)")
    if shutil.which(program[0]) is None:
        raise TraceError(f"record: {program[0]} not found; allowed: a program on the PATH")
    converter, status = _run_lackey(valgrind, program, filter_pages, report)
    if converter.references == 0:
        raise TraceError(f"record: {program[0]}: exit status {status}, nothing was recorded")
    trace = converter.finish(shlex.join(program), _now(), f"{_version(valgrind)} lackey", status)
    write_trace(out, trace)
    return trace


def _run_lackey(valgrind: str, program: Sequence[str], filter_pages: int, report: Report | None) -> tuple[Converter, int]:
    """Run the program to its end; returns what was recorded and its exit status."""
    reader, writer = os.pipe()
    with contextlib.suppress(OSError):  # a smaller pipe is only slower
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    command = [valgrind, *LACKEY, f"--log-fd={writer}", *program]
    with subprocess.Popen(command, pass_fds=(writer,)) as process:
        os.close(writer)
        try:
            with os.fdopen(reader, "rb", buffering=0) as stream:
                converter = _run(lambda size: stream.read(size) or b"", filter_pages, report, Path.cwd())
        except BaseException:
            process.kill()
            raise
    return converter, process.returncode


def convert(
    source: Path | None,
    out: Path,
    filter_pages: int = FILTER_PAGES,
    report: Report | None = None,
    program: str = "",
) -> Trace:
    """Convert lackey's text to a trace file.

    Args:
        source: file with the output of ``valgrind --tool=lackey --trace-mem=yes [--trace-syscalls=yes]``;
            None = standard input.
        out: the trace file; replaced only when the conversion is complete.
        filter_pages: N of the page filter, 1 to 4096.
        report: called after every block of text (about 16 MB).
        program: the command that was recorded, for the header.

    Raises:
        TraceError: the source cannot be read or holds no page reference, or the directory of ``out`` is missing.
    """
    _check_arguments(out, filter_pages)
    name = "standard input" if source is None else source.name
    try:
        with os.fdopen(os.dup(0), "rb") if source is None else source.open("rb") as stream:
            converter = _run(stream.read, filter_pages, report, Path())
        trace = converter.finish(program, _now(), "lackey text")
    except OSError as error:
        raise TraceError(f"{name}: {error.strerror or error}") from None
    except TraceError as error:
        raise TraceError(f"{name}: {error}") from None
    write_trace(out, trace)
    return trace


def _run(read: Read, filter_pages: int, report: Report | None, cwd: Path) -> Converter:
    started = time.monotonic()
    converter = Converter(filter_pages, cwd)
    text_bytes = 0
    for text in blocks(read, BLOCK):
        converter.feed(text)
        text_bytes += len(text)
        if report is not None:
            report(Progress(text_bytes, converter.references, len(converter.log.kind), time.monotonic() - started))
    return converter


def _check_arguments(out: Path, filter_pages: int) -> None:
    low, high = FILTER_RANGE
    if not low <= filter_pages <= high:
        raise TraceError(f"filter_pages: {filter_pages}; allowed: {low} to {high}")
    if not out.parent.is_dir():
        raise TraceError(f"{out}: no such directory; allowed: a file in an existing directory")


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _version(valgrind: str) -> str:
    return subprocess.run([valgrind, "--version"], capture_output=True, text=True, check=False).stdout.strip()
