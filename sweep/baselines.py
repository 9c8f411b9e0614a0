"""Baselines: settings that operators and vendors publish, as trials beside the kernel's defaults.

They are data, in configs/baselines/*.yaml and in a directory ``baselines`` beside the sweep file: what is set, by whom, where it is written.
A policy takes of a baseline what it has as a tunable. For one without limits in bytes (2.6.23) they become the ratio that comes nearest: bytes as a
share of all RAM, rounded; the kernel's own base, dirtyable memory, moves with the load, so that is an estimate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, ValidationError

from sweep.config import Model
from sweep.errors import ConfigError, refusal
from sweep.explain import explain
from sweep.library import shipped
from sweep.yamlfile import load_mapping

if TYPE_CHECKING:
    from core import Machine, Policy

ALL: Final = "all"
FOLDER: Final = "baselines"
BYTES: Final = {"dirty_bytes": "dirty_ratio", "dirty_background_bytes": "dirty_background_ratio"}
PERCENT: Final = "min_free_percent"


class Baseline(Model):
    """One published setting.

    Attributes:
        source: where it is written.
        role: for which machines.
        ram_mib: least RAM it is meant for.
        values: by sysctl; min_free_percent is min_free_kbytes as a share of RAM.
    """

    source: str
    role: str
    ram_mib: Annotated[int, Field(ge=1)] = 1
    values: Annotated[dict[str, int | float], Field(min_length=1)]


@dataclass(frozen=True)
class Placed:
    """A baseline on a machine, for a policy.

    Attributes:
        name: of the baseline.
        params: what the policy takes of it; empty: see why_not.
        why_not: why it is not run.
    """

    name: str
    params: tuple[tuple[str, int], ...]
    why_not: str = ""


def load_baselines(beside: Path) -> dict[str, Baseline]:
    """All baselines by name: those that came with Highwater, and over them those beside the sweep file.

    Raises:
        ConfigError: a file holds anything else.
    """
    found: dict[str, Baseline] = {}
    for folder in (shipped() / FOLDER, beside.parent / FOLDER):
        for path in sorted(folder.glob("*.yaml")):
            for name, raw in load_mapping(path).items():
                try:
                    found[name] = Baseline.model_validate_json(json.dumps(raw))
                except ValidationError as error:
                    raise ConfigError(f"{path}: {name}{explain(error, '', Baseline)}") from None
    return found


def chosen(names: Sequence[str], beside: Path) -> dict[str, Baseline]:
    """The baselines that a sweep file names.

    Raises:
        ConfigError: one of them does not exist.
    """
    if not names:
        return {}
    known = load_baselines(beside)
    if ALL in names:
        return known
    for index, name in enumerate(names):
        if name not in known:
            raise refusal(beside, f"search.baselines[{index}]", name, f"{ALL}, {', '.join(sorted(known))}")
    return {name: known[name] for name in names}


def place(baselines: Mapping[str, Baseline], policy: Policy, machine: Machine) -> tuple[Placed, ...]:
    """Each baseline for one policy on one machine, in order; those that change nothing there, or come twice, say so."""
    defaults = policy.resolve(machine, {})
    seen = {tuple(defaults.items()): "the kernel's defaults"}
    found = []
    for name, baseline in baselines.items():
        params = {key: value for key, value in _converted(baseline, policy, machine).items() if key in defaults}
        why_not = "" if machine.ram_mib >= baseline.ram_mib else f"is for {baseline.ram_mib} MiB of RAM and more"
        if not why_not:
            try:
                resolved = tuple(policy.resolve(machine, params).items())
                why_not = f"is the same as {seen[resolved]}" if resolved in seen else ""
                seen.setdefault(resolved, name)
            except ValueError as error:
                why_not = str(error).removeprefix("params.")
        found.append(Placed(name, () if why_not else tuple(params.items()), why_not))
    return tuple(found)


def _converted(baseline: Baseline, policy: Policy, machine: Machine) -> dict[str, int]:
    bounds = {tunable.name: (tunable.low, tunable.high) for tunable in policy.tunables}
    found: dict[str, int] = {}
    for name, value in baseline.values.items():
        if name == PERCENT:
            found["min_free_kbytes"] = round(machine.ram_mib * 1024 * value / 100)
        elif name in BYTES and name not in bounds:
            low, high = bounds[BYTES[name]]
            found[BYTES[name]] = min(max(round(100 * value / (machine.ram_mib << 20)), low), high)
        else:
            found[name] = int(value)
    return found
