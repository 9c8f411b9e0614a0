"""Commands that run or price something: ``run``, ``check``, ``plan``, ``compare``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sweep.arguments import File, Sets, TrackingUri


class Executors(StrEnum):
    """Where simulations run."""

    ray = "ray"
    process = "process"
    serial = "serial"


def run(
    file: File,
    executor: Annotated[Executors, typer.Option(help="Where simulations run; the results are the same.")] = Executors.ray,
    workers: Annotated[int | None, typer.Option(help="How many run at once; default: one for each CPU.")] = None,
    address: Annotated[str | None, typer.Option(help="A running Ray cluster; default: one is started here.")] = None,
    results: Annotated[Path | None, typer.Option(help="Directory for the results; default: results/NAME.")] = None,
    sets: Sets = None,
    tracking_uri: TrackingUri = None,
    map_: Annotated[bool, typer.Option("--map/--no-map", help="Draw the map at the end.")] = True,
    mlflow: Annotated[bool, typer.Option("--mlflow/--no-mlflow", help="Publish to MLflow at the end.")] = True,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a sweep that was begun; refuse to begin one.")] = False,
    trial_limit: Annotated[float, typer.Option(min=0.1, metavar="S", help="CPU time after which a trial is given up.")] = 600.0,
) -> None:
    """Run the sweeps of a file, or go on with those that were interrupted; draw the map of each and publish it."""
    from sweep.launch import Options, launch
    from sweep.library import sweep_file

    options = Options(executor.value, workers, address, results, tuple(sets or ()), tracking_uri, map_, mlflow, trial_limit, resume)
    launch(sweep_file(file), options)


def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A sweep or scenario file, or the name of a shipped one.")],
    sets: Sets = None,
) -> None:
    """Validate a sweep or scenario file with everything it names; run nothing."""
    from sweep.library import config_file
    from sweep.plan import load_plans
    from sweep.scenario import is_scenario, load_scenario

    path = config_file(file, "sweep", "scenario")
    found = [load_scenario(path, tuple(sets or ()))] if is_scenario(path) else load_plans(path, tuple(sets or ()))
    for one in found:
        typer.echo(f"{path}: ok: {one.extent}")


def plan(
    file: File,
    cores: Annotated[int | None, typer.Option(min=1, help="Estimate the wall time on so many; default: this machine's.")] = None,
    seconds: Annotated[float, typer.Option(min=0, help="How long to measure.")] = 10.0,
    sets: Sets = None,
) -> None:
    """Say what a sweep will cost before it is run; simulates a little of it to know."""
    from sweep.estimate import estimate, lines
    from sweep.executor import usable_cpus
    from sweep.library import sweep_file
    from sweep.plan import load_plans

    plans = load_plans(sweep_file(file), tuple(sets or ()))
    for one in plans:
        for line in lines(estimate(one, seconds / len(plans)), cores or usable_cpus()):
            typer.echo(line)


def compare(
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="A scenario file, or the name of a shipped one; none: list those.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, max=10_000, help="Replicates of each row; default: the file's.")] = None,
    rows: Annotated[list[str] | None, typer.Option("--row", metavar="NAME", help="Only this row and its baseline; repeatable.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; the results are the same; default: one for each CPU.")] = None,
    csv: Annotated[Path | None, typer.Option(metavar="OUT", help="Write the table as CSV as well, unrounded.")] = None,
    columns: Annotated[str, typer.Option(metavar="A,B", help="Medians of further outcome fields, as pswpout,allocstall.")] = "",
    sets: Sets = None,
) -> None:
    """Run a scenario and print a table: a policy with its params on a machine and a workload in each row."""
    from sweep.comparing import Options, run, shipped_scenarios

    extra = tuple(name.strip() for name in columns.split(",") if name.strip())
    options = Options(seeds, tuple(rows or ()), jobs, csv, extra, tuple(sets or ()))
    for line in run(file, options) if file else shipped_scenarios():
        typer.echo(line)
