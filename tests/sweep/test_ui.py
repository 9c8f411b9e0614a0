"""The pages: on the loopback interface alone, and refused in one line when they cannot be served."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from sweep.errors import ConfigError
from sweep.tracking import DATABASE
from sweep.ui import OFF, command, serve


def test_the_server_listens_on_loopback_with_the_rest_off(tmp_path: Path) -> None:
    line = " ".join(command(tmp_path / DATABASE, 5001))
    assert " -m mlflow server --host 127.0.0.1 --port 5001 " in line
    assert f" --backend-store-uri sqlite:///{tmp_path / DATABASE} " in line
    assert OFF["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert OFF["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_what_was_not_published_is_not_served(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mlflow.db: no such file; allowed: a sweep that was published"):
        serve(tmp_path, 5001)


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    (tmp_path / DATABASE).touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"--port: {port}: Address already in use; allowed: a free port"):
            serve(tmp_path, port)
