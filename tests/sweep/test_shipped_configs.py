"""Every machine, workload and trace that is shipped loads, compiles, and is what its documentation says."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from core import Machine, Streams
from core.arrivals import BURST, PACKETS, SERVER_DOWN, SERVER_UP, SLAB_BURST
from core.operations import FILE_WRITE, READ, WRITE
from core.region import ANON, END, EXEC, MAPPED
from core.units import SECOND
from sweep import workloads
from sweep.fields import build
from sweep.tracefile import read_trace
from sweep.yamlfile import load_mapping
from tests.sweep.words import pages, touched

ROOT: Final = Path(__file__).parents[2]
CONFIGS: Final = ROOT / "configs"
MACHINES: Final = sorted((CONFIGS / "machines").glob("*.yaml"))
WORKLOADS: Final = sorted((CONFIGS / "workloads").glob("*.yaml"))
DOCUMENT: Final = (ROOT / "docs" / "workloads.md").read_text()
PAIRS: Final = dict(re.findall(r"^\| [^|`]+ \| `([a-z0-9-]+)` \| `([a-z0-9-]+)` \|", DOCUMENT, re.MULTILINE))


def machine_of(name: str) -> Machine:
    return build(Machine, load_mapping(CONFIGS / "machines" / f"{name}.yaml"))


def streams_of(name: str, seed: int = 2007) -> Streams:
    path = CONFIGS / "workloads" / f"{name}.yaml"
    return workloads.compile_streams(workloads.load(load_mapping(path), path), machine_of(PAIRS[name]), seed)


def memory_of(streams: Streams, task: int) -> tuple[int, int, set[int]]:
    """How many pages a task touches, text left out, how many of those touches there are, and their codes."""
    codes, where = touched(streams, task)
    mine = streams.page_attr[where] & EXEC == 0
    return len(np.unique(where[mine])), int(mine.sum()), set(codes[mine].tolist())


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.stem)
def test_a_machine_loads_and_has_room_for_its_kernel(path: Path) -> None:
    machine = machine_of(path.stem)
    assert machine.name == path.stem
    assert machine.kernel_pages < machine.ram_pages // 4
    assert "estimate" in path.read_text(), "values without a source say so"
    assert f"| `{path.stem}` |" in DOCUMENT


@pytest.mark.parametrize("path", WORKLOADS, ids=lambda path: path.stem)
def test_a_workload_compiles_on_the_machine_that_the_documentation_names(path: Path) -> None:
    streams = streams_of(path.stem)
    machine = machine_of(PAIRS[path.stem])
    assert streams.n_pages > machine.ram_pages // 4, "a load that fits easily decides nothing"
    assert streams.ops.nbytes < 16 << 20
    named = re.search(r"Machine: ([a-z0-9-]+)", path.read_text())
    assert named is None or named.group(1) == PAIRS[path.stem]


@pytest.mark.parametrize("path", WORKLOADS, ids=lambda path: path.stem)
def test_a_workload_compiles_in_larger_pages(path: Path) -> None:
    machine = replace(machine_of(PAIRS[path.stem]), page_scale=64)
    large = workloads.compile_streams(workloads.load(load_mapping(path), path), machine, 2007)
    plain = streams_of(path.stem)
    assert large.page_scale == 64
    # Each region is rounded to whole pages of its own.
    assert abs(large.n_pages * 64 - plain.n_pages) <= 64 * 2 * int((plain.page_attr & END != 0).sum())
    assert large.n_tasks == plain.n_tasks


def test_the_documentation_names_no_file_that_is_not_there() -> None:
    assert set(PAIRS) == {path.stem for path in WORKLOADS}
    listed = re.findall(r"^\| `([a-z0-9-]+)` \| [^|]+\| [^|]+\|$", DOCUMENT.partition("## Machines")[2], re.MULTILINE)
    assert sorted(listed) == sorted(path.stem for path in MACHINES)


@pytest.mark.parametrize("name", ["pc-2007-128m-bad1", "pc-2007-128m-bad2", "pc-2007-128m-bad4"])
def test_a_bad_device_is_the_pc_of_2007_but_for_what_its_writes_take(name: str) -> None:
    bad, plain = (load_mapping(CONFIGS / "machines" / f"{file}.yaml") for file in (name, "pc-2007-128m"))
    assert bad["swap"].pop("w_alloc_milli") == int(name[-1]) * 1000
    del plain["swap"]["w_alloc_milli"], plain["swap"]["name"], bad["swap"]["name"], plain["name"], bad["name"]
    assert bad == plain


@pytest.mark.parametrize(
    ("name", "device", "requests_s"),
    [
        ("pc-2007-128m", "file", 100),
        ("server-2007-1g-raid0", "file", 400),
        ("desktop-1g-usb", "file", 50),
        ("vm-512m-ssd", "file", 50_000),
        ("server-1g-nvme", "file", 300_000),
        ("nbd-2g-2012", "swap", 10_000),
    ],
)
def test_a_device_serves_as_many_random_requests_as_its_class(name: str, device: str, requests_s: int) -> None:
    disk = getattr(machine_of(name), device)
    assert SECOND / (disk.seek_ns + 4096 * 1000 / disk.read_mb_s) == pytest.approx(requests_s, rel=0.02)


def test_stutterp_has_the_workers_and_sizes_of_its_script() -> None:
    ram = 512 * 256
    for name, hogs in (("stutterp", 4), ("stutterp-reader", 3)):
        streams = streams_of(name)
        seen = [memory_of(streams, task) for task in range(streams.n_tasks)]
        assert seen[0] == (32_768, 32_768, {WRITE})
        assert [codes for _, _, codes in seen[1:4]] == [{FILE_WRITE}] * 3
        assert sum(size for size, _, _ in seen[1:4]) == round(0.24 * ram)
        assert [codes for _, _, codes in seen[-hogs:]] == [{WRITE}] * hogs
        assert sum(size for size, _, _ in seen[-hogs:]) == round(0.96 * ram)
        assert streams.n_tasks == 8


def test_gorman_s_readers_are_eight_a_cpu_on_four_times_the_ram() -> None:
    streams, machine = streams_of("swap-over-nbd"), machine_of("nbd-2g-2012")
    assert streams.n_tasks == 8 * machine.cpus
    assert pages(streams, ANON, ANON) == 4 * machine.ram_pages
    assert machine.swap_mib > 4 * machine.ram_mib
    codes, where = touched(streams, 5)
    mine = streams.page_attr[where] & ANON != 0
    half = int(mine.sum()) // 2
    assert (codes[mine][:half] == WRITE).all()
    assert (codes[mine][half:] == READ).all()
    assert (np.diff(where[mine][half:]) == 1).all()


@pytest.mark.parametrize(
    ("name", "tasks", "anon", "file"),
    [
        ("dd-100", 100, 0, 8000 / 3072),
        ("dd-50-rsync", 52, 0, 9000 / 3072),
        ("usemem", 8, 0.9, 0),
        ("fio-randwrite", 4, 0, 0.8),
        ("fio-heavywrite", 5, 0, 0.8 + 100 / 512),
        ("w6-mpi", 4, 0.95, 0),
        ("w8-streaming-writers", 5, 0.25, 4),
        ("swap-w-seq", 8, 1.5, 0),
        ("lru-file-readonce", 2, 0, 10),
    ],
)
def test_sizes_are_the_documented_shares_of_ram(name: str, tasks: int, anon: float, file: float) -> None:
    streams, ram = streams_of(name), machine_of(PAIRS[name]).ram_pages
    assert streams.n_tasks == tasks
    assert pages(streams, ANON, ANON) == pytest.approx(anon * ram, abs=2)
    assert pages(streams, MAPPED, 0) == pytest.approx(file * ram, abs=2)


@pytest.mark.parametrize(("name", "kind", "amount", "times"), [("w2-slab-burst", SLAB_BURST, 3000, 4), ("w3-atomic-burst", BURST, 3000, 12)])
def test_the_bursts_of_lameter_s_tests_are_3000_pages(name: str, kind: int, amount: int, times: int) -> None:
    rows = streams_of(name).arrivals
    assert rows[:, 1].tolist() == [kind] * times
    assert rows[:, 2].tolist() == [amount] * times


def test_the_server_goes_and_comes_and_the_flood_outlasts_it() -> None:
    rows = streams_of("w4-server-down").arrivals
    down, up, flood = (rows[rows[:, 1] == kind] for kind in (SERVER_DOWN, SERVER_UP, PACKETS))
    assert down[:, 0].tolist() == [20 * SECOND] * 2
    assert up[:, 0].tolist() == [30 * SECOND] * 2
    assert flood[:, 2].sum() == pytest.approx(40 * 81_000, rel=0.05)
    assert flood[-1, 0] > 59 * SECOND


def test_the_shipped_trace_is_small_and_its_readme_tells_the_truth() -> None:
    path = CONFIGS / "traces" / "sqlite.hwt"
    trace = read_trace(path)
    assert path.stat().st_size < 3 << 20
    assert trace.touches() > 200_000
    readme = (CONFIGS / "traces" / "README.md").read_text()
    told = {int(number.replace(" ", "")) for number in re.findall(r"\d[\d ]*\d|\d", readme)}
    facts = {trace.n_ops, trace.n_pages, trace.touches(), trace.header.references, trace.header.instructions}
    facts |= {trace.pages_of(kind) for kind in ("anon", "text", "file")} | {trace.header.filter_pages}
    assert facts <= told, facts - told
    assert trace.header.program in readme
