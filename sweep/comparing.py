"""What ``highwater compare`` does: a scenario from the command line to its table."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sweep.compare import RowResult, compare
from sweep.errors import ConfigError, ExpectationError, refusal
from sweep.executor import usable_cpus
from sweep.launch import say
from sweep.library import config_file, shipped_files
from sweep.measure import NAMES
from sweep.progress import Line, duration
from sweep.scenario import Scenario, load_scenario
from sweep.table import columns, text, write_csv
from sweep.warm import is_compiled


@dataclass(frozen=True)
class Options:
    """The command line of ``highwater compare``; see its help."""

    seeds: int | None = None
    rows: tuple[str, ...] = ()
    jobs: int | None = None
    csv: Path | None = None
    columns: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()


def shipped_scenarios() -> Iterator[str]:
    """A line for each shipped scenario."""
    for path in shipped_files("scenario"):
        scenario = load_scenario(path)
        yield f"{path.stem}: {scenario.title or 'no title'} ({scenario.extent})"


def run(name_or_path: str, options: Options) -> Iterator[str]:
    """Run a scenario and give its table.

    Raises:
        ExpectationError: it ran, and not everything is as its rows expect.
        HighwaterError: anything else that a user can put right, as one line.
    """
    scenario = load_scenario(config_file(name_or_path, "scenario"), options.sets)
    whole = not options.sets and (options.seeds or scenario.seeds) >= scenario.seeds
    scenario = replace(scenario.only(options.rows) if options.rows else scenario, seeds=options.seeds or scenario.seeds)
    _check(options)
    results = _results(scenario, options.jobs or usable_cpus())
    shown = columns(results, scenario.ratios, options.columns)
    if options.csv is not None:
        write_csv(results, shown, options.csv)
    yield text(results, shown)
    _expect(scenario, results, whole)


def _check(options: Options) -> None:
    for name in options.columns:
        if name not in NAMES:
            raise refusal("--columns", "", name, ", ".join(NAMES))
    if options.csv is not None and not options.csv.parent.is_dir():
        raise ConfigError(f"--csv: {options.csv}; allowed: a file in a directory that exists")


def _results(scenario: Scenario, jobs: int) -> list[RowResult]:
    say(f"{scenario.name}: {scenario.extent}")
    if not all(is_compiled(row.policy) for row in scenario.rows):
        say("compiling the simulator, once for this version: this takes a minute or two")
    total = len(scenario.rows) * scenario.seeds
    first = 0.0  # when the first one was done: what goes before is the start of the workers and perhaps the compiler
    with Line(scenario.name) as line:

        def report(done: int) -> None:
            nonlocal first
            now = time.monotonic()
            first = first if first or not done else now
            eta = duration((now - first) / (done - 1) * (total - done)) if done > 1 else "?"
            line.show(done, total, f"{done}/{total} simulations ({100 * done // total} %), ETA {eta}")

        return compare(scenario, jobs, report)


def _expect(scenario: Scenario, results: Sequence[RowResult], whole: bool) -> None:
    """A known miss that holds is a failure too, unless this is less than the file says, or something else."""
    found = ((result.row.name, (*result.failures(), *(result.mended() if whole else ()))) for result in results)
    failures = [f'row "{name}": {failure}' for name, of_row in found for failure in of_row]
    for failure in failures[:-1]:
        say(f"{scenario.file}: {failure}")
    if failures:
        count = f" ({len(failures)} expectations do not hold)" if len(failures) > 1 else ""
        raise ExpectationError(f"{scenario.file}: {failures[-1]}{count}")
