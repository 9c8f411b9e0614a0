"""Every machine, workload and trace that is shipped loads, compiles, and is what its documentation says."""

import re
from pathlib import Path

import pytest

from core import Machine
from sweep import workloads
from sweep.fields import build
from sweep.tracefile import read_trace
from sweep.yamlfile import load_mapping

CONFIGS = Path(__file__).parents[2] / "configs"
MACHINES = sorted((CONFIGS / "machines").glob("*.yaml"))
WORKLOADS = sorted((CONFIGS / "workloads").glob("*.yaml"))


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.stem)
def test_a_machine_loads_and_has_room_for_its_kernel(path: Path) -> None:
    machine = build(Machine, load_mapping(path))
    assert machine.name == path.stem
    assert machine.kernel_pages < machine.ram_pages // 4
    assert "estimate" in path.read_text(), "values without a source say so"


@pytest.mark.parametrize("path", WORKLOADS, ids=lambda path: path.stem)
def test_a_workload_loads_and_compiles(path: Path) -> None:
    machine = build(Machine, load_mapping(CONFIGS / "machines" / "pc-2007-128m.yaml"))
    workload = workloads.load(load_mapping(path), path)
    streams = workloads.compile_streams(workload, machine, 2007)
    assert streams.n_pages > 8_000, "a load that fits into the smallest machine decides nothing"
    assert streams.ops.nbytes < 16 << 20


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
