"""The commands ``highwater lab ...`` and ``highwater validate``. The lab is imported when one of them runs, never before."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Run a real Linux kernel under QEMU on the same operations as the simulator.", no_args_is_help=True)

Campaign = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="A campaign file, or the name of a shipped one.")]
KernelFile = Annotated[
    Path | None, typer.Option("--kernel", metavar="BZIMAGE", help="A kernel of your own; default: Debian's cloud kernel, by apt-get download.")
]
ModulesDirectory = Annotated[Path | None, typer.Option("--modules", metavar="DIR", help="Its modules, not compressed.")]
Qemu = Annotated[
    Path | None,
    typer.Option("--qemu", metavar="PROGRAM", envvar="HIGHWATER_QEMU", help="A QEMU of your own, 8.1 or newer for two CPUs; default: the one on the path."),
]
For = Annotated[str | None, typer.Option("--for", metavar="TIME", help="Begin no point after so long, as 90s or 8m; default: run them all.")]


class Lists(StrEnum):
    """Which of its two lists of pages the guest's kernel uses."""

    linux_5_16 = "linux_5_16"
    mglru = "mglru"


@app.command()
def run(
    machine: Annotated[str, typer.Argument(metavar="MACHINE", help="Name of a machine, as lab-128m.")],
    workload: Annotated[str, typer.Argument(metavar="WORKLOAD", help="Name of a workload.")],
    sets: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="vm.SYSCTL, machine.KEY or workload.KEY; repeatable.")] = None,
    policy: Annotated[Lists, typer.Option(help="Active and inactive lists of 6.1, or generations.")] = Lists.linux_5_16,
    seed: Annotated[int, typer.Option(min=0, help="Of the streams.")] = 1,
    series: Annotated[Path | None, typer.Option(metavar="OUT.csv", help="Write the time series of /proc/vmstat.")] = None,
    kernel: KernelFile = None,
    modules: ModulesDirectory = None,
    qemu: Qemu = None,
) -> None:
    """Run one point in the guest and in the simulator, and print both side by side."""
    from lab.running import Options
    from lab.running import run as lab_run

    for line in lab_run(machine, workload, Options(tuple(sets or ()), policy.value, seed, kernel, modules, series, qemu)):
        typer.echo(line)


@app.command()
def campaign(name: Campaign, time: For = None, kernel: KernelFile = None, modules: ModulesDirectory = None, qemu: Qemu = None) -> None:
    """Measure what is not yet in lab/results; interrupted, the same command goes on."""
    from lab.campaign import campaign_file, run_campaign
    from lab.emulator import find as find_emulator
    from lab.kernel import find

    for line in run_campaign(campaign_file(name), find(kernel, modules), seconds(time), emulator=find_emulator(qemu)):
        typer.echo(line)


@app.command()
def repeat(
    name: Campaign,
    count: Annotated[int, typer.Option(min=1, max=1000, help="How many points, spread over the campaign.")] = 10,
    time: For = None,
    kernel: KernelFile = None,
    modules: ModulesDirectory = None,
    qemu: Qemu = None,
) -> None:
    """Measure some points again and say how far they are from the results."""
    from lab.campaign import campaign_file
    from lab.campaign import repeat as repeated
    from lab.emulator import find as find_emulator
    from lab.kernel import find

    for line in repeated(campaign_file(name), find(kernel, modules), count, seconds(time), emulator=find_emulator(qemu)):
        typer.echo(line)


@app.command()
def calibrate(name: Annotated[str, typer.Argument(metavar="CAMPAIGN")] = "calibration") -> None:
    """Fit the CPU costs of the lab's machine to a calibration campaign, and print them."""
    from lab.calibrate import fit
    from lab.campaign import campaign_file

    for line in fit(campaign_file(name)):
        typer.echo(line)


def validate(
    name: Annotated[str, typer.Argument(metavar="[CAMPAIGN]", help="A validation campaign.")] = "validation",
    out: Annotated[Path | None, typer.Option(metavar="OUT.md", help="Write the page, as docs/fidelity.md.")] = None,
    record: Annotated[bool, typer.Option("--record", help="Tighten the bars of lab/bars.yaml by what is found; none is loosened.")] = False,
) -> None:
    """Run the simulator against what the lab's kernel did; fails if a figure is worse than its bar."""
    from lab.validating import validate as validated

    for line in validated(name, out, record):
        typer.echo(line)


def seconds(text: str | None) -> float | None:
    """Seconds in "90s", "8m" or "1h"; None of None."""
    if text is None:
        return None
    number, unit = text[:-1], text[-1:]
    if unit not in ("s", "m", "h") or not number.isdecimal():
        from sweep.errors import refusal

        raise refusal("--for", "", text, "a number with s, m or h, as 8m")
    return float(number) * {"s": 1, "m": 60, "h": 3600}[unit]
