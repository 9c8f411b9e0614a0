"""A scenario: named rows, each one policy with its params on one machine under one workload, with what is expected of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, model_validator

from core import policies
from sweep.cells import Cell
from sweep.config import NAME, DottedPath, Model, Named, Point, Scalar, unique
from sweep.errors import ConfigError, refusal
from sweep.expectation import Bounds, Expected, Interval
from sweep.grid import CellBuilder
from sweep.measure import Measure
from sweep.sweepfile import load_config
from sweep.yamlfile import load_mapping

TITLE: Final = r"^[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"

RowName = Annotated[str, Field(pattern=TITLE, max_length=60)]


class RowConfig(Point):
    """One row as written.

    Attributes:
        policy: its name.
        params: tunables; the others have the kernel's defaults.
        baseline: row that this one is compared with, unless it is the file's.
        expect: by measure, in how many replicates it is above 0, or the range of its ratio against the baseline.
        expect_median: by measure, the range of its median.
        missed: by measure, why what is expected of it does not hold: a known miss.
    """

    name: RowName
    policy: str
    params: dict[str, int] = Field(default_factory=dict)
    baseline: str | None = None
    expect: dict[Measure, Expected] = Field(default_factory=dict)
    expect_median: dict[Measure, Bounds] = Field(default_factory=dict)
    missed: dict[Measure, Annotated[str, Field(pattern=TITLE, max_length=200)]] = Field(default_factory=dict)


class ScenarioConfig(Model):
    """One scenario file as written, names not yet resolved.

    Attributes:
        name: of the scenario.
        title: one line that says what it shows.
        seeds: replicates of each row; replicate n has seed n in every row.
        machine, workload: of every row that does not name its own.
        set: single values of that machine and workload, by dotted path.
        baseline: row that the others are compared with.
        ratios: measures whose ratios against the baseline are columns of the table.
        rows: in the order of the table.
    """

    name: Annotated[str, Field(pattern=NAME)]
    title: Annotated[str, Field(pattern=TITLE, max_length=200)] | None = None
    seeds: Annotated[int, Field(ge=1, le=10_000)] = 12
    machine: Named | None = None
    workload: Named | None = None
    set: dict[DottedPath, Scalar] = Field(default_factory=dict)
    baseline: str | None = None
    ratios: tuple[Measure, ...] = ()
    rows: Annotated[tuple[RowConfig, ...], Field(min_length=1, max_length=1000)]

    @model_validator(mode="after")
    def _consistent(self) -> ScenarioConfig:
        names = [row.name for row in self.rows]
        unique("rows", names)
        unique("ratios", self.ratios)
        for key, name in (("baseline", self.baseline), *((f"rows[{i}].baseline", row.baseline) for i, row in enumerate(self.rows))):
            if name is not None and name not in names:
                raise ValueError(f"{key}: {name}; allowed: the name of a row: {', '.join(names)}")
        if self.ratios and not any(self.baseline_of(row) for row in self.rows):
            raise ValueError("ratios: no baseline; allowed: with the key baseline: the name of a row")
        for number, row in enumerate(self.rows):
            for measure in row.missed:
                if measure not in row.expect and measure not in row.expect_median:
                    allowed = ", ".join([*row.expect, *row.expect_median]) or "none: the row expects nothing"
                    raise ValueError(f"rows[{number}].missed: {measure}; allowed: a measure of which the row expects something: {allowed}")
            for measure, expected in row.expect.items():
                if isinstance(expected, Interval) and not self.baseline_of(row):
                    raise ValueError(f"rows[{number}].expect.{measure}: a ratio without baseline; allowed: with the key baseline: the name of a row")
        return self

    def baseline_of(self, row: RowConfig) -> str | None:
        """The row that ``row`` is compared with."""
        return row.baseline or self.baseline


@dataclass(frozen=True)
class Row:
    """One row, ready to run.

    Attributes:
        name, policy, params, expect, expect_median, missed: as in ``RowConfig``.
        cell: machine and workload.
        baseline: name of the row that this one is compared with.
    """

    name: str
    policy: str
    params: Mapping[str, int]
    cell: Cell
    baseline: str | None
    expect: Mapping[str, str | Interval]
    expect_median: Mapping[str, Interval]
    missed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """Everything that will be run.

    Attributes:
        file: it is written in.
        name, title, seeds, ratios: as in ``ScenarioConfig``.
        rows: in the order of the table.
    """

    file: Path
    name: str
    title: str
    seeds: int
    ratios: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def extent(self) -> str:
        """How much there is to do, in words."""
        return f"{len(self.rows)} rows, {len(self.rows) * self.seeds} simulations"

    def only(self, names: Sequence[str]) -> Scenario:
        """The rows ``names``, each by its name or its first word, with those they are compared with.

        Raises:
            ConfigError: no such row, or more than one.
        """
        wanted = {self._named(name) for name in names}
        by_name = {row.name: row for row in self.rows}
        while further := {base for name in wanted if (base := by_name[name].baseline)} - wanted:
            wanted |= further
        return replace(self, rows=tuple(row for row in self.rows if row.name in wanted))

    def _named(self, name: str) -> str:
        found = [row.name for row in self.rows if row.name == name] or [row.name for row in self.rows if row.name.split()[0] == name]
        if len(found) != 1:
            raise refusal("--row", "", name, ", ".join(found or [row.name for row in self.rows]))
        return found[0]


def is_scenario(file: Path) -> bool:
    """Whether ``file`` holds a scenario, which has rows, and not a sweep."""
    return "rows" in load_mapping(file)


def load_scenario(file: Path, sets: Sequence[str] = ()) -> Scenario:
    """Read, resolve and check a scenario file.

    Args:
        file: the scenario file.
        sets: "a.b=value" settings put over it.

    Raises:
        ConfigError: the first mistake, in one line.
    """
    config = load_config(ScenarioConfig, file, sets)
    builder = CellBuilder(file)
    rows = tuple(_row(config, row, number, builder, file) for number, row in enumerate(config.rows))
    return Scenario(file, config.name, config.title or "", config.seeds, config.ratios, rows)


def _row(config: ScenarioConfig, row: RowConfig, number: int, builder: CellBuilder, file: Path) -> Row:
    place = f"rows[{number}]"
    if row.policy not in policies.names():
        raise refusal(file, f"{place}.policy", row.policy, ", ".join(policies.names()))
    cell = builder.point(config, row, place, number)
    try:
        policies.load(row.policy).resolve(cell.machine, row.params)  # its file may be no policy, and params may depend on the machine
    except ValueError as error:
        raise ConfigError(f"{file}: {place}.{error}") from None
    return Row(row.name, row.policy, row.params, cell, config.baseline_of(row), row.expect, row.expect_median, row.missed)
