"""A plan: a sweep file with everything resolved and checked, so that no mistake in it is found later."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core import Policy, policies
from sweep.cells import Cell, canonical
from sweep.config import Sweep
from sweep.errors import ConfigError, refusal
from sweep.grid import build_cells
from sweep.space import check_ranges, dimensions
from sweep.study import Study
from sweep.sweepfile import load_sweep


@dataclass(frozen=True)
class Plan:
    """Everything that will be run.

    Attributes:
        file: the sweep file.
        sweep: as written, ``--set`` applied.
        cells: in order.
        studies: every policy in every cell, cell by cell.
        config: canonical JSON of the sweep and of each cell's identity.
    """

    file: Path
    sweep: Sweep
    cells: tuple[Cell, ...]
    studies: tuple[Study, ...]
    config: str

    @property
    def config_sha256(self) -> str:
        """Identity of the plan: equal plans give equal tables."""
        return hashlib.sha256(self.config.encode()).hexdigest()

    @property
    def extent(self) -> str:
        """How much there is to do, in words."""
        studies, simulations = len(self.studies), self.max_simulations
        return f"{len(self.cells)} cells, {studies} studies, at most {simulations} simulations"

    @property
    def max_simulations(self) -> int:
        """Simulations if no study's best trial is its defaults."""
        search = self.sweep.search
        return sum(s.n_trials * search.replicates + min(s.n_trials, 2) * search.confirm for s in self.studies)


def load_plan(file: Path, sets: Sequence[str] = ()) -> Plan:
    """Read, resolve and check a sweep file.

    Args:
        file: the sweep file.
        sets: "a.b=value" settings put over it.

    Raises:
        ConfigError: the first mistake, in one line.
    """
    sweep = load_sweep(file, sets)
    chosen = [_policy(name, index, file) for index, name in enumerate(sweep.policies)]
    try:
        check_ranges(chosen, sweep.search.params)
    except ValueError as error:
        raise ConfigError(f"{file}: search.params.{error}") from None
    cells = build_cells(sweep, file)
    studies = tuple(_study(sweep, cell, policy, file) for cell in cells for policy in chosen)
    identity = [{"label": cell.label, "kind": cell.kind, "key": cell.key} for cell in cells]
    return Plan(file, sweep, cells, studies, canonical(sweep.model_dump(mode="json", exclude={"mlflow"}) | {"cells": identity}))


def _policy(name: str, index: int, file: Path) -> Policy:
    if name not in policies.names():
        raise refusal(file, f"policies[{index}]", name, ", ".join(policies.names()))
    return policies.load(name)


def _study(sweep: Sweep, cell: Cell, policy: Policy, file: Path) -> Study:
    space = dimensions(policy, sweep.search.params)
    for end in ("low", "high"):
        try:  # some limits depend on the machine, such as half of its RAM
            policy.resolve(cell.machine, {dimension.name: getattr(dimension, end) for dimension in space})
        except ValueError as error:
            key, _, rest = str(error).partition(":")
            raise ConfigError(f"{file}: search.{key}.{end}:{rest} (cell {cell.label})") from None
    return Study(cell, policy.name, space, sweep.search, sweep.seed)
