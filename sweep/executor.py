"""Where work is computed: in this process, in processes of this machine, or on Ray. The only file that imports ray.

Work is a pure function with its arguments, and every executor calls the same one, so the choice changes when a result arrives, never what
it is.
"""

from __future__ import annotations

import multiprocessing
import os
import secrets
import signal
import socket
import threading
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for_sentinel
from pathlib import Path
from typing import Any, Final, Generic, Literal, Protocol, TypeVar

from sweep.errors import ConfigError, WorkerError, shown

Kind = Literal["serial", "process", "ray"]
KINDS: Final[tuple[Kind, ...]] = ("ray", "process", "serial")
TOKEN_FILE: Final = "ray.token"  # noqa: S105 - the name of a file
OBJECT_STORE_BYTES: Final = 128 << 20  # work and results are a few kB
OOM_RETRIES: Final = "3"  # Ray's own default is to retry for ever
RETRIES: Final = 3
CONNECT_S: Final = 5.0


R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Work(Protocol[R_co]):
    """What is computed in one piece, such as a batch of trials; it can be pickled."""

    def run(self) -> R_co:
        """Compute it. Runs on a worker; pure."""

    def failure(self, reason: str) -> str:
        """The line for a user, when it failed for ``reason``."""


class Executor(Protocol[R]):
    """Computes work, each piece in one.

    Attributes:
        workers: how many pieces are computed at once.
    """

    workers: int

    def submit(self, work: Work[R]) -> None:
        """Start, or queue, some work."""

    def next(self, timeout_s: float) -> R | None:
        """What some work gave, or None if none is done within ``timeout_s``.

        Raises:
            WorkerError: some work failed for good.
        """

    def close(self) -> None:
        """Stop everything at once; unfinished work is lost."""


def check_options(kind: Kind, workers: int | None, address: str | None) -> None:
    """Refuse options that do not go together.

    Raises:
        ConfigError: naming the option and what is allowed.
    """
    if workers is not None and workers < 1:
        raise ConfigError(f"--workers: {workers}; allowed: >= 1")
    if kind == "serial" and workers not in (None, 1):
        raise ConfigError(f"--workers: {workers}; allowed: 1 with --executor serial")
    if address is not None and kind != "ray":
        raise ConfigError(f"--address: {shown(address)}; allowed: only with --executor ray")


def make(kind: Kind, workers: int | None, address: str | None, scratch: Path) -> Executor[Any]:
    """The executor that the command line asks for.

    Args:
        kind: "serial", "process" or "ray".
        workers: None: one for each CPU that this process may use, or all of a cluster's.
        address: of a running Ray cluster; None starts one on this machine.
        scratch: directory for the token of a cluster that is started here.

    Raises:
        ConfigError: see ``check_options``; or Ray cannot be reached or started.
    """
    check_options(kind, workers, address)
    if kind == "serial":
        return SerialExecutor()
    if kind == "process":
        return ProcessExecutor(workers or usable_cpus())
    return RayExecutor(workers, address, scratch)


def usable_cpus() -> int:
    """CPUs that this process may run on."""
    return len(os.sched_getaffinity(0))


class SerialExecutor(Generic[R]):
    """One piece at a time, in this process: for tests and debuggers."""

    def __init__(self) -> None:
        self.workers = 1
        self._queue: deque[Work[R]] = deque()

    def submit(self, work: Work[R]) -> None:
        self._queue.append(work)

    def next(self, timeout_s: float) -> R | None:
        if not self._queue:
            return None
        work = self._queue.popleft()
        try:
            return work.run()
        except Exception as error:
            raise _failed(work, error) from error

    def close(self) -> None:
        self._queue.clear()


class ProcessExecutor(Generic[R]):
    """Processes of this machine, started afresh (not forked: threads and compiled code do not survive a fork)."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        context = multiprocessing.get_context("spawn")
        self._others = set(multiprocessing.active_children())
        self._pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
        self._pending: dict[Future[R], Work[R]] = {}

    def submit(self, work: Work[R]) -> None:
        try:
            self._pending[self._pool.submit(_run, work)] = work
        except BrokenProcessPool as error:
            raise _failed(work, error) from error

    def next(self, timeout_s: float) -> R | None:
        done, _ = wait(self._pending, timeout_s, FIRST_COMPLETED)
        if not done:
            return None
        future = done.pop()
        work = self._pending.pop(future)
        try:
            return future.result()
        except Exception as error:
            raise _failed(work, error) from error

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - self._others:
            process.terminate()


def _run(work: Work[R]) -> R:
    return work.run()


def _start_worker() -> None:
    """A worker leaves Ctrl-C to the driver and ends when the driver does, even by SIGKILL."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait_for_sentinel([sentinel])
    os._exit(1)


class RayExecutor(Generic[R]):
    """Work on Ray: a cluster of this machine that lives as long as the executor, or a running one."""

    def __init__(self, workers: int | None, address: str | None, scratch: Path) -> None:
        # `uv run` would upload the working directory to every worker, and statistics would leave the machine.
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        self._token = None if address else _own_token(scratch)
        try:
            self._ray = _connect(workers, address)
        except BaseException:
            self._forget_token()
            raise
        self.workers = workers or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self._remote = self._ray.remote(num_cpus=1, max_retries=RETRIES, retry_exceptions=False)(_run)
        self._pending: dict[Any, Work[R]] = {}

    def submit(self, work: Work[R]) -> None:
        self._pending[self._remote.remote(work)] = work

    def next(self, timeout_s: float) -> R | None:
        done, _ = self._ray.wait(list(self._pending), num_returns=1, timeout=timeout_s)
        if not done:
            return None
        work = self._pending.pop(done[0])
        try:
            result: R = self._ray.get(done[0])
        except self._ray.exceptions.RayTaskError as error:
            raise _failed(work, error.cause) from error
        except self._ray.exceptions.RayError as error:
            raise _failed(work, error) from error
        return result

    def close(self) -> None:
        self._ray.shutdown()
        self._forget_token()

    def _forget_token(self) -> None:
        if self._token is not None:
            self._token.unlink(missing_ok=True)
            os.environ.pop("RAY_AUTH_TOKEN_PATH", None)  # or the next cluster of this process would look for it


def _connect(workers: int | None, address: str | None) -> Any:
    """Import Ray and join the cluster at ``address``, or start one on this machine."""
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is None:
        os.environ.setdefault("RAY_task_oom_retries", OOM_RETRIES)
        os.environ.setdefault("RAY_enable_metrics_collection", "0")
    import ray

    if address is not None:
        _check_reachable(address)
    try:
        if address is None:
            cpus = workers or usable_cpus()
            # "local": another cluster on this machine is none of ours, whatever RAY_ADDRESS says.
            ray.init(address="local", num_cpus=cpus, include_dashboard=False, object_store_memory=OBJECT_STORE_BYTES, **quiet)
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        at = f"--address: {shown(address)}" if address else "ray"
        raise ConfigError(f"{at}: {' '.join(str(error).split())[:200]}; allowed: a running cluster, or --executor process") from None
    return ray


def _check_reachable(address: str) -> None:
    """Refuse an address where nobody listens; Ray itself would try for minutes."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal():
        return  # "auto" and the like; Ray says so at once
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(f"--address: {shown(address)}: {error}; allowed: HOST:PORT of a running Ray cluster") from None


def _own_token(scratch: Path) -> Path | None:
    """A fresh token, readable by this user alone, for a cluster that is started here; None if the user provides one."""
    if os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return None
    path = (scratch / TOKEN_FILE).resolve()
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(32))
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(path)
    return path


def _failed(work: Work[Any], error: BaseException) -> WorkerError:
    reason = " ".join(str(error).split())[:300]
    return WorkerError(work.failure(f"{type(error).__name__}: {reason}"))
