"""The publisher's process: it follows the store while a sweep runs, and brings MLflow up to date whenever MLflow can be reached.

It writes nothing but MLflow, and what it has to write follows from the store alone. So it may be killed, or MLflow may be down, slow or
lost, and nothing but time is lost. While simulations run it has the lowest priority; at the end, when people wait for it and the machine has other work,
one of ordinary priority takes its place (only root could raise its priority).
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sweep.config import Mlflow
from sweep.errors import HighwaterError

if TYPE_CHECKING:
    from sweep.tracking import Publisher

EVERY_S: Final = 2.0
SHARE: Final = 0.1  # of its time at most goes into looking at the store
STEPS_BACK: Final = "--steps-back"
BACKOFF_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
LOCK: Final = "mlflow.lock"
PATIENCE_S: Final = 10.0  # for the rest at the lowest priority; a quiet machine publishes some hundred trials in it
LAST_TRIES: Final = 2  # at the end, before it is left to `highwater republish`


class Follower:
    """The driver's side: starts the process, asks it to finish."""

    def __init__(self, directory: Path, uri: str, what: Mlflow, *, steps_back: bool = True) -> None:
        """Start to follow the store in ``directory``, at the lowest priority if it ``steps_back``."""
        self.uri = uri
        self._words = [str(directory), uri, what.model_dump_json()]
        self._start(steps_back)

    def _start(self, steps_back: bool) -> None:
        command = [sys.executable, "-m", "sweep.follower", *self._words, *([STEPS_BACK] if steps_back else [])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        # A session of its own: Ctrl-C at the terminal is for the driver, which ends it by closing the pipe.
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True, start_new_session=True)
        self._steps_back = steps_back

    def finish(self, files: Sequence[str] | None) -> dict[str, Any]:
        """Publish the rest and these files; what was done, or {"error": why not}."""
        try:
            found = self._asked(files)
            if found is None:
                self.close()
                self._start(steps_back=False)
                found = self._asked(files)
        except (OSError, ValueError, IndexError):
            found = None
        return found or {"error": f"{self.uri}: the publisher's process went away; publish again later"}

    def _asked(self, files: Sequence[str] | None) -> dict[str, Any] | None:
        """Its answer; None if it steps back and has none in time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"files": files}) + "\n")
        self._process.stdin.flush()
        if self._steps_back and not select.select([self._process.stdout], [], [], PATIENCE_S)[0]:
            return None
        lines = self._process.stdout.read().splitlines()
        self._process.wait()
        found: dict[str, Any] = json.loads(lines[-1])
        return found

    def close(self) -> None:
        """End it wherever it is; the next publication catches up."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def follow(directory: Path, uri: str, what: Mlflow) -> dict[str, Any]:
    """Until standard input says to finish, or ends; what the last publication did, or {"error": why there is none}."""
    publisher: Publisher | None = None
    seen, failures, last_tries, pause = -1, 0, 0, EVERY_S
    final: dict[str, Any] | None = None
    while True:
        if final is None:
            order = _order(pause)
            if order == "":
                return {}
            final = json.loads(order) if order else None
        began = time.monotonic()
        now = _batches(directory)
        if final is None and now == seen:
            continue
        try:
            publisher = publisher or _publisher(uri)
            done = _publish(publisher, directory, final["files"] if final else None, what)
        except HighwaterError as error:
            publisher, failures = None, failures + 1
            pause = BACKOFF_S[min(failures, len(BACKOFF_S)) - 1]
            if final is not None:
                last_tries += 1
                if last_tries >= LAST_TRIES:
                    return {"error": str(error)}
                time.sleep(BACKOFF_S[1])  # a server that restarts is back by then
            continue
        if final is not None:
            return done
        seen, failures = now, 0
        pause = max(EVERY_S, (time.monotonic() - began) * (1 / SHARE - 1) if not done["created"] else EVERY_S)


def _publisher(uri: str) -> Publisher:
    from sweep.tracking import Publisher

    return Publisher(uri)


def _publish(publisher: Publisher, directory: Path, files: Sequence[str] | None, what: Mlflow) -> dict[str, Any]:
    from sweep.results import load_results

    with (directory / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two publishers would both create what neither finds
        paths = None if files is None else [Path(file) for file in files]
        return asdict(publisher.publish(load_results(directory), paths, what.trial_runs, what.top_k))


def _batches(directory: Path) -> int:
    """How many batches the store has."""
    from sweep.results import opened
    from sweep.store import FILE

    try:
        with opened(directory / FILE) as db:
            return int(db.execute("SELECT count(*) FROM batches").fetchone()[0])
    except HighwaterError:
        return 0


def _order(timeout_s: float) -> str | None:
    """A line of standard input; None if there is none in time, empty at its end."""
    ready, _, _ = select.select([sys.stdin], [], [], timeout_s)
    return sys.stdin.readline() if ready else None


def _step_back() -> None:
    """Run when nobody else wants to."""
    os.nice(19)
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    with suppress(OSError):  # of a session of its own, only the group's nice value counts beside other sessions: sched(7), autogroup
        Path("/proc/self/autogroup").write_text("19")


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if STEPS_BACK in sys.argv[4:]:
        _step_back()
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    try:
        done = follow(Path(sys.argv[1]), sys.argv[2], Mlflow.model_validate_json(sys.argv[3]))
    except HighwaterError as error:
        done = {"error": str(error)}
    with suppress(BrokenPipeError):  # the driver has not waited
        print(json.dumps(done), file=out, flush=True)


if __name__ == "__main__":
    _main()
