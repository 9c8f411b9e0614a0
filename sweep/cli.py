"""The command line ``highwater``. Each command imports what it needs when it runs, so that --help is quick.

The commands are functions of the files ``sweep/*cli.py``; here they get their names and their order.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated, NoReturn

import typer

from sweep.answercli import capture, map_, recommend, report, why
from sweep.errors import HighwaterError
from sweep.labcli import app as lab_app
from sweep.labcli import validate
from sweep.resultcli import doctor, export, replay, republish, ui
from sweep.runcli import check, compare, plan, run
from sweep.tracecli import convert, record

app = typer.Typer(
    name="highwater",
    help="Which page-reclaim policy and which settings keep this machine alive and fast, and how close is the cliff?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich costs more to import than all the rest
)


def policies(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Tell everything about this one.")] = None,
) -> None:
    """List the policies with their sources and tunables."""
    from sweep.policylist import details, listing

    for line in details(name) if name else listing():
        typer.echo(line)


def version() -> None:
    """Print the version."""
    from sweep.provenance import highwater_version

    typer.echo(f"highwater {highwater_version()}")


COMMANDS: dict[str, Callable[..., None]] = {
    "run": run,
    "check": check,
    "plan": plan,
    "compare": compare,
    "map": map_,
    "report": report,
    "recommend": recommend,
    "capture": capture,
    "ui": ui,
    "republish": republish,
    "export": export,
    "replay": replay,
    "why": why,
    "doctor": doctor,
    "policies": policies,
    "record": record,
    "convert": convert,
    "validate": validate,
    "version": version,
}
for name, command in COMMANDS.items():
    app.command(name, context_settings={"ignore_unknown_options": command is record})(command)
app.command("publish", hidden=True)(republish)
app.add_typer(lab_app, name="lab")


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
