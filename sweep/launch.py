"""Run a sweep from end to end: plan, run, map, publish. What ``highwater run`` does."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.errors import ConfigError, PoisonError
from sweep.executor import Executor, Kind, SerialExecutor, check_options, make
from sweep.pieces import LIMIT_S
from sweep.places import RESULTS
from sweep.plan import Plan, load_plan
from sweep.poison import Poison
from sweep.progress import Decided, Reporter, count_decided
from sweep.runner import Runner, is_complete, open_store
from sweep.stopping import Stop
from sweep.store import Store, StudyKey
from sweep.study import Batch
from sweep.warm import is_compiled

if TYPE_CHECKING:
    from sweep.render import MapFiles
    from sweep.results import Results


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


def launch(file: Path, options: Options) -> None:
    """Run the sweep in ``file`` to its end, then draw its map and publish it.

    Raises:
        HighwaterError: anything a user can put right, as one line.
    """
    check_options(options.executor, options.workers, options.address)
    plan = load_plan(file, options.sets)
    directory = options.results or RESULTS / plan.sweep.name
    poison = run(plan, directory, options)
    files = None
    if options.has_map and plan.sweep.compare is not None:
        from sweep.results import load_results  # pandas: after the run, which can do without

        files = draw(load_results(directory), directory)
    if options.has_mlflow:
        publish(directory, options.tracking_uri, files)
    say(f"next: highwater map {directory}   highwater recommend {directory}   highwater ui {directory}")
    if poison:
        raise PoisonError(f"{plan.sweep.name}: {len(poison)} trials could not be computed (listed above and by highwater doctor {directory})")


def run(plan: Plan, directory: Path, options: Options) -> list[str]:
    """Compute what is not yet in the store; gives a line for each trial that could not be computed."""
    decided = Decided(partial(count_decided, directory, plan.sweep.compare) if plan.sweep.compare else None)
    resume = f"everything finished is kept; to go on, run the same command again (results in {directory})"
    report = Reporter(plan.sweep.name, decided)
    with Store(directory) as store, Stop(resume) as stop:
        resumes = open_store(plan, store)
        say(announcement(plan, directory, store.count_replicates() if resumes else 0))
        executor = _executor(plan, store, directory, options)
        stop.install()  # Ray has taken SIGTERM for itself
        try:
            with report:
                tally = Runner(plan, store, executor, report, options.trial_limit_s).run(stop)
        finally:
            executor.close()
        poison = [poison_line(plan, key, one) for key, found in sorted(store.poison().items()) for one in found]
    say(report.summary(tally))
    for line in poison:
        say(line)
    return poison


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


def publish(directory: Path, tracking_uri: str | None, files: MapFiles | None = None) -> None:
    """Bring MLflow up to date; the results are safe in the store whatever happens here.

    Args:
        directory: of the results.
        tracking_uri: None: $MLFLOW_TRACKING_URI, else a SQLite database beside the results.
        files: the map, to be attached.

    Raises:
        TrackingError: MLflow cannot be reached or refuses.
    """
    from sweep.results import load_results
    from sweep.tracking import Publisher, local_uri

    uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or local_uri(directory)
    say(f"publishing to MLflow ({'beside the results' if uri == local_uri(directory) else 'elsewhere'})")
    done = Publisher(uri).publish(load_results(directory), files)
    hidden = f"; {done.hidden} trials are only in its tables" if done.hidden else ""
    say(f"MLflow: {done.created} runs made, {done.updated} updated, {done.unchanged} unchanged{hidden}")


def say(line: str) -> None:
    """A line for people; standard output is kept for results."""
    print(line, file=sys.stderr, flush=True)
