"""A plan: a sweep file with everything resolved and checked, so that no mistake in it is found later."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core import Policy, policies
from sweep import baselines
from sweep.baselines import Baseline
from sweep.cells import REFINED, Cell, canonical
from sweep.config import Sweep
from sweep.errors import ConfigError, refusal
from sweep.grid import build_cells
from sweep.history import method
from sweep.space import Space, check_ranges, dimensions
from sweep.study import Study
from sweep.sweepfile import load_sweep, load_sweeps


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
    def most_cells(self) -> int:
        """Cells that there may be once the map is refined: comparisons that a verdict is one of."""
        return len([cell for cell in self.cells if cell.kind != REFINED]) + (self.sweep.refine.cells if self.sweep.refine else 0)

    def with_cells(self, further: Sequence[Cell]) -> Plan:
        """The plan with refined cells, and its studies in them; its identity is the same, for it decides them."""
        return replace(self, cells=(*self.cells, *further), studies=(*self.studies, *_studies(self.sweep, further, self.file)))

    @property
    def extent(self) -> str:
        """How much there is to do, in words."""
        studies, simulations = len(self.studies), self.max_simulations
        refined = f" and up to {self.sweep.refine.cells} more where the verdict changes" if self.sweep.refine else ""
        return f"{len(self.cells)} cells{refined}, {studies} studies, at most {simulations} simulations"

    @property
    def max_simulations(self) -> int:
        """Simulations if no study's best trial is its defaults, none is given up and no verdict is ever decided early."""
        return sum(sum(self.simulations(study)) for study in self.studies)

    def simulations(self, study: Study) -> tuple[int, int, int]:
        """Of the search of a study, of its first confirm batch, and of later looks, which only the policies that are compared get; at most."""
        search, compare = study.search, self.sweep.compare
        is_rival = compare is not None and study.policy in (compare.challenger, compare.baseline)
        return study.n_trials * search.replicates, min(study.n_trials, 2) * search.confirm, (study.looks[-1] - search.confirm) * is_rival


def load_plan(file: Path, sets: Sequence[str] = ()) -> Plan:
    """Read, resolve and check a sweep file.

    Args:
        file: the sweep file.
        sets: "a.b=value" settings put over it.

    Raises:
        ConfigError: the first mistake, in one line.
    """
    return planned(load_sweep(file, sets), file)


def load_plans(file: Path, sets: Sequence[str] = ()) -> tuple[Plan, ...]:
    """The plan of each sweep of a file; see ``load_plan``."""
    return tuple(planned(sweep, file) for sweep in load_sweeps(file, sets))


def planned(sweep: Sweep, file: Path) -> Plan:
    """A sweep with everything resolved and checked.

    Raises:
        ConfigError: the first mistake, in one line.
    """
    try:
        check_ranges(_policies(sweep, file), sweep.search)
    except ValueError as error:
        raise ConfigError(f"{file}: {error}") from None
    published = baselines.chosen(sweep.search.baselines, file)
    cells = build_cells(sweep, file)
    studies = _studies(sweep, cells, file)
    identity: dict[str, object] = {"cells": [{"label": cell.label, "kind": cell.kind, "key": cell.key} for cell in cells]}
    if published:
        identity["baselines"] = {name: baseline.model_dump(mode="json") for name, baseline in published.items()}
    return Plan(file, sweep, cells, studies, canonical(sweep.model_dump(mode="json", exclude={"mlflow"}) | identity))


def _studies(sweep: Sweep, cells: Sequence[Cell], file: Path) -> tuple[Study, ...]:
    published = baselines.chosen(sweep.search.baselines, file)
    chosen = _policies(sweep, file)
    return tuple(_study(sweep, cell, policy, published, file) for cell in cells for policy in chosen)


def _policies(sweep: Sweep, file: Path) -> list[Policy]:
    return [_policy(name, index, file) for index, name in enumerate(sweep.policies)]


def _policy(name: str, index: int, file: Path) -> Policy:
    if name not in policies.names():
        raise refusal(file, f"policies[{index}]", name, ", ".join(policies.names()))
    return policies.load(name)


def _study(sweep: Sweep, cell: Cell, policy: Policy, published: Mapping[str, Baseline], file: Path) -> Study:
    fixed = dict(cell.params)
    dims = dimensions(policy, sweep.search, fixed)
    try:
        policy.resolve(cell.machine, fixed)
    except ValueError as error:
        raise ConfigError(f"{file}: axes: {error} (cell {cell.label}, policy {policy.name})") from None
    for end in ("low", "high"):
        try:  # some limits depend on the machine, such as half of its RAM
            policy.resolve(cell.machine, fixed | {dimension.name: getattr(dimension, end) for dimension in dims})
        except ValueError as error:
            key, _, rest = str(error).partition(":")
            raise ConfigError(f"{file}: search.{key}.{end}:{rest} (cell {cell.label})") from None
    space = Space(policy, cell.machine, dims, fixed)
    for end in ("low", "high"):  # where both corners can be settled, so can all between: the relations are monotone
        problem = space.problem(space.settled({dimension.name: getattr(dimension, end) for dimension in dims})) if dims else ""
        if problem:
            raise ConfigError(f"{file}: {problem} (cell {cell.label}, policy {policy.name})")
    enqueued = tuple(placed.params for placed in baselines.place(published, policy, cell.machine) if placed.params)
    sampler = method(sweep.search, len(dims))
    return Study(cell, policy.name, dims, sweep.search.model_copy(update={"sampler": sampler}), sweep.seed, enqueued)
