"""From a sweep to its cells: names resolved, the values of axes set, every machine and workload validated once."""

from __future__ import annotations

import copy
import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from pydantic import ValidationError

from core import Machine
from sweep import workloads
from sweep.cells import REFINED, Cell, canonical, plain
from sweep.config import PARAMS, Named, Point, Scalar, Sweep
from sweep.errors import ConfigError, refusal
from sweep.explain import first_problem, problem_line
from sweep.fields import build, model_of
from sweep.library import Kind, load_named
from sweep.workloads import Workload

MAX_CELLS: Final = 100_000
ROOTS: Final[tuple[Kind, ...]] = ("machine", "workload")


class Defaults(Protocol):
    """What a file says for all its points."""

    @property
    def machine(self) -> Named | None: ...
    @property
    def workload(self) -> Named | None: ...
    @property
    def set(self) -> Mapping[str, Scalar]: ...


@dataclass(frozen=True)
class Source:
    """Where a machine or workload is written: its mapping, its file, and its key path in that file."""

    kind: Kind
    mapping: dict[str, Any]
    file: Path
    prefix: str


def build_cells(sweep: Sweep, file: Path) -> tuple[Cell, ...]:
    """All cells of the sweep: the grid in the order of the axes, then the points.

    Args:
        sweep: as written.
        file: the sweep file; names are looked up beside it and errors name it.

    Raises:
        ConfigError: one line naming file, key, value and what is allowed.
    """
    builder = CellBuilder(file)
    cells: list[Cell] = []
    for axes in _grid(sweep):
        cells.append(_placed(builder, sweep, axes, "grid", len(cells)))
    for number, point in enumerate(sweep.points):
        cells.append(builder.point(sweep, point, f"points[{number}]", len(cells)))
    return tuple(cells)


def refined_cells(sweep: Sweep, file: Path, places: Sequence[tuple[tuple[str, Scalar], ...]], first: int) -> tuple[Cell, ...]:
    """Cells at further values of the axes, numbered from ``first``; errors as for ``build_cells``."""
    builder = CellBuilder(file)
    return tuple(_placed(builder, sweep, axes, REFINED, first + i) for i, axes in enumerate(places))


def _placed(builder: CellBuilder, sweep: Sweep, axes: tuple[tuple[str, Scalar], ...], kind: str, index: int) -> Cell:
    label = " ".join(f"{name}={value}" for name, value in axes) or sweep.name
    own = {path: value for axis, (_, value) in zip(sweep.axes, axes, strict=True) for path in axis.paths}
    params = tuple((path.removeprefix(PARAMS), int(value)) for path, value in own.items() if path.startswith(PARAMS))
    sets = _common(sweep, [root for root in ROOTS if root in own]) | own
    return builder.cell(index, label, kind, axes, sweep.machine, sweep.workload, sets, params=params)


def _grid(sweep: Sweep) -> list[tuple[tuple[str, Scalar], ...]]:
    count = len(sweep.points)
    for axis in sweep.axes:
        count = max(count, 1) * len(axis.values)
    if count > MAX_CELLS:
        raise ConfigError(f"axes: {count} cells; allowed: at most {MAX_CELLS}")
    if not sweep.axes and sweep.points:
        return []
    names = [axis.name for axis in sweep.axes]
    return [tuple(zip(names, values, strict=True)) for values in itertools.product(*(axis.values for axis in sweep.axes))]


def _common(defaults: Defaults, replaced: Sequence[str]) -> dict[str, Scalar]:
    """The file's own settings, without those of a machine or workload that a cell replaces."""
    return {path: value for path, value in defaults.set.items() if path.partition(".")[0] not in replaced}


class CellBuilder:
    """Resolves and validates machines and workloads, each distinct one once. ``file`` is where they are named."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._named: dict[tuple[Kind, str], Source] = {}
        self._built: dict[tuple[Kind, str, Path], Any] = {}
        self._digests: dict[str, str] = {}

    def point(self, defaults: Defaults, point: Point, place: str, index: int) -> Cell:
        """The cell of a point of the file; ``place`` is its key path there."""
        machine = defaults.machine if point.machine is None else point.machine
        workload = defaults.workload if point.workload is None else point.workload
        for kind, named in zip(ROOTS, (machine, workload), strict=True):
            if named is None:
                raise refusal(self._file, f"{place}.{kind}", "missing", f"the name or the keys of a {kind}, here or for the whole file")
        assert machine is not None
        assert workload is not None
        replaced = [root for root in ROOTS if getattr(point, root) is not None or root in point.set]
        sets = _common(defaults, replaced) | point.set
        keys = {root: f"{place}.{root}" for root in replaced}
        return self.cell(index, point.name, "point", (), machine, workload, sets, keys)

    def cell(
        self,
        index: int,
        label: str,
        kind: str,
        axes: tuple[tuple[str, Scalar], ...],
        machine: Named,
        workload: Named,
        sets: Mapping[str, Scalar],
        keys: Mapping[Kind, str] | None = None,
        params: tuple[tuple[str, int], ...] = (),
    ) -> Cell:
        """A cell of that machine and workload, with ``sets`` put into them.

        ``keys``: where the file names them, if not at its top; ``params``: tunables that the cell fixes.
        """
        keys = keys or {}
        built_machine = self._build(self._source("machine", machine, sets, keys.get("machine", "machine")), sets)
        built_workload = self._build(self._source("workload", workload, sets, keys.get("workload", "workload")), sets)
        return Cell(index, label, kind, axes, built_machine, built_workload, self._key(built_machine, built_workload, params), params)

    def _source(self, kind: Kind, value: Named, sets: Mapping[str, Scalar], key: str) -> Source:
        """The mapping of a machine or workload, before the values of axes are set in it."""
        whole = sets.get(kind)
        if whole is not None and not isinstance(whole, str):
            raise ConfigError(f"{self._file}: {key}: {whole}; allowed: the name of a {kind}, or a longer path")
        value = whole or value
        if not isinstance(value, str):
            return Source(kind, value, self._file, key)
        if (kind, value) not in self._named:
            mapping, file = load_named(kind, value, self._file, key)
            self._named[kind, value] = Source(kind, mapping, file, "")
        return self._named[kind, value]

    def _build(self, source: Source, sets: Mapping[str, Scalar]) -> Any:
        own = {path: value for path, value in sets.items() if path.startswith(f"{source.kind}.")}
        mapping = copy.deepcopy(source.mapping) if own else source.mapping
        for path, value in own.items():
            _put(mapping, path.split(".")[1:], value, f"{self._file}: {path}")
        seen = (source.kind, canonical(mapping), source.file)
        if seen not in self._built:
            self._built[seen] = self._validated(source, mapping, own)
        return self._built[seen]

    def _validated(self, source: Source, mapping: dict[str, Any], own: Mapping[str, Scalar]) -> Machine | Workload:
        try:
            if source.kind == "machine":
                return build(Machine, {"name": "inline", **mapping})
            return workloads.load(mapping, source.file)
        except ValidationError as error:
            line = problem_line(first_problem(error), model_of(Machine) if source.kind == "machine" else None)
        except ValueError as error:
            line = str(error)
        key = f"{source.kind}.{line.partition(':')[0]}"
        if key in own:  # the value came from an axis or a point, so the mistake is in the sweep file
            raise ConfigError(f"{self._file}: {source.kind}.{line}")
        raise ConfigError(f"{source.file}: {source.prefix}{'.' if source.prefix else ''}{line}")

    def _key(self, machine: Machine, workload: Workload, params: tuple[tuple[str, int], ...]) -> str:
        seen = [plain(machine), workload.model_dump(mode="json"), workloads.content_digest(workload)]
        text = canonical([*seen, dict(params)] if params else seen)
        return hashlib.sha256(text.encode()).hexdigest()


def _put(mapping: dict[str, Any], parts: Sequence[str], value: Scalar, place: str) -> None:
    for part in parts[:-1]:
        mapping = mapping.setdefault(part, {})
        if not isinstance(mapping, dict):
            raise ConfigError(f"{place}: {part} has no keys; allowed: a path of keys of the file")
    mapping[parts[-1]] = value
