"""Run a sweep from end to end: plan, run, map, publish. What ``highwater run`` does."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sweep.cells import Cell
from sweep.config import Mlflow
from sweep.errors import ConfigError, PoisonError, TrackingError
from sweep.executor import Executor, Kind, SerialExecutor, check_options, make
from sweep.follower import Follower
from sweep.grid import refined_cells
from sweep.mlflowdb import local_uri
from sweep.pieces import LIMIT_S
from sweep.places import RESULTS
from sweep.plan import Plan, load_plans
from sweep.poison import Poison
from sweep.progress import Decided, Reporter, count_decided
from sweep.runner import Runner, is_complete, open_store
from sweep.stopping import Stop
from sweep.store import FILE, Store, StudyKey
from sweep.study import Batch
from sweep.warm import is_compiled

if TYPE_CHECKING:
    from sweep.render import MapFiles
    from sweep.results import Results


MAP_FILES: Final = ("map.png", "map.html", "map.txt", "map.csv")
REPORT: Final = "report.html"


@dataclass(frozen=True)
class Options:
    """The command line of ``highwater run``; see its help."""

    executor: Kind = "ray"
    workers: int | None = None
    address: str | None = None
    results: Path | None = None
    sets: tuple[str, ...] = ()
    tracking_uri: str | None = None
    has_map: bool = True
    has_mlflow: bool = True
    trial_limit_s: float = LIMIT_S
    resumes: bool = False


def launch(file: Path, options: Options) -> None:
    """Run the sweeps in ``file`` one after the other to their ends; draw the map of each and publish it.

    Raises:
        HighwaterError: anything a user can put right, as one line.
    """
    check_options(options.executor, options.workers, options.address)
    plans = load_plans(file, options.sets)
    for plan in plans:
        one = options.results if len(plans) == 1 else None
        _launch(plan, one or (options.results or RESULTS) / plan.sweep.name, options)


def _launch(plan: Plan, directory: Path, options: Options) -> None:
    """Run one sweep, whose results go to ``directory``."""
    if options.resumes and not (directory / FILE).is_file():
        raise ConfigError(f"--resume: {directory / FILE}: no such file; allowed: without --resume, to begin the sweep")
    follower: Follower | None = None

    def begun() -> None:
        nonlocal follower
        if options.has_mlflow:
            follower = Follower(directory, tracking(directory, options.tracking_uri), plan.sweep.mlflow)

    try:
        poison = run(plan, directory, options, begun)
        files = None
        if options.has_map and plan.sweep.compare is not None:
            from sweep.results import load_results  # pandas: after the run, which can do without

            drawn = draw(load_results(directory), directory)
            files = [str(path) for path in (drawn.png, drawn.html, drawn.txt, drawn.csv)]
        if follower is not None:
            say_published(follower.uri, directory, follower.finish(files))
    finally:
        if follower is not None:
            follower.close()
    first = "report" if plan.sweep.compare is None else "map"
    say(f"next: highwater {first} {directory}   highwater recommend {directory}   highwater ui {directory}")
    if poison:
        raise PoisonError(f"{plan.sweep.name}: {len(poison)} trials could not be computed (listed above and by highwater doctor {directory})")


def run(plan: Plan, directory: Path, options: Options, begun: Callable[[], None] = lambda: None) -> list[str]:
    """Compute what is not yet in the store; gives a line for each trial that could not be computed.

    ``begun`` is called once the store is there and workers are being started.
    """
    decided = Decided(partial(count_decided, directory, plan.sweep.compare) if plan.sweep.compare else None)
    resume = f"everything finished is kept; to go on, run the same command again (results in {directory})"
    report = Reporter(plan.sweep.name, decided)
    with Store(directory) as store, Stop(resume) as stop:
        resumes = open_store(plan, store)
        plan = plan.with_cells(refined_cells(plan.sweep, plan.file, store.refined(), len(plan.cells)))
        if is_complete(plan, store):
            plan = plan.with_cells(_refined(plan, store, directory))
        say(announcement(plan, directory, store.count_replicates() if resumes else 0))
        begun()
        executor = _executor(plan, store, directory, options)
        stop.install()  # Ray has taken SIGTERM for itself
        try:
            with report:
                tally = Runner(plan, store, executor, report, options.trial_limit_s).run(stop)
                while further := _refined(plan, store, directory):
                    plan = plan.with_cells(further)
                    tally = tally.then(Runner(plan, store, executor, report, options.trial_limit_s).run(stop))
        finally:
            executor.close()
        poison = [poison_line(plan, key, one) for key, found in sorted(store.poison().items()) for one in found]
    say(report.summary(tally))
    for line in poison:
        say(line)
    return poison


def _refined(plan: Plan, store: Store, directory: Path) -> tuple[Cell, ...]:
    """The cells that the verdicts so far ask for, now in the store; empty when the map is as fine as the sweep wants it."""
    if plan.sweep.refine is None:
        return ()
    from sweep.refining import next_places
    from sweep.results import load_results

    cells = refined_cells(plan.sweep, plan.file, next_places(plan.sweep, load_results(directory)), len(plan.cells))
    if cells:
        store.extend(cells)
    return cells


def poison_line(plan: Plan, key: StudyKey, one: Poison) -> str:
    """What cannot be computed, and why."""
    cell, policy = key
    tries = f"{one.tries} tries" if one.tries > 1 else "one try"
    return f"poison: cell {cell} ({plan.cells[cell].label}), policy {policy}, trial {one.number} ({one.phase}): {one.reason}; {tries} alone"


def _executor(plan: Plan, store: Store, directory: Path, options: Options) -> Executor[Batch]:
    """What will compute the rest; nothing is started where nothing is left."""
    if is_complete(plan, store):
        return SerialExecutor()
    if not all(is_compiled(policy) for policy in plan.sweep.policies):
        say("compiling the simulator, once for this version: this takes a minute or two")
    return make(options.executor, options.workers, options.address, directory)


def announcement(plan: Plan, directory: Path, held: int) -> str:
    """The first line: what will be done, and where it goes."""
    resumed = f", {held} of them are in already" if held else ""
    return f"{plan.sweep.name}: {plan.extent}{resumed}; results in {directory}"


def draw(
    results: Results,
    out: Path,
    challenger: str | None = None,
    baseline: str | None = None,
    axes: Sequence[str] | None = None,
) -> MapFiles:
    """Write the map into ``out`` and show it.

    Raises:
        ConfigError: policies or axes that the sweep does not have.
    """
    from rich.console import Console

    from sweep.render import write_map
    from sweep.textmap import text_map

    try:
        files = write_map(results, out, challenger, baseline, axes)
    except ValueError as error:
        raise ConfigError(f"sweep {results.name}: {error}") from None
    Console().print(text_map(files.map))
    say(f"map: {files.html} and {files.png}")
    return files


def tracking(directory: Path, tracking_uri: str | None) -> str:
    """Where to publish: as asked, else $MLFLOW_TRACKING_URI, else a SQLite database beside the results."""
    return tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or local_uri(directory)


def publish(directory: Path, tracking_uri: str | None, what: Mlflow | None = None) -> None:
    """Bring MLflow up to date; the results are safe in the store whatever happens here.

    Raises:
        TrackingError: MLflow cannot be reached or refuses.
    """
    from sweep.results import load_results

    results = load_results(directory)  # a damaged store is refused here, not in the other process
    held = Mlflow.model_validate_json(results.meta["mlflow"]) if "mlflow" in results.meta else Mlflow()
    uri = tracking(directory, tracking_uri)
    say(f"publishing to MLflow ({'beside the results' if uri == local_uri(directory) else 'elsewhere'})")
    files = [str(path) for name in (*MAP_FILES, REPORT) if (path := directory / name).is_file()]
    follower = Follower(directory, uri, what or held, steps_back=False)
    try:
        say_published(uri, directory, follower.finish(files))
    finally:
        follower.close()


def say_published(uri: str, directory: Path, done: Mapping[str, Any]) -> None:
    """What a publication did.

    Raises:
        TrackingError: it failed.
    """
    if "error" in done:
        raise TrackingError(f"{done['error']} (the results are complete and safe: highwater republish {directory})")
    hidden = f"; {done['hidden']} trials are only in its tables" if done["hidden"] else ""
    where = "beside the results" if uri == local_uri(directory) else "elsewhere"
    n = done["created"] + done["updated"] + done["unchanged"]
    say(f"MLflow ({where}): {n} runs as the results have them, {done['created'] + done['updated']} of them brought up to date just now{hidden}")


def say(line: str) -> None:
    """A line for people; standard output is kept for results."""
    print(line, file=sys.stderr, flush=True)
