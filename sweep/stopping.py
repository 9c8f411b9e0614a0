"""Stop on SIGINT and SIGTERM: the first one asks, the second one stops at once."""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import Any, Final

from sweep.errors import Interrupted

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
GRACE_S: Final = 10.0


class Stop:
    """While entered, turns the first signal into ``requested`` and the second one into ``Interrupted``."""

    def __init__(self, resume: str, grace_s: float = GRACE_S) -> None:
        """``resume`` says how to go on; ``grace_s`` is how long work in flight may take to finish."""
        self.requested = False
        self._resume = resume
        self._grace_s = grace_s
        self._deadline = float("inf")
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        self._previous = {number: signal.getsignal(number) for number in SIGNALS}
        self.install()
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def install(self) -> None:
        """Take the signals; again, if a library has taken them in between."""
        for number in SIGNALS:
            signal.signal(number, self._receive)

    @property
    def is_overdue(self) -> bool:
        """Whether the grace is over."""
        return time.monotonic() > self._deadline

    def interrupted(self) -> Interrupted:
        """The error that ends an interrupted run."""
        return Interrupted(f"interrupted; {self._resume}")

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise self.interrupted()
        self.requested = True
        self._deadline = time.monotonic() + self._grace_s
