"""Maps: verdicts laid out over two axes of a sweep, with the other axes as facets and the named points as a list."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import product
from typing import TYPE_CHECKING, Final

from sweep.arms import Arm, At, arms
from sweep.errors import refusal
from sweep.library import shipped
from sweep.ranking import Standing, standings
from sweep.sentences import Grid, grid, sentences, value_key, weight_sentence, weights
from sweep.verdict import FDR, Verdict, verdicts

if TYPE_CHECKING:
    from sweep.results import Results

# What the last word of an axis name measures; a name that says nothing has no unit.
_UNITS: Final[Mapping[str, str]] = {
    "milli": "thousandths",
    "mib": "MiB",
    "gib": "GiB",
    "kbytes": "kB",
    "ns": "ns",
    "us": "µs",
    "ms": "ms",
    "share": "share of 1",
    "ratio": "%",
    "s": "per s",
}
_PACKAGES: Final = ("highwater", "numpy", "numba", "optuna", "scipy")


@dataclass(frozen=True)
class Axis:
    """One axis of the grid.

    Attributes:
        name: as in the sweep file.
        path: what it sets in machine or workload.
        values: in the order of the sweep file.
    """

    name: str
    path: str
    values: tuple[object, ...]

    @property
    def unit(self) -> str:
        """Unit read off the name; empty if the name does not tell."""
        if self.name.endswith("mb_s"):
            return "MB/s"
        return _UNITS.get(self.name.rsplit("_", 1)[-1], "") if "_" in self.name else ""

    @property
    def title(self) -> str:
        """Name with unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def text(self, i: int) -> str:
        """The i-th value as a label."""
        value = self.values[i]
        return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Facet:
    """One plane of the grid.

    Attributes:
        title: values of the axes that are not drawn, empty if there are none.
        rows: index of the cell at [y][x]; None where the sweep has no cell.
    """

    title: str
    rows: tuple[tuple[int | None, ...], ...]


@dataclass(frozen=True)
class Layout:
    """Where each cell is drawn; a sweep without axes has no facets, only points."""

    x: Axis
    y: Axis
    facets: tuple[Facet, ...]
    points: tuple[int, ...]


@dataclass(frozen=True)
class Provenance:
    """Where a map comes from, in (term, text) pairs for the foot of every picture."""

    sweep: str
    config_sha256: str
    seed: int
    n_replicates: int
    n_trials: int
    n_confirm: int
    versions: str
    command: str


@dataclass(frozen=True)
class Map:
    """Everything a picture needs, judged once.

    Attributes:
        name: of the sweep.
        challenger: the policy whose wins are drawn.
        baseline: the policy that it is compared with.
        layout: where each cell goes.
        verdicts: by "tuned" and "default", one verdict per cell, indexed by cell.
        standings: by "tuned" and "default", then by (cell, policy).
        sentences: by "tuned" and "default", where the challenger wins and loses, and which axis matters; to be quoted.
        tuned: the tuned best of every (cell, policy).
        policies: in the order of the sweep file.
        provenance: where it comes from.
        grid: the cells as points of a plane, refined ones too.
    """

    name: str
    challenger: str
    baseline: str
    layout: Layout
    verdicts: Mapping[At, Mapping[int, Verdict]]
    standings: Mapping[At, Mapping[tuple[int, str], Standing]]
    sentences: Mapping[At, tuple[str, ...]]
    tuned: Mapping[tuple[int, str], Arm]
    policies: tuple[str, ...]
    provenance: Provenance
    grid: Grid


def build_map(
    results: Results,
    challenger: str | None = None,
    baseline: str | None = None,
    axes: Sequence[str] | None = None,
    fdr: float = FDR,
) -> Map:
    """Judge a sweep and lay it out.

    Args:
        results: a finished or partial sweep.
        challenger: default: the one that the sweep file names under `compare`.
        baseline: likewise.
        axes: names of the horizontal and the vertical axis; default: the first two of the sweep file.
        fdr: share of false wins and losses tolerated among all wins and losses.

    Raises:
        ConfigError: an axis or policy that the sweep does not have.
    """
    compare = results.config.get("compare") or {"challenger": "", "baseline": ""}
    challenger, baseline = challenger or compare["challenger"], baseline or compare["baseline"]
    if challenger == baseline:
        if len(results.config["policies"]) == 1:
            raise refusal(f"sweep {results.name}", "policies", results.config["policies"][0], "two or more for a map; of one: highwater report, recommend")
        raise refusal(f"sweep {results.name}", "compare", f"{challenger} against itself", "two policies")
    judged: dict[At, Mapping[int, Verdict]] = {}
    ranked: dict[At, Mapping[tuple[int, str], Standing]] = {}
    said: dict[At, tuple[str, ...]] = {}
    laid = grid(results)
    for at in ("tuned", "default"):
        judged[at] = {v.cell: v for v in verdicts(results, challenger, baseline, at, fdr)}
        weighed = weight_sentence(weights(laid, arms(results, at), challenger, baseline), at)
        said[at] = sentences(laid, judged[at]) + ((weighed,) if weighed else ())
        ranked[at] = {(s.cell, s.policy): s for s in standings(results, at, fdr)}
    return Map(
        name=results.name,
        challenger=challenger,
        baseline=baseline,
        layout=layout(results, axes),
        verdicts=judged,
        standings=ranked,
        sentences=said,
        tuned=arms(results, "tuned"),
        policies=tuple(results.config["policies"]),
        provenance=provenance(results),
        grid=laid,
    )


def layout(results: Results, axes: Sequence[str] | None = None) -> Layout:
    """Place every cell of the grid; see `build_map` for the arguments and errors."""
    known = {a["name"]: Axis(a["name"], a["set"], tuple(a["values"])) for a in results.config.get("axes") or ()}
    chosen = list(known)[:2] if axes is None else list(axes)
    for name in chosen:
        if name not in known:
            raise refusal(f"sweep {results.name}", "axes", name, ", ".join(known) or "none, it has only named points")
    if len(set(chosen)) != len(chosen) or len(chosen) > 2:
        raise refusal(f"sweep {results.name}", "axes", ", ".join(chosen), "one or two different axes")
    none = Axis("", "", ("",))
    x, y = ([known[name] for name in chosen] + [none, none])[:2]
    others = [axis for name, axis in known.items() if name not in chosen]
    frame = results.cells.reset_index()
    points = tuple(int(c) for c in frame.loc[(frame["kind"] == "point") | (not known), "cell"])
    grid = frame[frame["kind"] == "grid"]
    index = {tuple(value_key(row[a]) for a in known): int(row["cell"]) for row in grid.to_dict("records")}
    facets = tuple(_facet(index, list(known), x, y, others, values) for values in _planes(others)) if known else ()
    return Layout(x, y, facets, points)


def _planes(others: Sequence[Axis]) -> list[tuple[object, ...]]:
    return list(product(*(axis.values for axis in others)))


def _facet(
    index: Mapping[tuple[str, ...], int],
    names: Sequence[str],
    x: Axis,
    y: Axis,
    others: Sequence[Axis],
    values: Sequence[object],
) -> Facet:
    fixed = {axis.name: value for axis, value in zip(others, values, strict=True)}

    def cell(x_value: object, y_value: object) -> int | None:
        where = {**fixed, x.name: x_value, y.name: y_value}
        return index.get(tuple(value_key(where[name]) for name in names))

    title = ", ".join(f"{name} = {value}" for name, value in fixed.items())
    return Facet(title, tuple(tuple(cell(xv, yv) for xv in x.values) for yv in y.values))


def provenance(results: Results) -> Provenance:
    """Where these results come from, and the versions that judge them."""
    config = results.config
    return Provenance(
        sweep=results.name,
        config_sha256=results.config_sha256,
        seed=int(config["seed"]),
        n_replicates=len(results.replicates),
        n_trials=len(results.trials),
        n_confirm=int(config["search"]["confirm"]),
        versions=", ".join([f"Python {platform.python_version()}", *_versions()]),
        command=f"highwater run {_sweep_file(results)} && highwater {'map' if config.get('compare') else 'report'} {results.name}",
    )


def _sweep_file(results: Results) -> str:
    """What to write after `highwater run`: the bare name of a shipped sweep, else the name of the user's file."""
    file = results.file
    if file is not None and file.resolve().is_relative_to(shipped().resolve()):
        return file.stem
    return file.name if file is not None else f"{results.name}.yaml"


def _versions() -> list[str]:
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:  # a source tree that was never installed
            continue
    return found
