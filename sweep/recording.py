"""Recording from the command line: progress while it runs, one line when it is done."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sweep.errors import ConfigError
from sweep.record import Progress, convert, record
from sweep.tracefile import Trace, TraceError

EVERY_S: Final = 5.0


def recorded(out: Path, program: Sequence[str], filter_pages: int) -> str:
    """Record ``program`` into ``out``; returns what was recorded, in words.

    Raises:
        ConfigError: valgrind or the program is missing, or nothing was recorded.
    """
    try:
        return _words(out, record(out, program, filter_pages, Ticker()))
    except TraceError as error:
        raise ConfigError(str(error)) from None


def converted(source: Path | None, out: Path, filter_pages: int) -> str:
    """Convert lackey's text (None: standard input) into ``out``; returns what was converted, in words.

    Raises:
        ConfigError: no text of lackey's.
    """
    try:
        return _words(out, convert(source, out, filter_pages, Ticker()))
    except TraceError as error:
        raise ConfigError(str(error)) from None


class Ticker:
    """Says every few seconds how far a recording is."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        """Say it, if it is time."""
        if time.monotonic() - self._last >= EVERY_S:
            self._last = time.monotonic()
            mib = progress.text_bytes >> 20
            print(f"{mib} MiB of trace read, {progress.ops} operations kept", file=sys.stderr, flush=True)


def _words(out: Path, trace: Trace) -> str:
    return f"{out}: {trace.n_ops} operations on {trace.n_pages} pages"
