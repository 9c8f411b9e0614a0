"""Tailored: ``highwater recommend --machine M --workloads W ...``: the sweep that such a question takes, its run, and one setting for all the workloads.

The sweep is a file like any other, written into the results directory with the machine and the workloads in it and recorded programs beside it. Its name
has a digest of all that decides it, so the same command finds what was done before and goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core import Machine, policies
from core.units import PAGES_PER_MIB
from sweep.advise import Wish, advise
from sweep.capture import Captured, checked, load_captured
from sweep.errors import ConfigError, refusal
from sweep.library import load_named, shipped, shipped_files
from sweep.places import RESULTS
from sweep.published import captured as as_captured
from sweep.recommendation import Context
from sweep.sysctl import KEYS, limits
from sweep.tracefile import TraceError, load
from sweep.yamlfile import load_mapping

if TYPE_CHECKING:
    from sweep.results import Results

SEED: Final = 2007
TRIALS: Final = 24
OOM_BOUND: Final = 0.1  # 42 streams without an OOM a setting and workload show that; ask for less with --oom-bound
TRACE_SUFFIX: Final = ".hwt"
CROWDED: Final = 1.1  # share of RAM that a recorded program and its competitor want together; estimate
UNSWAPPED: Final = 0.85  # the same without swap, where more cannot be had; estimate
RATIOS: Final = {"dirty_background_ratio": (1, 50), "dirty_ratio": (2, 80)}
SCANS: Final = ("pgscan_kswapd", "pgscan_direct")
WAITS: Final = "dirty_throttled_ns"


@dataclass(frozen=True)
class Request:
    """The command line.

    Attributes:
        machine: a captured file, a machine file, or the name of a shipped machine.
        workloads: recorded programs, workload files, or names of shipped workloads.
        trials: of the search for each workload.
        results: where; None: results/NAME.
        executor_workers: processes; None: one for each CPU.
    """

    machine: str
    workloads: tuple[str, ...]
    trials: int = TRIALS
    results: Path | None = None
    executor_workers: int | None = None


def recommend_for(request: Request, wish: Wish) -> str:
    """Run what is missing, then the text of the recommendation; see ``advise``.

    Raises:
        HighwaterError: anything a user can put right, as one line.
        Interrupted: what was done is kept.
    """
    from sweep.launch import Options, run, say
    from sweep.plan import load_plan
    from sweep.results import load_results

    wish = replace(wish, oom_bound=OOM_BOUND if wish.oom_bound is None else wish.oom_bound)
    wish.check()
    if wish.cells:
        raise ConfigError("--cell: with --machine; allowed: with a sweep that was run")
    found = load_captured(request.machine)
    machine = checked(found.machine, request.machine)
    policy = wish.policy or found.policy
    if policy not in policies.names():
        raise refusal("--policy", "", policy, ", ".join(policies.names()))
    directory, file, notes = write_sweep(request, found, machine, policy)
    say(f"{file}: {machine.ram_mib} MiB of RAM, kernel {found.kernel} as policy {policy}")
    one = request.executor_workers == 1
    run(load_plan(file), directory, Options(executor="serial" if one else "process", workers=request.executor_workers, has_map=False, has_mlflow=False))
    command = f"highwater recommend --machine {request.machine} --workloads {' '.join(request.workloads)}"
    command += f" --oom-bound {wish.bound:g} --trials {request.trials}"
    notes = (*notes, *_idle(load_results(directory)))
    present = tuple((name, value) for name, value in found.vm.items() if name in KEYS)
    context = Context(notes, present, found.version, command)
    return advise(directory, replace(wish, policy=policy, has_tryout=True, jobs=request.executor_workers, context=context, extra=as_captured(found.vm)))


def write_sweep(request: Request, found: Captured, machine: Machine, policy: str) -> tuple[Path, Path, tuple[str, ...]]:
    """Write the sweep file; its directory, the file, and what a reader must know of the workloads.

    Raises:
        ConfigError: a workload that cannot be found or used.
    """
    named = [_workload(text, machine) for text in request.workloads]
    if not named:
        raise ConfigError(f"--workloads: missing; allowed: recorded programs, workload files, or {_shipped()}")
    points: list[dict[str, Any]] = []
    for one in named:
        taken = {point["name"] for point in points}
        label = one.label if one.label not in taken else f"{one.label}-{len(points)}"
        points.append({"name": label, "workload": one.mapping})
    sweep: dict[str, Any] = {"name": machine.name, "seed": SEED, "machine": found.machine, "workload": points[0]["workload"], "policies": [policy]}
    sweep |= {"points": points, "search": _search(found, machine, policy, request.trials)}
    digest = hashlib.sha256((json.dumps(sweep, sort_keys=True) + "".join(one.digest for one in named)).encode()).hexdigest()[:8]
    sweep["name"] = f"{machine.name}-{digest}"
    directory = request.results or RESULTS / sweep["name"]
    file = directory / "sweep.yaml"
    try:
        for one in named:
            if one.trace is not None:
                (directory / "traces").mkdir(parents=True, exist_ok=True)
                shutil.copyfile(one.trace, directory / "traces" / one.mapping["file"])
        directory.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# Written by `highwater recommend --machine`.\n{json.dumps(sweep, indent=1)}\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{directory}: {error.strerror}; allowed: a directory that can be written") from None
    return directory, file, tuple(one.note for one in named if one.note)


@dataclass(frozen=True)
class Named:
    """A workload of the command line: its label and keys; of a recording the file, its digest, and what a reader must know."""

    label: str
    mapping: dict[str, Any]
    trace: Path | None = None
    digest: str = ""
    note: str = ""


def _workload(text: str, machine: Machine) -> Named:
    path = Path(text)
    if path.suffix == TRACE_SUFFIX:
        return _recorded(path, machine)
    if path.suffix in (".yaml", ".yml"):
        mapping: dict[str, Any] = dict(load_mapping(path))
        return _with_trace(_label(str(mapping.pop("name", path.stem))), mapping, path)
    if text not in {file.stem for file in shipped_files("workload")}:
        raise refusal("--workloads", "", text, f"a recorded program (NAME{TRACE_SUFFIX}), a workload file (NAME.yaml), or {_shipped()}")
    mapping, file = load_named("workload", text, Path("sweep.yaml"))
    mapping.pop("name", None)
    return _with_trace(text, mapping, file)


def _with_trace(label: str, mapping: dict[str, Any], source: Path) -> Named:
    """A workload of a file; the trace that it names goes with it, unless it came with Highwater."""
    if mapping.get("kind") != "trace":
        return Named(label, mapping)
    from sweep.workloads.trace import find_trace

    try:
        trace = find_trace(str(mapping.get("file", "")), source)
    except TraceError as error:
        raise ConfigError(f"{source}: {error}") from None
    if trace.is_relative_to(shipped().resolve()):
        return Named(label, mapping)
    return Named(label, mapping | {"file": trace.name}, trace, hashlib.sha256(trace.read_bytes()).hexdigest())


def _recorded(path: Path, machine: Machine) -> Named:
    """A recorded program, beside a competitor for memory, without which nothing would ever be reclaimed."""
    try:
        raw = path.read_bytes()
        trace, digest = load(raw), hashlib.sha256(raw).hexdigest()
    except OSError as error:
        raise ConfigError(f"--workloads: {path}: {error.strerror}; allowed: a recorded program, as `highwater record` writes it") from None
    except TraceError as error:
        raise ConfigError(f"--workloads: {path}: {error}") from None
    own = -(-trace.n_pages // PAGES_PER_MIB)
    kernel = (machine.kernel_pages + machine.slab_pages) // PAGES_PER_MIB
    crowd = max(0, round(machine.ram_mib * (CROWDED if machine.swap_mib * 4 >= machine.ram_mib else UNSWAPPED)) - kernel - own)
    mapping: dict[str, Any] = {"kind": "trace", "file": path.name, "competitor_mib": crowd, "duration_s": 10}
    note = (
        f"{path.name} ({own} MiB) was replayed beside a task that writes {crowd} MiB again and again; alone it would not fill RAM (estimate)" if crowd else ""
    )
    return Named(_label(path.stem), mapping, path, digest, note)


def _label(stem: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in stem).strip("._-")[:60] or "workload"


def _shipped() -> str:
    return f"a shipped workload: {', '.join(file.stem for file in shipped_files('workload'))}"


def _search(found: Captured, machine: Machine, policy: str, trials: int) -> dict[str, Any]:
    """The budget, and every sysctl that the kernel has, in a range around its default."""
    loaded = policies.load(policy)
    default = loaded.resolve(machine, {})
    ram_kib = machine.ram_mib << 10
    params: dict[str, Any] = {"min_free_kbytes": {"low": max(256, default["min_free_kbytes"] // 4), "high": ram_kib // 4, "log": True}}
    for name, (low, high) in RATIOS.items():
        params[name] = {"low": low, "high": high}
    params["swappiness"] = {"low": 0, "high": limits("swappiness", loaded.era, ram_kib, found.version)[1]}
    if "watermark_scale_factor" in default and found.version >= KEYS["watermark_scale_factor"].since:
        params["watermark_scale_factor"] = {"low": 5, "high": min(1000, limits("watermark_scale_factor", loaded.era, ram_kib, found.version)[1]), "log": True}
    search: dict[str, Any] = {"sampler": "auto", "trials": trials, "batch": min(8, trials), "replicates": 3, "confirm": 1}
    return search | {"racing": {"oom_rate": 0.2, "slower": 0.1}, "params": params}


def _idle(results: Results) -> Sequence[str]:
    """The workloads under which nothing is reclaimed with the defaults, in words."""
    rows = results.replicates[results.replicates["trial"] == 0]
    scans = [name for name in SCANS if name in rows]
    idle = rows[scans].sum(axis=1).groupby(rows["cell"]).max() if scans else None
    if idle is None:
        return ()
    labels = results.cells["label"].to_dict()
    return [f"under {labels[cell]} nothing was ever reclaimed: no setting of the watermarks or of swappiness can matter" for cell in idle.index[idle == 0]]
