"""What ``highwater lab run`` does: one point in the guest and in the simulator, printed side by side."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import prefix
from lab.cache import LabError
from lab.emulator import find as find_emulator
from lab.kernel import find
from lab.point import CLASSIC, Point, run_guest, run_simulator, single
from lab.report import Run
from sweep import warm
from sweep.errors import ConfigError, refusal
from sweep.yamlfile import load_text


@dataclass(frozen=True)
class Options:
    """The command line of ``highwater lab run``; see its help."""

    sets: tuple[str, ...] = ()
    policy: str = CLASSIC
    seed: int = 1
    kernel: Path | None = None
    modules: Path | None = None
    series: Path | None = None
    qemu: Path | None = None


def run(machine: str, workload: str, options: Options) -> Iterator[str]:
    """Run a point on both sides; the lines to print.

    Raises:
        HighwaterError: something is missing or wrong, as one line.
    """
    point = parse(machine, workload, options)
    point.check()
    if options.series is not None and not options.series.parent.is_dir():
        raise ConfigError(f"--series: {options.series}; allowed: a file in a directory that exists")
    emulator = find_emulator(options.qemu)
    emulator.check(point.machine.cpus)
    if not warm.is_compiled(point.policy):
        yield "simulator: being compiled meanwhile, once for this version"
    with warm.warming(point.policy):
        kernel = find(options.kernel, options.modules)
        yield f"kernel: {kernel.version}; QEMU {emulator.version}"
        guest = run_guest(point, kernel, emulator)
    if options.series is not None:
        write_series(guest, options.series)
    yield f"guest: {guest.ending.how} after {guest.ending.report['elapsed_ns'] / 1e9:.3f} s, {guest.ending.host_s:.1f} s here; {consumed(point, guest)}"
    yield f"some task waited for memory for {guest.psi_us / 1e6:.3f} s; touches over 512 ns: p50 {guest.latency_ns(50)} ns, p99 {guest.latency_ns(99)} ns"
    simulated = run_simulator(point, guest.start_free).asdict()
    yield f"{'':32}{'kernel':>16}{'simulator':>16}{'ratio':>9}"
    for name, value in guest.metrics.items():
        other = simulated.get(name, 0)  # the simulator skips no zone
        if value or other:
            ratio = f"{other / value:.2f}" if value > 0 else ""
            yield f"{name:32}{value:>16}{other:>16}{ratio:>9}"


def parse(machine: str, workload: str, options: Options) -> Point:
    """The point of a command line.

    Raises:
        ConfigError: a machine, workload or setting that is not one.
    """
    params: dict[str, int] = {}
    keys: dict[str, bool | int | float | str] = {}
    for text in options.sets:
        key, equals, raw = text.partition("=")
        value = load_text(raw, f"--set {key}") if equals else None
        root, _, name = key.partition(".")
        if root == "vm" and name and isinstance(value, int) and not isinstance(value, bool):
            params[name] = value
        elif root in ("machine", "workload") and name and isinstance(value, bool | int | float | str):
            keys[key] = value
        else:
            raise refusal("--set", "", text, "vm.SYSCTL=NUMBER, machine.KEY=VALUE or workload.KEY=VALUE")
    point = single(machine, workload, options.policy, params, keys, options.seed)
    try:
        _ = point.values
    except ValueError as error:
        raise ConfigError(f"--set vm.{str(error).removeprefix('params.')}") from None
    return point


def consumed(point: Point, guest: Run) -> str:
    """In words, how many operations the guest did and that they are the simulator's.

    Raises:
        LabError: they are not.
    """
    checked = 0
    for number, task in enumerate(guest.tasks):
        ops = point.streams.ops[point.streams.task_first[number] : point.streams.task_last[number]]
        if task.checked and prefix.rolling_hash(*prefix.first(ops, task.checked)) != task.hash:
            raise LabError(f"lab: task {number} did not do the first {task.checked} operations of its stream: a defect of the guest's program")
        checked += task.checked
    return f"{sum(task.ops for task in guest.tasks)} operations, {checked} of them checked against the streams"


def write_series(guest: Run, path: Path) -> None:
    """All samples of /proc/vmstat and the free pages and marks of zones, one row a sample."""
    rows: Sequence[dict[str, int]] = [{"ns": sample.ns, "ops": sample.ops, "psi_memory_us": sample.pressure_us, **sample.vmstat} for sample in guest.samples]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
