"""A page that stands for k real ones: the same sizes, times, rates and popularity from k times fewer touches."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core import Streams
from core.arrivals import BURST, PACKETS
from core.operations import ALLOC, FILE_READ, FILE_WRITE, FREE, READ, RECEIVE, SLEEP, THINK, WRITE
from core.region import ANON, EXEC, MAPPED
from sweep import workloads
from sweep.tracefile import DISCARD, Header, Trace, TraceRegion
from sweep.workloads.base import Zipf, generator
from sweep.workloads.coarse import coarsened
from tests.sweep.words import literals, operations, pages, touched

SCALES = [1, 4, 16, 64]
LOADS: dict[str, dict[str, Any]] = {
    "cyclic": {"kind": "cyclic", "size_mib": 64, "clean_file_pages": 4096},
    "mix": {"kind": "mix", "footprint_ratio": 1, "anon_share": 0.5, "turnover": 0},
    "crew": {"kind": "crew", "roles": {"it": {"memory": "anon", "size_ram": 1, "fill": True, "write_share": 0.5, "laps": 1}}},
}


def compiled(mapping: dict[str, Any], scale: int) -> Streams:
    machine: Any = SimpleNamespace(ram_mib=64, cpus=2, page_scale=scale)
    return workloads.compile_streams(workloads.load(mapping, Path("x.yaml")), machine, 1)


def cpu_ns(streams: Streams, task: int) -> int:
    """CPU time of the program in its first round."""
    return len(touched(streams, task)[0]) * int(streams.op_ns[task]) + sum(literals(streams, task, THINK)[1:])


@pytest.mark.parametrize("kind", LOADS)
@pytest.mark.parametrize("scale", SCALES)
def test_sizes_and_time_are_the_same(kind: str, scale: int) -> None:
    plain, large = compiled(LOADS[kind], 1), compiled(LOADS[kind], scale)
    assert large.page_scale == scale
    assert pages(large, ANON, ANON) * scale == pages(plain, ANON, ANON)
    assert pages(large, MAPPED, 0) * scale == pages(plain, MAPPED, 0)
    assert pages(large, EXEC, EXEC) == -(-pages(plain, EXEC, EXEC) // scale)
    assert cpu_ns(large, 0) == pytest.approx(cpu_ns(plain, 0), rel=0.1)


@pytest.mark.parametrize("scale", SCALES)
def test_rates_are_the_same(scale: int) -> None:
    role = {"memory": "file", "size_mib": 64, "write_share": 1, "mb_s": 20, "kernel_pages": 65, "receive": 65, "burst_kib": 8192}
    streams = compiled({"kind": "crew", "roles": {"it": role}, "packets": {"p": {"per_s": 50_000}}, "bursts": {"b": {"pages": 3000, "every_s": 1}}}, scale)
    assert sum(literals(streams, 0, SLEEP)) == pytest.approx(64 * 2**20 * 1000 / 20, rel=0.1)
    rows = streams.arrivals
    assert rows[rows[:, 1] == PACKETS][:, 2].sum() * scale == pytest.approx(500_000, rel=0.05)
    assert set(rows[rows[:, 1] == BURST][:, 2].tolist()) == {-(-3000 // scale)}
    assert {literal for code, _, literal, _ in operations(streams, 0) if code in (ALLOC, FREE, RECEIVE)} == {-(-65 // scale)}


@pytest.mark.parametrize("scale", [4, 16, 64])
@pytest.mark.parametrize("exponent", [0.0, 0.9, 1.2])
def test_a_large_page_is_as_popular_as_its_real_ones_together(scale: int, exponent: float) -> None:
    count = 400_000
    real = np.bincount(Zipf(generator(1, "z"), 16_384, exponent).draw(generator(2, "d"), count) // scale, minlength=16_384 // scale)
    large = np.bincount(Zipf(generator(1, "z"), 16_384 // scale, exponent, scale).draw(generator(3, "d"), count), minlength=16_384 // scale)
    assert np.abs(real - large).sum() / count < 3 * np.sqrt(len(real) / count)


def test_a_trace_in_larger_pages_keeps_its_time_and_its_places() -> None:
    regions = (TraceRegion(name="heap", kind="anon", pages=10), TraceRegion(name="f", kind="file", pages=9))
    rows = [
        (WRITE, 0, 1, 5),
        (WRITE, 3, 1, 7),
        (READ, 3, 1, 1),
        (WRITE, 9, 1, 2),
        (FILE_WRITE, 12, 4, 3),
        (FILE_READ, 18, 1, 1),
        (DISCARD, 1, 5, 4),
        (DISCARD, 4, 6, 6),
    ]
    kind, page, count, instructions = (np.array(column) for column in zip(*rows, strict=True))
    fields = {"program": "p", "recorded": "2026-01-01", "recorder": "r", "references": 1, "instructions": 29, "filter_pages": 1, "exit_status": 0}
    header = Header(**fields, regions=regions, ops=len(rows), lengths=(0, 0, 0, 0))
    trace = Trace(header, kind.astype(np.uint8), page.astype(np.uint32), count.astype(np.uint32), instructions)
    small = coarsened(trace, 4)
    assert [region.pages for region in small.header.regions] == [3, 3]
    found = list(zip(small.kind.tolist(), small.page.tolist(), small.count.tolist(), small.instructions.tolist(), strict=True))
    # The two writes of pages 0 and 3 are one; of the discards, pages 1 to 5 cover no whole page, 4 to 9 two.
    assert found == [(WRITE, 0, 1, 12), (READ, 0, 1, 1), (WRITE, 2, 1, 2), (FILE_WRITE, 3, 2, 3), (FILE_READ, 5, 1, 5), (DISCARD, 1, 2, 6)]
    assert coarsened(trace, 1) is trace
