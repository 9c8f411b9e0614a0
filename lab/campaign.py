"""A campaign: a file of points, run one after the other in the guest, resumable; its results are data in the repository."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from lab.cache import LabError
from lab.emulator import Emulator
from lab.emulator import find as find_emulator
from lab.image import build
from lab.kernel import Kernel
from lab.point import CLASSIC, Point, run_guest
from lab.results import Row, load, save
from sweep.config import NAME, DottedPath, Model, Named, Scalar, unique
from sweep.errors import ConfigError
from sweep.grid import CellBuilder
from sweep.sweepfile import load_config

HERE: Final = Path(__file__).resolve().parent
CAMPAIGNS: Final = HERE / "campaigns"
RESULTS: Final = HERE / "results"
SEED: Final = 1


class Setting(Model):
    """One point of a family, as it differs from the others.

    Attributes:
        set: values of the machine and the workload, by dotted path.
        params: sysctls.
        policy: which lists the guest's kernel uses; default: the family's.
        seed: of the streams.
    """

    set: dict[DottedPath, Scalar] = Field(default_factory=dict)
    params: dict[str, int] = Field(default_factory=dict)
    policy: Literal["linux_5_16", "mglru"] | None = None
    seed: Annotated[int, Field(ge=0)] = SEED


class Family(Model):
    """Points of one workload, which are ranked against each other.

    Attributes:
        name: of the workload.
        workload: its name, or its keys.
        set, params, policy: of all its points.
        points: the settings.
    """

    name: Annotated[str, Field(pattern=NAME)]
    workload: Named
    set: dict[DottedPath, Scalar] = Field(default_factory=dict)
    params: dict[str, int] = Field(default_factory=dict)
    policy: Literal["linux_5_16", "mglru"] = CLASSIC
    points: Annotated[tuple[Setting, ...], Field(min_length=1, max_length=100)]


class Campaign(Model):
    """One campaign file.

    Attributes:
        name: results go to lab/results/<name>.csv.
        title: heads its section of docs/fidelity.md; none: it is the page's subject.
        kind: calibration (CPU costs may be fitted to it) or validation (nothing ever is).
        machine: of all points; its devices and sizes, never its CPU costs, reach the guest.
        params: sysctls of all points, unless a family or a point says otherwise.
        families: the points, by workload.
    """

    name: Annotated[str, Field(pattern=NAME)]
    title: Annotated[str, Field(max_length=80)] = ""
    kind: Literal["calibration", "validation"]
    machine: Named
    params: dict[str, int] = Field(default_factory=dict)
    families: Annotated[tuple[Family, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct(self) -> Campaign:
        unique("families", [family.name for family in self.families])
        return self


def campaign_file(name: str) -> Path:
    """The file of a campaign, from its path or its name.

    Raises:
        ConfigError: no such campaign.
    """
    path = Path(name) if Path(name).is_file() else CAMPAIGNS / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in CAMPAIGNS.glob("*.yaml")))
        raise ConfigError(f"{name}: no such campaign; allowed: a file, or {known}")
    return path


def load_campaign(path: Path) -> Campaign:
    """Read and validate a campaign file.

    Raises:
        ConfigError: the first mistake, in one line.
    """
    return load_config(Campaign, path)


def points(campaign: Campaign, path: Path) -> Iterator[Point]:
    """All points of a campaign in order, each named after its family and its place there."""
    builder = CellBuilder(path)
    for family in campaign.families:
        for number, setting in enumerate(family.points):
            sets: Mapping[str, Scalar] = {**family.set, **setting.set}
            name = f"{family.name}-{number:02}"
            cell = builder.cell(number, name, "point", (), campaign.machine, family.workload, sets)
            yield Point(name, cell, setting.policy or family.policy, {**campaign.params, **family.params, **setting.params}, setting.seed)


def results_of(campaign: Campaign, folder: Path = RESULTS) -> Path:
    """The table of a campaign."""
    return folder / f"{campaign.name}.csv"


def run_campaign(path: Path, kernel: Kernel, limit_s: float | None, folder: Path = RESULTS, emulator: Emulator | None = None) -> Iterator[str]:
    """Run what is not yet in the results; a line of progress for each point.

    Args:
        path: the campaign file.
        kernel: of the guest.
        limit_s: no point is begun after so long; None: all are run.
        folder: where the results are.
        emulator: None: the QEMU on the path.

    Raises:
        HighwaterError: a point that cannot be run. What was measured before is kept.
    """
    campaign = load_campaign(path)
    todo = list(points(campaign, path))
    for point in todo:
        point.check()
    image = build(kernel).stem.removeprefix("image-")
    table = results_of(campaign, folder)
    rows = load(table)
    # A row stays as long as its point is written as it was; another kernel or guest program means another campaign.
    kept = {point.name: rows[point.name] for point in todo if point.name in rows and rows[point.name].config == point.config_hash}
    # The first of each family, then the second ones: a part of a campaign is spread as the whole is.
    emulator = emulator or find_emulator()
    missing = sorted((point for point in todo if point.name not in kept), key=lambda point: point.name.rpartition("-")[2])
    for point in missing:
        emulator.check(point.machine.cpus)
    yield f"{campaign.name}: {len(todo)} points, {len(missing)} to run, kernel {kernel.release}, QEMU {emulator.version}"
    began = time.monotonic()
    for done, point in enumerate(missing, 1):
        if limit_s is not None and time.monotonic() - began > limit_s:
            yield f"{campaign.name}: time is up, {len(missing) - done + 1} points left; the same command goes on"
            return
        run = run_guest(point, kernel, emulator)
        row = Row.of(point, run, kernel, image, campaign.name, emulator.version)
        kept[point.name] = row
        save(table, [kept[each.name] for each in todo if each.name in kept])
        left = (time.monotonic() - began) / done * (len(missing) - done)
        yield f"{done}/{len(missing)} {point.name}: {row.end}, {row.metrics['ops_done']} operations, {row.host_s:.0f} s, ETA {left / 60:.0f} min"


def repeat(path: Path, kernel: Kernel, count: int, limit_s: float | None, folder: Path = RESULTS, emulator: Emulator | None = None) -> Iterator[str]:
    """Run ``count`` points of a campaign again, spread evenly over it, and say how far they are from the results."""
    campaign = load_campaign(path)
    rows = load(results_of(campaign, folder))
    known = [point for point in points(campaign, path) if point.name in rows and rows[point.name].config == point.config_hash]
    if not known:
        raise LabError(f"lab: {campaign.name}: no results; run the campaign first")
    began = time.monotonic()
    worst = 0.0
    for number in range(min(count, len(known))):
        if limit_s is not None and time.monotonic() - began > limit_s:
            yield "time is up"
            break
        point = known[number * len(known) // min(count, len(known))]
        before, run = rows[point.name], run_guest(point, kernel, emulator)
        ops, base = run.metrics["ops_done"], before.metrics["ops_done"]
        killed, killed_before = run.metrics["oom_kills"] > 0, before.metrics["oom_kills"] > 0
        off = abs(ops - base) / max(base, 1)
        worst = max(worst, off)
        yield f"{point.name}: {ops} operations, before {base} ({100 * off:.3f} %); killed: {killed}, before {killed_before}"
    yield f"largest difference {100 * worst:.3f} %"
