"""Processes of this machine as workers. Each has a pipe of its own, so a worker that dies takes only its own work with it."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from collections import deque
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final

from sweep.ward import reason_of
from sweep.watch import expendable, why
from sweep.work import Done, Ended, Lost, Work

AHEAD: Final = 2  # pieces sent to a worker: one that runs and one that waits, so that no worker waits for the driver
STILLBORN: Final = 3  # workers that die in a row before they have asked for work


@dataclass
class Worker:
    """One process.

    Attributes:
        process, pipe: it, and our end of its pipe.
        sent: pieces that it has, the one it works on first.
        is_up: it has said that it is ready.
    """

    process: BaseProcess
    pipe: Connection
    sent: deque[Work[Any]] = field(default_factory=deque)
    is_up: bool = False


class Pool:
    """A fixed number of workers, started afresh (not forked: threads and compiled code do not survive a fork)."""

    def __init__(self, workers: int) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._queue: deque[Work[Any]] = deque()
        self._stillborn = 0
        self._workers = [self._start() for _ in range(workers)]

    def submit(self, work: Work[Any]) -> None:
        """Queue some work."""
        self._queue.append(work)
        self._feed()

    def collect(self, timeout_s: float) -> list[Ended]:
        """Everything that has ended; waits for the first one.

        Raises:
            RuntimeError: no worker can be started.
        """
        ready = set(wait([worker.pipe for worker in self._workers], timeout_s))
        ended: list[Ended] = []
        for place, worker in enumerate(self._workers):
            if worker.pipe in ready:
                self._read(place, worker, ended)
        self._feed()
        return ended

    def pids(self) -> list[int]:
        """Of the workers, for those who want to watch or kill them."""
        return [worker.process.pid or 0 for worker in self._workers]

    def close(self) -> None:
        """End all workers at once."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()

    def _start(self) -> Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs,), daemon=False)
        process.start()
        theirs.close()
        return Worker(process, ours)

    def _feed(self) -> None:
        """Give waiting work to the workers that have least."""
        for load in range(AHEAD):
            for worker in self._workers:
                if self._queue and worker.is_up and len(worker.sent) == load:
                    work = self._queue.popleft()
                    try:
                        worker.pipe.send(work)
                    except OSError:  # it is dead; the next collect finds out
                        self._queue.appendleft(work)
                        return
                    worker.sent.append(work)

    def _read(self, place: int, worker: Worker, ended: list[Ended]) -> None:
        try:
            while worker.pipe.poll():
                kind, result = worker.pipe.recv()
                if kind == "up":
                    worker.is_up, self._stillborn = True, 0
                elif kind == "done":
                    ended.append(Done(worker.sent.popleft(), result))
                else:
                    ended.append(Lost(worker.sent.popleft(), result, is_worker=False))
        except (EOFError, OSError):
            self._replace(place, worker, ended)

    def _replace(self, place: int, worker: Worker, ended: list[Ended]) -> None:
        """A new worker for one that died; only what it worked on is lost, the rest goes back to the queue."""
        worker.process.join(5)
        worker.pipe.close()
        if worker.sent:
            work = worker.sent.popleft()
            ended.append(Lost(work, why(worker.process.exitcode, getattr(work, "limit_s", None)), is_worker=True))
            self._queue.extendleft(reversed(worker.sent))
        elif not worker.is_up:
            self._stillborn += 1
            if self._stillborn >= STILLBORN:
                raise RuntimeError(f"workers die when they start: {why(worker.process.exitcode, None)}")
        self._workers[place] = self._start()


def _serve(pipe: Connection) -> None:
    """A worker: leaves Ctrl-C to the driver, and ends when the driver does, even by SIGKILL."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    expendable()
    pending: queue.SimpleQueue[Work[Any]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(pipe, pending), daemon=True).start()
    pipe.send(("up", None))
    while True:
        work = pending.get()
        try:
            answer = ("done", work.run())
        except Exception as error:
            answer = ("raised", reason_of(error))
        pipe.send(answer)


def _receive(pipe: Connection, pending: queue.SimpleQueue[Work[Any]]) -> None:
    """Take work in while some is being computed, so that the driver never waits for a worker."""
    try:
        while True:
            pending.put(pipe.recv())
    except (EOFError, OSError):
        os._exit(1)  # the driver is gone
