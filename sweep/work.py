"""Work for executors: what is computed in one piece, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Work(Protocol[R_co]):
    """What is computed in one piece, such as a batch of trials; it can be pickled."""

    def run(self) -> R_co:
        """Compute it. Runs on a worker; pure."""

    def failure(self, reason: str) -> str:
        """The line for a user, when it failed for ``reason``."""


@dataclass(frozen=True)
class Done(Generic[R]):
    """Some work, and what it gave."""

    work: Work[R]
    result: R


@dataclass(frozen=True)
class Lost(Generic[R]):
    """Some work that gave nothing.

    Attributes:
        work: which.
        reason: in words.
        is_worker: the worker was lost with it, so it may succeed on another one; otherwise it raised an error of its own.
    """

    work: Work[R]
    reason: str
    is_worker: bool


Ended = Done[Any] | Lost[Any]
