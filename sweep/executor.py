"""Where work is computed: in this process, in processes of this machine, or on Ray. The only file that imports ray.

Work is a pure function with its arguments, and every executor calls the same one, so the choice changes when a result arrives, never what
it is. A worker that is lost costs the work that it had; what to do about that is the caller's to decide.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from abc import ABC, abstractmethod
from collections import deque
from functools import cache
from pathlib import Path
from typing import Any, Final, Generic, Literal, TypeVar

from sweep.errors import ConfigError, WorkerError, shown
from sweep.processes import Pool
from sweep.ward import reason_of
from sweep.watch import expendable
from sweep.work import Done, Ended, Lost, Work

Kind = Literal["serial", "process", "ray"]
KINDS: Final[tuple[Kind, ...]] = ("ray", "process", "serial")
TOKEN_FILE: Final = "ray.token"  # noqa: S105 - the name of a file
OBJECT_STORE_BYTES: Final = 128 << 20  # work and results are a few kB
OOM_RETRIES: Final = "3"  # Ray's own default is to retry for ever
CONNECT_S: Final = 5.0
LOOPBACK: Final = "127.0.0.1"  # a cluster that is started here listens nowhere else
COUNT_EVERY_S: Final = 10.0  # nodes come and go


R = TypeVar("R")


class Executor(ABC, Generic[R]):
    """Computes work, each piece in one.

    Attributes:
        workers: how many pieces are computed at once.
    """

    workers: int

    @abstractmethod
    def submit(self, work: Work[R]) -> None:
        """Start, or queue, some work."""

    @abstractmethod
    def collect(self, timeout_s: float) -> list[Ended]:
        """Whatever has ended, well or not; nothing if nothing has within ``timeout_s``."""

    @abstractmethod
    def close(self) -> None:
        """Stop everything at once; unfinished work is lost."""

    def next(self, timeout_s: float) -> R | None:
        """What some work gave, or None if none is done within ``timeout_s``; for callers to whom lost work is an error.

        Raises:
            WorkerError: some work failed for good.
        """
        waiting: deque[Ended] = self.__dict__.setdefault("_waiting", deque())
        if not waiting:
            waiting.extend(self.collect(timeout_s))
        if not waiting:
            return None
        ended = waiting.popleft()
        if isinstance(ended, Lost):
            raise WorkerError(ended.work.failure(ended.reason))
        result: R = ended.result
        return result


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


class SerialExecutor(Executor[R]):
    """One piece at a time, in this process: for tests and debuggers."""

    def __init__(self) -> None:
        self.workers = 1
        self._queue: deque[Work[R]] = deque()

    def submit(self, work: Work[R]) -> None:
        self._queue.append(work)

    def collect(self, timeout_s: float) -> list[Ended]:
        if not self._queue:
            return []
        work = self._queue.popleft()
        try:
            return [Done(work, work.run())]
        except Exception as error:
            return [Lost(work, reason_of(error), is_worker=False)]

    def close(self) -> None:
        self._queue.clear()


class ProcessExecutor(Executor[R]):
    """Processes of this machine."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool = Pool(workers)

    def submit(self, work: Work[R]) -> None:
        self._pool.submit(work)

    def collect(self, timeout_s: float) -> list[Ended]:
        try:
            return self._pool.collect(timeout_s)
        except RuntimeError as error:
            raise WorkerError(f"{error}; allowed: --executor serial shows what they say") from None

    def pids(self) -> list[int]:
        """Of the workers."""
        return self._pool.pids()

    def close(self) -> None:
        self._pool.close()


def _run(work: Work[R]) -> R:
    expendable()
    return work.run()


class RayExecutor(Executor[R]):
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
        self._wanted = workers
        self._counted_at = 0.0
        self.workers = 1
        self._count()
        # No retries of Ray's own: it does not tell why, and a trial that kills its worker would kill one node's after the other's.
        self._remote = self._ray.remote(num_cpus=1, max_retries=0, retry_exceptions=False)(_run)
        self._pending: dict[Any, Work[R]] = {}

    def submit(self, work: Work[R]) -> None:
        self._pending[self._remote.remote(work)] = work

    def collect(self, timeout_s: float) -> list[Ended]:
        self._count()
        if not self._pending:
            time.sleep(min(timeout_s, 0.05))
            return []
        waiting = list(self._pending)
        done, _ = self._ray.wait(waiting, num_returns=1, timeout=timeout_s)
        if done and len(waiting) > 1:
            done, _ = self._ray.wait(waiting, num_returns=len(waiting), timeout=0)
        return [self._ended(reference) for reference in done]

    def _ended(self, reference: Any) -> Ended:
        work = self._pending.pop(reference)
        try:
            return Done(work, self._ray.get(reference))
        except self._ray.exceptions.RayTaskError as error:
            return Lost(work, reason_of(error.cause), is_worker=False)
        except self._ray.exceptions.RayError as error:
            return Lost(work, f"its worker was lost ({type(error).__name__})", is_worker=True)

    def _count(self) -> None:
        """How many workers there are now."""
        if self._wanted is not None:
            self.workers = self._wanted
        elif time.monotonic() - self._counted_at > COUNT_EVERY_S:
            self._counted_at = time.monotonic()
            self.workers = max(1, int(self._ray.cluster_resources().get("CPU", 1)))

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
        os.environ.setdefault("RAY_worker_niceness", "0")  # Ray's own default is 15, and the publisher is to come after the sweep
    import ray

    if address is not None:
        _check_reachable(address)
    try:
        if address is None:
            cpus = workers or usable_cpus()
            # Ray would turn the loopback address into one that others can reach, and then listen on all of them.
            ray._private.services.resolve_ip_for_localhost = lambda host: host
            # "local": another cluster on this machine is none of ours, whatever RAY_ADDRESS says.
            ray.init(address="local", num_cpus=cpus, include_dashboard=False, object_store_memory=OBJECT_STORE_BYTES, _node_ip_address=LOOPBACK, **quiet)
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


@cache
def _token() -> str:
    """The token of every cluster that this process starts: Ray keeps the first one that it has read."""
    return secrets.token_hex(32)


def _own_token(scratch: Path) -> Path | None:
    """A file with the token, readable by this user alone, for a cluster that is started here; None if the user provides one."""
    if os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return None
    path = (scratch / TOKEN_FILE).resolve()
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(_token())
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(path)
    return path
