"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

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
