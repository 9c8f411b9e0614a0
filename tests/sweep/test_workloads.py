"""Workloads: the same seed gives the same streams, another seed others, and the shares come out."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import Device, Machine, Streams
from core.operations import FILE_READ, FILE_WRITE, READ, WRITE
from core.region import ANON, EXEC, MAPPED, Region
from sweep import workloads
from sweep.tracefile import FSYNC, Header, Trace, TraceRegion, dump, write_trace
from sweep.workloads.base import Zipf, generator
from tests.sweep.words import pages, touched

DISK = Device("disk", 60, 60, 100_000, 10_000_000)
PC = Machine("pc", 128, 2, 512, DISK, DISK)
HERE = Path("sweep.yaml")
CYCLIC: dict[str, Any] = {"kind": "cyclic", "size_mib": 8, "clean_file_pages": 100}
MIX: dict[str, Any] = {"kind": "mix", "footprint_mib": 16, "anon_share": 0.5, "round_touches": 4096}


def compiled(mapping: dict[str, Any], seed: int = 1, source: Path = HERE) -> Streams:
    return workloads.compile_streams(workloads.load(mapping, source), PC, seed)


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a small trace: load text, store memory, write and sync a file, 2000 times."""
    regions = (
        TraceRegion(name="anon", kind="anon", pages=500),
        TraceRegion(name="text", kind="text", pages=10),
        TraceRegion(name="a.db", kind="file", pages=64),
    )
    numbers = np.arange(2000)
    kind = np.tile([0, 1, FILE_WRITE, FSYNC], 500)
    page = np.choose(numbers % 4, [500 + numbers % 10, numbers // 4, 510 + numbers // 4 % 60, 510])
    count = np.choose(numbers % 4, [1, 1, 3, 64])
    header = Header(
        program="by hand",
        recorded="2026-11-23",
        recorder="by hand",
        references=2000,
        instructions=2_000_000,
        filter_pages=64,
        exit_status=0,
        regions=regions,
        ops=2000,
        lengths=(0, 0, 0, 0),
    )
    folder = tmp_path_factory.mktemp("configs")
    trace = Trace(header, kind.astype(np.uint8), page.astype(np.uint32), count.astype(np.uint32), np.full(2000, 1000, np.uint32))
    write_trace(folder / "small.hwt", trace)
    (folder / "short.hwt").write_bytes(dump(trace)[:-7])
    return folder


def kinds(folder: Path) -> list[dict[str, Any]]:
    replay = {"kind": "trace", "file": str(folder / "small.hwt")}
    return [CYCLIC, MIX, replay, {**replay, "competitor_mib": 1, "instances": 2}, {**replay, "repeat": False}]


@pytest.mark.parametrize("number", range(5))
def test_a_seed_is_one_stream(traces: Path, number: int) -> None:
    mapping = kinds(traces)[number]
    digests = [compiled(mapping, seed).digest for seed in (1, 1, 2, 2**32 - 1)]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_the_cycle_goes_over_every_page_in_order_and_text_between() -> None:
    streams = compiled(CYCLIC)
    codes, where = touched(streams, 0)
    written = where[codes == WRITE]
    assert sorted(written) == list(range(2048))
    start = int(written[0])
    assert written.tolist() == [*range(start, 2048), *range(start)]
    text = where[codes == READ]
    assert len(text) == -(-(2048 - start) // 32) + -(-start // 32)
    assert (streams.page_attr[text] & EXEC != 0).all()
    assert (pages(streams, ANON, ANON), pages(streams, MAPPED, 0)) == (2048, 100)


def test_the_clean_file_is_read_once_a_lap_evenly() -> None:
    codes, where = touched(compiled(CYCLIC), 0)
    read = where[codes == FILE_READ]
    assert sorted(read) == list(range(read.min(), read.min() + 100))
    halves = np.array_split(codes, 2)
    assert [int((half == FILE_READ).sum()) for half in halves] == pytest.approx([50, 50], abs=3)


@pytest.mark.parametrize("share", [0, 0.2, 0.5, 0.8, 1])
def test_the_mix_splits_its_footprint(share: float) -> None:
    streams = compiled({**MIX, "anon_share": share})
    anon, file = pages(streams, ANON, ANON), pages(streams, MAPPED, 0)
    assert anon + file == 16 * 256
    assert anon == round(share * 16 * 256)


def test_the_footprint_follows_the_ram() -> None:
    mapping = {key: value for key, value in MIX.items() if key != "footprint_mib"}
    streams = compiled({**mapping, "footprint_ratio": 0.25})
    assert pages(streams, EXEC, 0) == 32 * 256


def test_the_roles_do_what_they_are_for() -> None:
    streams = compiled({**MIX, "store_share": 0.25, "turnover": 0, "written_share": 0.5, "fsync_mib": 1})
    text = pages(streams, EXEC, EXEC)
    roles = [(codes[text:], where[text:]) for codes, where in (touched(streams, task) for task in range(5))]
    assert streams.n_tasks == 5
    for codes, where in roles[:2]:
        grown = 1024  # a quarter of the footprint, written once at the start
        assert (codes[:grown] == WRITE).all()
        anon = streams.page_attr[where[grown:]] & ANON != 0
        assert 0.23 < (codes[grown:][anon] == WRITE).mean() < 0.27
    for codes, _ in roles[2:4]:
        assert (codes == FILE_READ).mean() > 0.95
    codes, where = roles[4]
    assert where[codes == FILE_WRITE].tolist() == sorted(set(where[codes == FILE_WRITE].tolist()))
    assert (codes == FILE_WRITE).sum() == 1024
    assert ((streams.ops >> 40 & 255) == 9).sum() == 4, "an fsync after every MiB"


def test_a_mix_with_nothing_to_do_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^anon_share: 1.0; allowed: a share that leaves a role with tasks some pages$"):
        compiled({**MIX, "anon_share": 1, "anon_tasks": 0})


def test_zipf_is_skewed_as_it_should_be_and_zero_is_uniform() -> None:
    rng = generator(1, "test")
    for exponent in (0.0, 0.6, 0.9, 1.0, 1.2, 2.0):
        drawn = np.bincount(Zipf(rng, 1000, exponent).draw(rng, 200_000), minlength=1000)
        weight = np.arange(1, 1001) ** -exponent
        top = np.sort(drawn)[::-1]
        for most in (10, 100):
            expected = weight[:most].sum() / weight.sum()
            assert abs(top[:most].sum() / 200_000 - expected) < 0.02, (exponent, most)
    hot = np.argsort(np.bincount(Zipf(rng, 1000, 1.0).draw(rng, 200_000), minlength=1000))[::-1][:64]
    assert np.ptp(hot) > 300, "hot blocks are scattered"


def test_zipf_of_one_page_and_of_less_than_a_block() -> None:
    rng = generator(1, "test")
    assert set(Zipf(rng, 1, 0.9).draw(rng, 10).tolist()) == {0}
    assert set(Zipf(rng, 5, 0.9).draw(rng, 1000).tolist()) == set(range(5))


def test_a_replay_touches_what_was_recorded_in_order(traces: Path) -> None:
    streams = compiled({"kind": "trace", "file": str(traces / "small.hwt"), "repeat": False, "jitter": 0})
    codes, where = touched(streams, 0)
    assert len(codes) == 500 + 500 + 1500
    assert where[codes == WRITE].tolist() == list(range(500))
    words = streams.ops[streams.task_first[0] : streams.task_last[0]]
    think = words[np.flatnonzero(words >> 32 == (128 | 5 << 8)) + 1]
    total = int(think.sum()) + len(codes) * int(streams.op_ns[0])
    assert abs(total - 2_000_000 * 0.5) < 25_000, "the program's own time is kept to one portion of think time"


def test_a_replay_that_repeats_begins_somewhere_and_forgets_at_its_end(traces: Path) -> None:
    streams = compiled({"kind": "trace", "file": str(traces / "small.hwt"), "phase": 1})
    codes, where = touched(streams, 0)
    written = where[codes == WRITE]
    start = int(written[0])
    assert start > 0
    assert written.tolist() == [*range(start, 500), *range(start)]
    words = streams.ops.tolist()
    gone = [Region(w & 0xFFFFFFFF, words[i + 1], 0) for i, w in enumerate(words) if w >> 32 == (128 | 10 << 8)]
    assert {(r.first, r.pages) for r in gone} == {(0, 500), (510, 64)}


def test_instances_share_the_text_only(traces: Path) -> None:
    streams = compiled({"kind": "trace", "file": str(traces / "small.hwt"), "instances": 3, "competitor_mib": 2})
    assert streams.n_tasks == 4
    assert pages(streams, EXEC, EXEC) == 10
    assert pages(streams, ANON, ANON) == 3 * 500 + 512


def test_a_trace_is_found_beside_the_file_that_names_it(traces: Path) -> None:
    near = workloads.load({"kind": "trace", "file": "small.hwt"}, traces / "w.yaml")
    far = workloads.load({"kind": "trace", "file": str(traces / "small.hwt")}, HERE)
    assert workloads.content_digest(near) == workloads.content_digest(far) != ""
    again = pickle.loads(pickle.dumps(near))
    assert workloads.compile_streams(again, PC, 3).digest == workloads.compile_streams(far, PC, 3).digest
    assert near.model_dump()["file"] == "small.hwt"
    assert workloads.content_digest(workloads.load(CYCLIC, HERE)) == ""


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({}, "kind: missing; allowed: crew, cyclic, mix, trace"),
        ({"kind": "cycle"}, "kind: cycle; allowed: crew, cyclic, mix, trace"),
        ({"kind": ["mix"]}, "kind: ['mix']; allowed: crew, cyclic, mix, trace"),
        ({**CYCLIC, "size_mb": 1}, "size_mb: unknown key; allowed: "),
        ({**CYCLIC, "size_mib": 0}, "size_mib: 0; allowed: >= 1"),
        ({**CYCLIC, "size_mib": float("nan")}, "size_mib: nan; allowed: "),
        ({**CYCLIC, "op_ns": 1.5}, "op_ns: 1.5; allowed: an integer"),
        ({**CYCLIC, "duration_s": "10"}, "duration_s: 10; allowed: a number"),
        ({**MIX, "anon_share": 1.5}, "anon_share: 1.5; allowed: <= 1"),
        ({**MIX, "anon_share": None}, "anon_share: None; allowed: a number"),
        ({**MIX, "footprint_ratio": 2}, "footprint_mib: given beside footprint_ratio; allowed: one of "),
        ({"kind": "mix", "anon_share": 0.5}, "footprint_mib: missing; allowed: one of "),
        ({"kind": "mix", "footprint_mib": 3}, "anon_share: missing; allowed: this key is required"),
        ({"kind": "trace", "file": "nosuch.hwt"}, "file: nosuch.hwt: no such trace; allowed: a path, or one of: "),
        ({"kind": "trace", "file": "no\0such"}, "file: 'no\\x00such': no such trace"),
        ({"kind": "trace", "file": "x" * 4000}, "file: xxx"),
    ],
)
def test_a_mistake_is_one_line_with_what_is_allowed(mapping: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        workloads.load(mapping, HERE)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_truncated_trace_is_one_line(traces: Path) -> None:
    whole = (traces / "small.hwt").stat().st_size
    with pytest.raises(ValueError, match=f"^file: short.hwt: truncated: {whole - 7} bytes of {whole}$"):
        workloads.load({"kind": "trace", "file": "short.hwt"}, traces / "w.yaml")


def test_workers_import_no_platform() -> None:
    code = (
        "import sys, sweep.workloads\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted({'ray', 'optuna', 'mlflow', 'pandas', 'ruamel', 'typer'} & loaded))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
