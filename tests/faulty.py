"""A tracking server's bad days: a proxy before it that refuses, resets, answers 500 or keeps silent, as told."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

Mode = Literal["pass", "refuse", "reset-before", "reset-after", "500", "503-after", "hang"]
ERROR = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


class Proxy:
    """Forwards connections to a port of this machine, or does what ``mode`` says to each request.

    Attributes:
        mode: what happens to the next requests.
        count: how often each mode was met.
        hang_s: how long a silent server is silent.
    """

    def __init__(self, target: int) -> None:
        self.mode: Mode = "pass"
        self.count: dict[str, int] = {}
        self.hang_s = 30.0
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """One request to a connection: the answers say so, so that every request meets the mode of its moment."""
        with client, suppress(OSError):
            request = _message(client)
            if not request:
                return
            mode = self.mode
            self.count[mode] = self.count.get(mode, 0) + 1
            if mode in ("refuse", "reset-before"):
                _reset(client)
            elif mode == "500":
                client.sendall(ERROR % b"500 Internal Server Error")
            elif mode == "hang":
                time.sleep(self.hang_s)
                _reset(client)
            else:
                answer = self._answer(request)
                if mode == "reset-after":
                    _reset(client)
                else:
                    client.sendall(ERROR % b"503 Service Unavailable" if mode == "503-after" else answer)

    def _answer(self, request: bytes) -> bytes:
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
        with socket.create_connection(("127.0.0.1", self._target), timeout=60) as server:
            server.sendall(b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body)
            answer = b""
            while part := server.recv(1 << 16):
                answer += part
        return answer


def _message(client: socket.socket) -> bytes:
    """A whole request: its head, and as much as the head says, chunked or not."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = client.recv(1 << 16)
        if not part:
            return b""
        data += part
    head = data.partition(b"\r\n\r\n")[0].lower()
    if b"transfer-encoding: chunked" in head:
        while not data.endswith(b"0\r\n\r\n"):
            data += client.recv(1 << 16)
        return data
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
    while len(data) < len(head) + 4 + sum(lengths[:1]):
        data += client.recv(1 << 16)
    return data


def _reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close sends RST


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mlflow_server(store: str, artifacts: Path, port: int | None = None) -> Iterator[int]:
    """A real `mlflow server` on the loopback interface; gives its port."""
    port = port or free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", store, "--artifacts-destination", str(artifacts)]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    process = subprocess.Popen(
        command, cwd=artifacts.parent, env=os.environ | quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        for _ in range(600):
            with suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
                break
            time.sleep(0.2)
        yield port
    finally:
        os.killpg(process.pid, 9)
        process.wait(20)
