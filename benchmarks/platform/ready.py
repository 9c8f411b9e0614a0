"""Ready: workers that have imported, loaded and run everything once, before a clock starts."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core import Builder, Device, Machine, policies, simulate
from core.operations import WRITE

DISK = Device("disk", 60, 60, 100_000, 10_000_000)


@dataclass(frozen=True)
class Hello:
    """Makes a worker import and load what it needs, and keeps it for a moment, so that each one gets its own.

    Attributes:
        seconds: how long it is kept.
        policies: what it simulates a little of.
    """

    seconds: float
    policies: tuple[str, ...] = ()

    def run(self) -> int:
        """The worker's process id."""
        import optuna  # noqa: F401 - the worker's import, before the clock starts

        builder = Builder()
        builder.task().run(WRITE, builder.anon(16).first, 16).exit()
        streams, machine = builder.build(1_000_000), Machine("small", 16, 1, 16, DISK, DISK)
        for name in self.policies:
            policy = policies.load(name)
            simulate(machine, policy, policy.resolve(machine, {}), streams)
        time.sleep(self.seconds)
        return os.getpid()

    def failure(self, reason: str) -> str:
        """The line for a user."""
        return reason


def ready(executor: Any, workers: int, names: Sequence[str] = ()) -> None:
    """Wait until every worker of an executor is."""
    for seconds in (0.0, 1.0):
        for _ in range(workers):
            executor.submit(Hello(seconds, tuple(names)))
        count = 0
        while count < workers:
            count += executor.next(1.0) is not None
