"""The engine beside libCacheSim's LRU: CPU nanoseconds for each request of the same reference string, same capacity, same run.

    pip install libcachesim
    python benchmarks/core/against_libcachesim.py [--pages 65536 262144] [--rounds 5]

Dense page numbers, Zipf-like (touch.py). libCacheSim reads them from an oracleGeneral file and loops in C (process_trace); only the passes after the warm-up
are timed. The engine's figure is a long run minus a short one of the same string. Rounds alternate; the ratio is the median of the rounds' ratios.

What each side does for a miss:
  libCacheSim LRU: look the object up in a hash table, allocate and insert one, unlink and free the oldest. Nothing is dirty, nothing is read or written.
  engine: fault, allocation against watermarks, wake kswapd, swap read with its completion event; kswapd's scan of the 6.12 lists with references and refault
    distance, swap slots, write-out of dirty pages with its completion, rotation; conservation checked at every sixteenth turn of an actor.

libCacheSim is measured twice: with its default hash table (2^24 buckets) and with one fitted to the capacity by hand. ``read`` is what reading the file and
finding one object always in the cache cost it: an upper bound of what is not list handling.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path[:0] = [str(Path(__file__).parents[2])]

from benchmarks.core import touch  # noqa: E402
from core import policies  # noqa: E402

ORACLE_GENERAL = np.dtype([("time", "<u4"), ("id", "<u8"), ("size", "<u4"), ("next", "<i8")])
DEFAULT_HASHPOWER = 24


def write_trace(path: Path, pages: NDArray[np.int64]) -> None:
    """The reference string as libCacheSim reads it."""
    records = np.zeros(len(pages), ORACLE_GENERAL)
    records["time"] = np.arange(len(pages)) // 1000
    records["id"] = pages + 1
    records["size"] = 1
    records["next"] = -2
    records.tofile(path)


def lru(library: Any, trace: Path, frames: int, hashpower: int, warm_up: int, measured: int) -> touch.Cost:
    """libCacheSim's own loop over ``measured`` requests after ``warm_up``."""
    reader = library.TraceReader(str(trace), library.TraceType.ORACLE_GENERAL_TRACE, library.ReaderInitParam(ignore_obj_size=True))
    cache = library.LRU(cache_size=frames, hashpower=hashpower)
    cache.process_trace(reader, 0, warm_up)
    begin = time.process_time()
    misses, _ = cache.process_trace(reader, warm_up, measured)
    return touch.Cost((time.process_time() - begin) / measured * 1e9, misses)


def compare(library: Any, frames: int, footprint: int, writes: float, rounds: int) -> str:
    """One line of the table."""
    passes = touch.reference_string(footprint, touch.WARM_UP + touch.MEASURED, writes)
    pair = touch.Pair(frames, footprint, policies.load("flusher_only"), passes)
    per_pass = len(passes[0].pages)
    warm_up, measured = footprint + touch.WARM_UP * per_pass, touch.MEASURED * per_pass
    fitted = frames.bit_length() + 1
    with tempfile.TemporaryDirectory() as directory:
        trace, one = Path(directory, "trace.oracleGeneral"), Path(directory, "one.oracleGeneral")
        write_trace(trace, np.concatenate([np.arange(footprint), *(drawn.pages for drawn in passes)]))
        write_trace(one, np.zeros(1_000_000, np.int64))
        found = []
        for _ in range(rounds):
            engine = pair.measure()
            default = lru(library, trace, frames, DEFAULT_HASHPOWER, warm_up, measured)
            small = lru(library, trace, frames, fitted, warm_up, measured)
            read = lru(library, one, frames, fitted, 0, 1_000_000)
            found.append((engine.ns, default.ns, small.ns, read.ns, default.ns / engine.ns, small.ns / engine.ns, engine.misses, default.misses))
    ns, default_ns, small_ns, read_ns, ratio, small_ratio, misses, lru_misses = (statistics.median(column) for column in zip(*found, strict=True))
    return (
        f"{frames:>8} {footprint:>9} {writes:>7.0%} {misses:>8.1%} {lru_misses:>10.1%} {ns:>8.1f} "
        f"{default_ns:>8.0f} {small_ns:>8.0f} {read_ns:>6.0f} {ratio:>7.1f} {small_ratio:>7.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--pages", type=int, nargs="+", default=[65_536, 262_144])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--misses", type=float, nargs="+", default=[0.03, 0.25], help="share of the engine's touches")
    parser.add_argument("--writes", type=float, nargs="+", default=[touch.WRITES, 0.0], help="share of the touches")
    arguments = parser.parse_args()
    try:
        library = importlib.import_module("libcachesim")
    except ImportError as error:
        raise SystemExit(f"{error}; this benchmark needs it: pip install libcachesim") from None
    print(f"ns of CPU a request, medians of {arguments.rounds} rounds; LRU: libCacheSim {library.__version__}, hash table by default and fitted")
    print("  frames footprint  writes   misses LRU misses   engine  default   fitted   read  ratio  fitted")
    for frames in arguments.pages:
        for share in arguments.misses:
            footprint = touch.footprint_for(frames, share, policies.load("flusher_only"), frames * 15)
            for writes in arguments.writes:
                print(compare(library, frames, footprint, writes, arguments.rounds), flush=True)


if __name__ == "__main__":
    main()
