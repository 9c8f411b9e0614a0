"""Commands on a sweep that was run: ``ui``, ``republish``, ``export``, ``replay``, ``doctor``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sweep.arguments import TrackingUri, Where


def ui(
    where: Where,
    port: Annotated[int, typer.Option(min=1, max=65535, help="On the loopback interface.")] = 5000,
) -> None:
    """Open MLflow's pages on the sweep's database."""
    from sweep.places import results_directory
    from sweep.ui import serve

    serve(results_directory(where), port)


class TrialRuns(StrEnum):
    """Which trials get runs of their own in MLflow."""

    auto = "auto"
    all = "all"
    pareto = "pareto"
    none = "none"


def republish(
    where: Where,
    tracking_uri: TrackingUri = None,
    trial_runs: Annotated[TrialRuns | None, typer.Option(help="Which trials get runs of their own; default: the sweep's.")] = None,
    top_k: Annotated[int, typer.Option(min=0, max=1000, help="With pareto: how many of each study besides.")] = 10,
) -> None:
    """Bring MLflow up to date with the results, whatever it holds: after an outage, or in another MLflow."""
    from sweep.config import Mlflow
    from sweep.launch import publish
    from sweep.places import results_directory

    publish(results_directory(where), tracking_uri, Mlflow(trial_runs=trial_runs.value, top_k=top_k) if trial_runs else None)


class Forms(StrEnum):
    """How tables are written."""

    csv = "csv"
    parquet = "parquet"


def export(
    where: Where,
    out: Annotated[Path | None, typer.Option(help="Directory for the tables; default: WHERE.")] = None,
    form: Annotated[Forms, typer.Option("--format", help="How they are written.")] = Forms.csv,
) -> None:
    """Write the tables as CSV or Parquet: cells, trials, replicates, and poison if there is any."""
    from sweep.export import export as exported
    from sweep.places import results_directory
    from sweep.results import load_results

    directory = results_directory(where)
    for path in exported(load_results(directory), out or directory, form.value):
        typer.echo(str(path))


def replay(
    where: Where,
    trial: Annotated[str, typer.Argument(metavar="TRIAL", help="CELL/POLICY/TRIAL, as 12/postponed/7, or the tag trial.uid of MLflow.")],
    replicate: Annotated[
        str | None,
        typer.Option(metavar="PHASE/N", help="Which one, as confirm/0; default: the first that ran out of memory."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="OUT.png", help="The picture; default: in WHERE.")] = None,
) -> None:
    """Simulate one trial of a sweep again: the same digest, its time line, and what it died of."""
    from sweep.places import results_directory
    from sweep.replay import replay as replayed

    for line in replayed(results_directory(where), trial, replicate, out):
        typer.echo(line)


def doctor(
    where: Annotated[str | None, typer.Argument(metavar="[WHERE]", help="Look at this sweep as well.")] = None,
    tracking_uri: TrackingUri = None,
    ray: Annotated[bool, typer.Option("--ray/--no-ray", help="Start a worker on Ray; takes some seconds.")] = True,
) -> None:
    """Look at versions, cache, Ray, the store and MLflow: one line each, and exit code 1 if one is not well."""
    from sweep.doctor import Options, examine

    is_well = True
    for finding in examine(where, Options(tracking_uri, ray)):
        typer.echo(finding.line)
        is_well &= finding.is_well
    if not is_well:
        raise typer.Exit(1)
