"""The command line ``highwater``. Each command imports what it needs when it runs, so that --help is quick."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from sweep.errors import HighwaterError
from sweep.labcli import app as lab_app
from sweep.labcli import validate

app = typer.Typer(
    name="highwater",
    help="Which page-reclaim policy and which settings keep this machine alive and fast, and how close is the cliff?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich costs more to import than all the rest
)

File = Annotated[str, typer.Argument(metavar="FILE", help="A sweep file, or the name of a shipped sweep.")]
Where = Annotated[str, typer.Argument(metavar="WHERE", help="Results directory, sweep file or name of a sweep that was run.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Put a value over the file's, as search.trials=8; repeatable."),
]
TrackingUri = Annotated[
    str | None,
    typer.Option("--tracking-uri", help="MLflow server or database; default: MLFLOW_TRACKING_URI, else beside the results."),
]


class Executors(StrEnum):
    """Where simulations run."""

    ray = "ray"
    process = "process"
    serial = "serial"


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command("map")
def map_(
    where: Where,
    out: Annotated[Path | None, typer.Option(help="Directory for the map's files; default: the results.")] = None,
    policies: Annotated[tuple[str, str] | None, typer.Option(metavar="A B", help="Judge A against B; default: the sweep's two.")] = None,
    axes: Annotated[tuple[str, str] | None, typer.Option(metavar="X Y", help="Axes to draw; default: the first two of the sweep.")] = None,
) -> None:
    """Draw where a policy wins, loses, ties, or where nobody knows."""
    from sweep.launch import draw
    from sweep.places import results_directory
    from sweep.results import load_results

    directory = results_directory(where)
    challenger, baseline = policies or (None, None)
    draw(load_results(directory), out or directory, challenger, baseline, axes)


@app.command()
def report(
    where: Where,
    out: Annotated[Path | None, typer.Option(help="Directory for report.html; default: the results.")] = None,
    cell: Annotated[list[str] | None, typer.Option(help="Number or label of a cell to draw the Pareto front of; repeatable; default: the first 40.")] = None,
    why: Annotated[int, typer.Option(min=0, metavar="N", help="Cells to simulate again and draw over time, those at the boundary first; 0: none.")] = 40,
    figures: Annotated[Path | None, typer.Option(metavar="DIR", help="Write every figure there as an SVG and a PNG file besides.")] = None,
) -> None:
    """Write everything about a sweep into one HTML file that needs nothing else."""
    from sweep.places import results_directory
    from sweep.report import write_report
    from sweep.results import load_results

    directory = results_directory(where)
    typer.echo(str(write_report(load_results(directory), out or directory, cell or (), explained=why, figures=figures)))


@app.command()
def recommend(
    where: Annotated[
        list[str] | None, typer.Argument(metavar="[WHERE]", help="A sweep that was run: its directory, file or name. With --machine: further workloads.")
    ] = None,
    machine: Annotated[str | None, typer.Option(metavar="M", help="Without a sweep: a file of `highwater capture`, a machine file, or a shipped name.")] = None,
    workloads: Annotated[
        list[str] | None, typer.Option("--workloads", metavar="W...", help="With --machine: recorded programs, workload files or shipped names.")
    ] = None,
    trials: Annotated[int, typer.Option(min=1, max=100_000, help="With --machine: settings searched for each workload.")] = 24,
    results: Annotated[Path | None, typer.Option(help="With --machine: directory for the results; default: results/NAME.")] = None,
    policy: Annotated[str | None, typer.Option(help="The policy that your kernel runs; default: flusher_only, or by the machine's kernel.")] = None,
    cell: Annotated[list[str] | None, typer.Option(help="Number or label; repeatable; default: all cells.")] = None,
    oom_bound: Annotated[float | None, typer.Option(help="Largest OOM rate tolerated, above 0, below 1; default: 0.35, with --machine 0.1.")] = None,
    goal: Annotated[str, typer.Option(help="worst: best worst cell; mean: best mean.")] = "worst",
    retest: Annotated[
        int | None,
        typer.Option(min=0, help="Fresh simulations of a candidate in a cell; default: what the bound takes."),
    ] = None,
    region: Annotated[bool, typer.Option("--region/--no-region", help="Say how far each setting may move; takes more simulations.")] = True,
    published: Annotated[
        bool, typer.Option("--published/--no-published", help="Grade what vendors publish on the same streams; takes more simulations.")
    ] = True,
    baseline: Annotated[list[str] | None, typer.Option(help="Grade this published setting, or all; repeatable; default: the best known.")] = None,
    rule: Annotated[bool, typer.Option("--rule", help="Say how the setting follows from RAM and devices, over the machines of the sweep.")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; the results are the same; default: one for each CPU.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write sysctl.d file, its undo, TuneD profile and a card there: a directory, or NAME.conf.")
    ] = None,
) -> None:
    """Print settings as a sysctl.d file with their evidence, or say "keep the default"."""
    from sweep.advise import Wish, advise
    from sweep.errors import ConfigError, refusal
    from sweep.places import results_directory
    from sweep.recommend import GOALS

    cells = [int(text) if text.isdecimal() else text for text in cell or ()] or None
    if goal not in GOALS:
        raise refusal("--goal", "", goal, ", ".join(GOALS))
    wish = Wish(
        policy, cells, oom_bound, "mean" if goal == "mean" else "worst", retest, region, published, tuple(baseline or ()), jobs=jobs, has_rule=rule, out=out
    )
    if machine is not None:
        from sweep.tailored import Request, recommend_for

        typer.echo(recommend_for(Request(machine, (*(workloads or ()), *(where or ())), trials, results, jobs), wish), nl=False)
    elif workloads or results or len(where or ()) != 1:
        raise ConfigError("recommend: allowed: one sweep that was run, or --machine M --workloads W ...")
    else:
        assert where
        typer.echo(advise(results_directory(where[0]), wish), nl=False)


@app.command()
def capture(
    ram: Annotated[str | None, typer.Option(metavar="SIZE", help="RAM, as 512M or 2GiB; default: this machine's.")] = None,
    cpus: Annotated[int | None, typer.Option(min=1, max=1024, help="Default: this machine's.")] = None,
    swap: Annotated[str | None, typer.Option(metavar="SIZE", help="Swap space; 0: none; default: this machine's, or as much as RAM.")] = None,
    swap_device: Annotated[str | None, typer.Option(metavar="CLASS", help="hdd, ssd, nvme, usb, sd, nfs or none; default: this machine's.")] = None,
    file_device: Annotated[str | None, typer.Option(metavar="CLASS", help="The same, of the files; default: what PATH is on.")] = None,
    same_device: Annotated[bool | None, typer.Option("--same-device/--two-devices", help="Swap and files are on one device.")] = None,
    kernel: Annotated[str | None, typer.Option(metavar="VERSION", help="As 6.1; default: this machine's.")] = None,
    mglru: Annotated[bool | None, typer.Option("--mglru/--no-mglru", help="The multi-generational LRU is on; default: as on this machine.")] = None,
    name: Annotated[str | None, typer.Option(help="Of the machine; default: my-machine.")] = None,
    path: Annotated[str, typer.Option(help="Where the workload's files are, on this machine.")] = "/",
) -> None:
    """Print a machine file for `recommend --machine`: of this machine, which is only read, or of one that is described."""
    from sweep.capture import Given
    from sweep.capture import capture as captured
    from sweep.probe import probe

    given = Given(ram, cpus, swap, swap_device, file_device, same_device, kernel, mglru, name)
    typer.echo(captured(given, None if given.is_whole else probe(path=path)), nl=False)


@app.command()
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


@app.command()
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


app.command("publish", hidden=True)(republish)


class Forms(StrEnum):
    """How tables are written."""

    csv = "csv"
    parquet = "parquet"


@app.command()
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


@app.command()
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


@app.command()
def why(
    where: Where,
    cell: Annotated[str, typer.Argument(metavar="CELL", help="Number or label of a cell of the map.")],
    policies: Annotated[tuple[str, str] | None, typer.Option(metavar="A B", help="These two; default: the best and the worst of the cell.")] = None,
    defaults: Annotated[bool, typer.Option("--defaults", help="Each at kernel defaults instead of its tuned best.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="OUT.png", help="The picture; default: in WHERE.")] = None,
) -> None:
    """Say why a cell of the map came out as it did: the best and the worst policy on the same streams, side by side."""
    from sweep.places import results_directory
    from sweep.why import explain

    for line in explain(results_directory(where), cell, policies or (), "default" if defaults else "tuned", out):
        typer.echo(line)


@app.command()
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


@app.command()
def policies(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Tell everything about this one.")] = None,
) -> None:
    """List the policies with their sources and tunables."""
    from sweep.policylist import details, listing

    for line in details(name) if name else listing():
        typer.echo(line)


FilterPages = Annotated[int, typer.Option(min=1, max=4096, help="Skip touches of the last N pages touched.")]


@app.command(context_settings={"ignore_unknown_options": True})
def record(
    out: Annotated[Path, typer.Argument(metavar="OUT.hwt")],
    program: Annotated[list[str], typer.Argument(metavar="-- PROGRAM [ARGUMENTS]")],
    filter_pages: FilterPages = 64,
) -> None:
    """Record a program's page touches with valgrind, as a workload; some hundred times slower than the program."""
    from sweep.recording import recorded

    typer.echo(recorded(out, program, filter_pages))


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="LACKEY.txt", help="Output of lackey; - for standard input.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.hwt")],
    filter_pages: FilterPages = 64,
) -> None:
    """Convert what valgrind's lackey wrote to a workload."""
    from sweep.recording import converted

    typer.echo(converted(None if str(source) == "-" else source, out, filter_pages))


app.add_typer(lab_app, name="lab")
app.command()(validate)


@app.command()
def version() -> None:
    """Print the version."""
    from sweep.provenance import highwater_version

    typer.echo(f"highwater {highwater_version()}")


def main() -> NoReturn:
    """Run the command line; every error that a user can put right is one line and an exit code."""
    from typer.exceptions import Abort, Exit, TyperException

    try:
        code = app(prog_name="highwater", standalone_mode=False)
        sys.stdout.flush()
    except HighwaterError as error:
        code = _fail(error, error.exit_code)
    except TyperException as error:
        code = _fail(error.format_message(), error.exit_code) if error.format_message() else error.exit_code
    except Exit as error:
        code = error.exit_code
    except (KeyboardInterrupt, Abort):
        code = _fail("interrupted", 130)
    except BrokenPipeError:  # the reader of a pipe went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code if isinstance(code, int) else 0)


def _fail(problem: object, code: int) -> int:
    print(f"highwater: error: {' '.join(str(problem).split())}", file=sys.stderr, flush=True)
    return code
