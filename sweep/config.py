"""The models of a sweep file. They check types and shapes; names and ranges are checked by those who know them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
COLUMN: Final = r"^[a-z][a-z0-9_]{0,49}$"
PATH: Final = r"^(machine|workload)(\.[a-z][a-z0-9_]*)*$"
AXIS_PATH: Final = r"^((machine|workload)(\.[a-z][a-z0-9_]*)*|params\.[a-z][a-z0-9_]*)$"
PARAMS: Final = "params."
CMAES_BATCH: Final = 4
CMAES_TRIALS: Final = 2000  # each batch replays all those before it
RESERVED: Final = frozenset({"cell", "label", "kind", "machine", "workload", "policy", "trial"})

Scalar = bool | int | float | str
DottedPath = Annotated[str, Field(pattern=PATH)]  # a dotted path into the machine or the workload
AxisPath = Annotated[str, Field(pattern=AXIS_PATH)]  # the same, or a tunable
Objective = Literal["oom_rate", "throughput", "stall_p99_ns", "idle_kbytes"]
Named = str | dict[str, Any]  # the name of a file in configs/, or the same keys written inline


def are_numbers(values: Sequence[object]) -> bool:
    """Whether all values of an axis are numbers."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def unique(key: str, names: Sequence[Scalar]) -> None:
    """Refuse a name that appears twice under ``key``."""
    twice = [name for name, count in Counter(map(repr, names)).items() if count > 1]
    if twice:
        raise ValueError(f"{key}: {twice[0]} appears twice; allowed: each once")


class Model(BaseModel):
    """Base of all configuration models: immutable, no unknown key, no silent conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Range(Model):
    """Integers from ``low`` to ``high``, both included; searched on a logarithmic scale where ``log``."""

    low: int
    high: int
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.low > self.high:
            raise ValueError(f"low {self.low} above high {self.high}; allowed: low <= high")
        if self.log and self.low < 1:
            raise ValueError(f"low {self.low} with log: true; allowed: low >= 1 on a logarithmic scale")
        return self


class Axis(Model):
    """One axis of the grid: each of ``values`` is put at the dotted path ``set`` of the machine or the workload.

    With ``params.NAME`` it is a tunable, which then no policy searches; every policy of the sweep must have it.
    ``also`` are further paths that get the same value, as the speed of both devices of a machine.
    """

    name: Annotated[str, Field(pattern=COLUMN)]
    set: AxisPath
    also: tuple[AxisPath, ...] = ()
    values: Annotated[tuple[Scalar, ...], Field(min_length=1, max_length=1000)]

    @property
    def paths(self) -> tuple[str, ...]:
        """Everything that it sets."""
        return self.set, *self.also

    @model_validator(mode="after")
    def _whole(self) -> Axis:
        if any(path.startswith(PARAMS) for path in self.paths):
            for value in self.values:
                if not isinstance(value, int) or isinstance(value, bool):
                    raise ValueError(f"values: {value}; allowed: whole numbers, for {self.set} is a tunable")
        return self


class Point(Model):
    """A named cell beside the grid."""

    name: Annotated[str, Field(pattern=NAME)]
    machine: Named | None = None
    workload: Named | None = None
    set: dict[DottedPath, Scalar] = {}


class Compare(Model):
    """Which two policies the map compares; "win" is a win of the challenger."""

    challenger: str
    baseline: str


class Racing(Model):
    """When a params vector is given up before all its search replicates are run (racing.py).

    Attributes:
        oom_rate: given up once its OOM rate is above this, beyond chance.
        slower: given up once it is slower than the best so far by more than this share, beyond chance; null: never.
    """

    oom_rate: Annotated[float, Field(gt=0, lt=1)] = 0.2
    slower: Annotated[float, Field(ge=0, lt=1)] | None = None


class Search(Model):
    """The budget and the method of each study.

    Attributes:
        sampler: of Optuna, its fit shared by a batch; qmc is a scrambled Sobol sequence; auto: by the budget (history.method).
        trials: params vectors per study; the first one is the kernel's defaults, then come the baselines.
        batch: trials asked at once; part of the result, so never derived from the number of workers.
        replicates: simulations per trial during the search.
        confirm: fresh simulations of the best trial and of the defaults after the search.
        confirm_max: fresh simulations of the best at most, where the verdict is undecided; null: no more than ``confirm``.
        objectives: what the search optimises; the best trial is the best in the first one, among equals in the second, and so on.
        constraints: largest value that is accepted (throughput: least); a trial that breaks one is never preferred to one that keeps all.
        history: trials that a sampler looks at: the best and the latest ones.
        baselines: published settings that are run beside the kernel's defaults, names of files in configs/baselines.
        racing: when a params vector is given up early; null: never.
        params: which tunables are searched, and in which range.
        eras: other ranges for policies of an era, as {"2.6.23": {swappiness: {low: 0, high: 100}}}.
    """

    sampler: Literal["auto", "tpe", "qmc", "random", "nsga2", "cmaes"] = "tpe"
    trials: Annotated[int, Field(ge=1, le=100_000)] = 16
    batch: Annotated[int, Field(ge=1, le=1_000)] = 8
    replicates: Annotated[int, Field(ge=1, le=10_000)] = 4
    confirm: Annotated[int, Field(ge=1, le=10_000)] = 8
    confirm_max: Annotated[int, Field(ge=1, le=10_000)] | None = None
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1)] = ("oom_rate", "throughput")
    constraints: dict[Objective, float] = {}
    history: Annotated[int, Field(ge=16, le=10_000)] = 128
    baselines: tuple[str, ...] = ()
    racing: Racing | None = None
    params: dict[str, Range] = {}
    eras: dict[str, dict[str, Range]] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Search:
        unique("objectives", self.objectives)
        unique("baselines", self.baselines)
        if self.confirm_max is not None and self.confirm_max < self.confirm:
            raise ValueError(f"confirm_max: {self.confirm_max}; allowed: >= confirm = {self.confirm}")
        if self.sampler == "cmaes" and len(self.objectives) > 1:
            raise ValueError(f"sampler: cmaes with {len(self.objectives)} objectives; allowed: one, with constraints for the others")
        if self.sampler == "cmaes" and self.batch < CMAES_BATCH:
            raise ValueError(f"sampler: cmaes with batches of {self.batch}; allowed: batch >= {CMAES_BATCH}, which is a generation")
        if self.sampler == "cmaes" and self.trials > CMAES_TRIALS:
            raise ValueError(f"sampler: cmaes with {self.trials} trials; allowed: at most {CMAES_TRIALS}")
        return self


class Mlflow(Model):
    """What MLflow shows of a sweep; the store and the tables always have everything, and no result depends on this.

    Attributes:
        trial_runs: which trials get a run of their own: all; pareto: of each study the defaults, the best, those that no other beats in both
            OOM rate and throughput, and the ``top_k`` best; none: studies alone; auto: all in sweeps of up to 2000 trials, else pareto.
        top_k: see there.
    """

    trial_runs: Literal["auto", "all", "pareto", "none"] = "auto"
    top_k: Annotated[int, Field(ge=0, le=1000)] = 10


class Refine(Model):
    """Cells that the sweep places itself, between those of its grid, where the verdict changes.

    Attributes:
        cells: at most so many beside the grid.
        batch: placed at once; part of the result, so never derived from the number of workers.
        finest: gaps that are not longer are left, in steps of the grid.
        at: whose verdicts are refined, each at its tuned best or each at kernel defaults.
    """

    cells: Annotated[int, Field(ge=1, le=10_000)]
    batch: Annotated[int, Field(ge=1, le=1_000)] = 8
    finest: Annotated[float, Field(gt=0, le=1)] = 0.125
    at: Literal["tuned", "default"] = "tuned"


class Sweep(Model):
    """One sweep file as written, names not yet resolved.

    Attributes:
        name: of the sweep; results go to results/<name>.
        seed: every random choice follows from it.
        machine, workload: of every cell, unless an axis or a point says otherwise.
        set: single values of that machine and workload, by dotted path.
        policies: each is searched in each cell.
        compare: what the map is about; needed with two policies or more.
        axes: of the grid.
        points: cells beside the grid.
        refine: further cells, placed where the verdict changes.
        search: how, and the budget.
        mlflow: what MLflow shows.
    """

    name: Annotated[str, Field(pattern=NAME)]
    seed: Annotated[int, Field(ge=0, lt=1 << 63)]
    machine: Named
    workload: Named
    set: dict[DottedPath, Scalar] = {}
    policies: Annotated[tuple[str, ...], Field(min_length=1, max_length=100)]
    compare: Compare | None = None
    axes: Annotated[tuple[Axis, ...], Field(max_length=8)] = ()
    points: Annotated[tuple[Point, ...], Field(max_length=10_000)] = ()
    refine: Refine | None = None
    search: Search = Search()
    mlflow: Mlflow = Mlflow()

    @model_validator(mode="after")
    def _consistent(self) -> Sweep:
        unique("policies", self.policies)
        unique("axes", [axis.name for axis in self.axes])
        unique("axes", [path for axis in self.axes for path in axis.paths])
        unique("points", [point.name for point in self.points])
        for axis in self.axes:
            if axis.name in RESERVED:
                raise ValueError(f"axes: {axis.name}; allowed: any name but {', '.join(sorted(RESERVED))}")
            unique(f"axes: {axis.name}.values", axis.values)
        if len(self.policies) > 1 and self.compare is None:
            raise ValueError("compare: missing; allowed: {challenger: a policy, baseline: another}")
        if self.search.confirm_max is not None and self.compare is None:
            raise ValueError(f"search.confirm_max: {self.search.confirm_max}; allowed: with compare, whose verdict may stay undecided")
        for policy in (self.compare.challenger, self.compare.baseline) if self.compare else ():
            if policy not in self.policies:
                raise ValueError(f"compare: {policy}; allowed: {', '.join(self.policies)}")
        if self.refine:
            numeric = [axis.name for axis in self.axes if len(axis.values) > 1 and are_numbers(axis.values)]
            if self.compare is None or not numeric:
                raise ValueError("refine: nothing to refine; allowed: with compare, and with an axis of two numbers or more")
        return self
