"""Doctor: whether everything that a sweep stands on is well, one line each."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final

from sweep.errors import HighwaterError

PARTS: Final = ("numba", "numpy", "optuna", "ray", "mlflow", "pandas", "pyarrow")


@dataclass(frozen=True)
class Options:
    """The command line of ``highwater doctor``; see its help."""

    tracking_uri: str | None = None
    has_ray: bool = True


@dataclass(frozen=True)
class Finding:
    """One line.

    Attributes:
        what: was looked at.
        is_well: or not.
        text: what was found.
    """

    what: str
    is_well: bool
    text: str

    @property
    def line(self) -> str:
        """For people."""
        return f"{'ok ' if self.is_well else 'BAD'}  {self.what}: {self.text}"


@dataclass(frozen=True)
class Ping:
    """The smallest work there is: which Python a worker has."""

    def run(self) -> str:
        """Its version."""
        return platform.python_version()

    def failure(self, reason: str) -> str:
        """The line for a user."""
        return f"a worker failed: {reason}"


def examine(where: str | None, options: Options) -> Iterator[Finding]:
    """Look at one thing after the other."""
    yield _seen("versions", _versions)
    yield _seen("cache", _cache)
    if options.has_ray:
        yield _seen("ray", _ray)
    if where is None:
        return
    from sweep.places import results_directory

    try:
        directory = results_directory(where)
    except HighwaterError as error:
        yield Finding("store", False, str(error))
        return
    yield _seen("store", lambda: _store(directory))
    yield from _poison(directory)
    yield _seen("mlflow", lambda: _mlflow(directory, options.tracking_uri))


def _seen(what: str, look: Callable[[], tuple[bool, str]]) -> Finding:
    try:
        return Finding(what, *look())
    except (HighwaterError, OSError) as error:
        return Finding(what, False, " ".join(str(error).split()))


def _versions() -> tuple[bool, str]:
    from packaging.requirements import Requirement

    from sweep.provenance import highwater_version

    found = {}
    for name in PARTS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    try:
        wanted = [Requirement(text) for text in requires("highwater") or ()]
    except PackageNotFoundError:
        wanted = []
    bad = [str(w) for w in wanted if w.name in found and (found[w.name] == "missing" or found[w.name] not in w.specifier)]
    told = ", ".join(f"{name} {number}" for name, number in found.items())
    return not bad and "missing" not in found.values(), f"highwater {highwater_version()}, Python {platform.python_version()}, {told}" + (
        f"; allowed: {', '.join(bad)}" if bad else ""
    )


def _cache() -> tuple[bool, str]:
    from core import policies
    from core.jit import JIT_ENABLED, cache_dir
    from sweep.warm import is_compiled

    if not JIT_ENABLED:
        return False, "NUMBA_DISABLE_JIT is set: every simulation is interpreted, some hundred times slower"
    place = cache_dir()
    ready = [name for name in policies.names() if is_compiled(name)]
    nearest = next(parent for parent in (place, *place.parents) if parent.exists())
    if not os.access(nearest, os.W_OK):
        return False, f"{place}: cannot be written; allowed: HIGHWATER_CACHE_DIR with a directory of this node"
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file()) / 2**20
    return True, f"{place}: {len(ready)} of {len(policies.names())} policies are compiled for this version, {size:.0f} MiB"


def _ray() -> tuple[bool, str]:
    import time

    from sweep.executor import RayExecutor

    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        executor: RayExecutor[str] = RayExecutor(1, None, Path(scratch))
        try:
            executor.submit(Ping())
            answer = None
            while answer is None and time.monotonic() - began < 60:
                answer = executor.next(1.0)
        finally:
            executor.close()
    if answer is None:
        return False, "a worker did not answer within 60 s"
    return answer == platform.python_version(), f"a worker answered {time.monotonic() - began:.1f} s after the start, with Python {answer}"


def _store(directory: Path) -> tuple[bool, str]:
    from sweep.provenance import changed, made_by
    from sweep.reading import check_pages, meta
    from sweep.results import load_results, opened
    from sweep.store import FILE

    path = directory / FILE
    with opened(path) as db:
        check_pages(db, path)
        held = meta(db, path)
        batches = db.execute("SELECT count(*) FROM batches").fetchone()[0]
    results = load_results(directory)  # reads every row and checks it
    differing = changed(held, made_by())
    by = f"; made by another version, which alone can go on with it ({'; '.join(differing)})" if differing else ""
    studies = len(results.cells) * len(results.config["policies"])
    complete = int(results.trials["is_best"].sum())
    amount = f"{complete} of {studies} studies complete, {len(results.trials)} trials, {len(results.replicates)} simulations in {batches} batches"
    return not differing, f"{path}: {amount}; every digest is right{by}"


def _poison(directory: Path) -> Iterator[Finding]:
    from sweep.results import load_results

    try:
        poison = load_results(directory).poison
    except HighwaterError:
        return  # said already
    for row in poison.to_dict("records"):
        yield Finding("poison", False, f"{row['cell']}/{row['policy']}/{row['trial']} ({row['phase']}): {row['reason']} ({row['tries']} tries alone)")


def _mlflow(directory: Path, tracking_uri: str | None) -> tuple[bool, str]:
    from sweep.config import Mlflow
    from sweep.launch import tracking
    from sweep.mlflowdb import database_of
    from sweep.results import load_results
    from sweep.tracking import Publisher

    uri = tracking(directory, tracking_uri)
    database = database_of(uri)
    if database is not None and not database.is_file():
        return False, f"{database}: nothing was published (highwater republish {directory})"
    results = load_results(directory)
    what = Mlflow.model_validate_json(results.meta.get("mlflow", "{}"))
    held, wanted = Publisher(uri).compare(results, what.trial_runs, what.top_k)
    advice = "" if held == wanted else f"; the rest: highwater republish {directory}"
    return held == wanted, f"{held} of {wanted} runs are there and as the results have them{advice}"
