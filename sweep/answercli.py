"""Commands that answer: ``map``, ``report``, ``why``, ``capture``, ``recommend``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sweep.arguments import Where


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


def report(
    where: Where,
    out: Annotated[Path | None, typer.Option(help="Directory for report.html; default: the results.")] = None,
    cell: Annotated[list[str] | None, typer.Option(help="Number or label of a cell to draw the Pareto front of; repeatable; default: the first 40.")] = None,
    why: Annotated[int, typer.Option(min=0, metavar="N", help="Cells to simulate again and draw over time, the most telling ones first; 0: none.")] = 40,
    figures: Annotated[Path | None, typer.Option(metavar="DIR", help="Write every figure there as an SVG and a PNG file besides.")] = None,
) -> None:
    """Write everything about a sweep into one HTML file that needs nothing else."""
    from sweep.places import results_directory
    from sweep.report import write_report
    from sweep.results import load_results

    directory = results_directory(where)
    typer.echo(str(write_report(load_results(directory), out or directory, cell or (), explained=why, figures=figures)))


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


def why(
    where: Where,
    cell: Annotated[str, typer.Argument(metavar="CELL", help="Number or label of a cell.")],
    policies: Annotated[tuple[str, str] | None, typer.Option(metavar="A B", help="These two; default: the best and the worst of the cell.")] = None,
    defaults: Annotated[bool, typer.Option("--defaults", help="Each at kernel defaults instead of its tuned best.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="OUT.png", help="The picture; default: in WHERE.")] = None,
) -> None:
    """Say why a cell came out as it did: the best and the worst policy on the same streams, side by side.

    Of a sweep with one policy: the best settings that its search found, and the kernel's defaults.
    """
    from sweep.places import results_directory
    from sweep.why import explain

    for line in explain(results_directory(where), cell, policies or (), "default" if defaults else "tuned", out):
        typer.echo(line)
