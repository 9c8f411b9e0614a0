"""Open MLflow's pages on a sweep's database: a loopback server with everything off that a sweep does not need."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Final, NoReturn

from sweep.errors import ConfigError
from sweep.mlflowdb import first_page
from sweep.tracking import ARTIFACTS, DATABASE

HOST: Final = "127.0.0.1"
QUIET: Final = ["--workers", "1", "--uvicorn-opts", "--log-level warning"]
OFF: Final = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_ENABLE_AI_GATEWAY": "false",
    "MLFLOW_ALLOW_MODEL_CODE_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "PYTHONWARNINGS": "ignore",
}


def command(database: Path, port: int) -> list[str]:
    """The server's command line."""
    artifacts = database.parent / ARTIFACTS
    store = [
        "--backend-store-uri",
        f"sqlite:///{database.resolve()}",
        "--artifacts-destination",
        str(artifacts.resolve()),
    ]
    return [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), *store, *QUIET]


def serve(directory: Path, port: int) -> NoReturn:
    """Become the server; it runs until it is interrupted.

    Raises:
        ConfigError: nothing was published here, or the port is taken.
    """
    database = directory / DATABASE
    if not database.is_file():
        raise ConfigError(f"{database}: no such file; allowed: a sweep that was published (highwater publish {directory})")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ConfigError(f"--port: {port}: {error.strerror}; allowed: a free port, such as --port {port + 1}") from None
    page = first_page(directory, f"http://{HOST}:{port}")
    print(f"MLflow on {page} (Ctrl-C ends it)", file=sys.stderr, flush=True)
    os.execve(sys.executable, command(database, port), os.environ | OFF)  # noqa: S606 - a fixed program and our arguments
