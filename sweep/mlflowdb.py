"""MLflow's database beside the results:

its place, its preparation, and the address of its pages. It does not import MLflow.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

DATABASE: Final = "mlflow.db"
ARTIFACTS: Final = "mlflow-artifacts"
PREFIX: Final = "highwater/"  # of an experiment's name
VIEW: Final = "highwater"  # key of the shared view with the columns that people come for
TRIALS_VIEW: Final = "highwater-trials"  # the same of trials alone, for charts


def local_uri(home: Path) -> str:
    """Tracking URI of the SQLite database in a directory; artifacts go beside it."""
    return f"sqlite:///{home.resolve() / DATABASE}"


def database_of(tracking_uri: str) -> Path | None:
    """The SQLite file of a tracking URI; None for a server."""
    prefix = "sqlite:///"
    return Path(tracking_uri.removeprefix(prefix)) if tracking_uri.startswith(prefix) else None


def prepare(database: Path) -> None:
    """Make the file, readable by its owner alone, and let readers and the publisher work at the same time.

    With a write-ahead log and no wait for the disk at each commit, publishing takes two thirds of the time; the worst
    that a power cut can do is to lose the last runs, which the next publication brings back.
    """
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    database.parent.mkdir(parents=True, exist_ok=True)
    database.touch(mode=0o600)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    mine = str(database.resolve())

    @event.listens_for(Engine, "connect")
    def relax(opened: Any, _record: object) -> None:
        if isinstance(opened, sqlite3.Connection):
            files = [row[2] for row in opened.execute("PRAGMA database_list")]
            if mine in files:
                opened.execute("PRAGMA synchronous = NORMAL")


def runs_page(server: str, experiment_id: str, shared: str = VIEW) -> str:
    """Address of the experiment's table on a server, with OOM rate and throughput as its first columns."""
    return f"{server.rstrip('/')}/#/experiments/{experiment_id}/runs?viewStateShareKey={shared}"


def first_page(home: Path, server: str) -> str:
    """Address of the newest sweep in the database of a directory, for `highwater ui`; the server's if there is none."""
    query = "SELECT experiment_id FROM experiments WHERE name LIKE ? ORDER BY experiment_id DESC LIMIT 1"
    try:
        with closing(sqlite3.connect(f"{(home / DATABASE).resolve().as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute(query, (f"{PREFIX}%",)).fetchone()
    except sqlite3.Error:
        return server
    return runs_page(server, str(found[0])) if found else server
