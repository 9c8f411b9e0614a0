"""Poison: trials that cannot be computed. They are bounded, quarantined in the store with their reason, and named at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TRIES: Final = 3  # of a trial alone, in a process of its own, before it is given up


@dataclass(frozen=True)
class Poison:
    """A trial that was given up; never an OOM outcome, which is a result.

    Attributes:
        number: of the trial in its study.
        phase: "search" or "confirm".
        params: that were asked for; the others have the kernel's defaults.
        tries: how often it was run alone.
        reason: why the last of them failed.
    """

    number: int
    phase: str
    params: tuple[tuple[str, int], ...]
    tries: int
    reason: str
