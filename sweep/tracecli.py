"""Commands that make a workload of a program: ``record``, ``convert``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

FilterPages = Annotated[int, typer.Option(min=1, max=4096, help="Skip touches of the last N pages touched.")]


def record(
    out: Annotated[Path, typer.Argument(metavar="OUT.hwt")],
    program: Annotated[list[str], typer.Argument(metavar="-- PROGRAM [ARGUMENTS]")],
    filter_pages: FilterPages = 64,
) -> None:
    """Record a program's page touches with valgrind, as a workload; some hundred times slower than the program."""
    from sweep.recording import recorded

    typer.echo(recorded(out, program, filter_pages))


def convert(
    source: Annotated[Path, typer.Argument(metavar="LACKEY.txt", help="Output of lackey; - for standard input.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.hwt")],
    filter_pages: FilterPages = 64,
) -> None:
    """Convert what valgrind's lackey wrote to a workload."""
    from sweep.recording import converted

    typer.echo(converted(None if str(source) == "-" else source, out, filter_pages))
