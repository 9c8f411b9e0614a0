"""Racing: give up a params vector before all its search replicates are run, when they can no longer change what it is.

Two rules, each right in 19 of 20 cases however often it is asked while replicates come in:

    dies    its OOM rate is above ``oom_rate``. The evidence is a betting score: each death multiplies it by p1/p0, each survival by
            (1 - p1)/(1 - p0); under an OOM rate of p0 or less its mean never grows, so it reaches 20 in at most one case of 20, at any time
            (J. Ville, 1939). No correction for looking again and again is needed.
    slower  its throughput is below that of the best trial so far by more than ``slower``, replicate by replicate on the same streams: the
            one-sided t bound of the log ratios, at 0.05 divided by how often it may be asked. It needs an incumbent that never ran out of memory.

What was not run is not known: a trial that was given up keeps the rows of the replicates that were run and no others, is told to no sampler as
finished, is never the best, and its row says how many replicates there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sweep.config import Racing, Search

ALPHA: Final = 0.05
MIN_PAIRS: Final = 3
SPREAD_FLOOR: Final = 0.001  # of log ratios, as in intervals.py


@dataclass(frozen=True)
class Race:
    """What a trial races against.

    Attributes:
        racing: the rules.
        replicates: how many a full trial has.
        bar: of the best trial so far, out of memory and throughput of each replicate; empty: none, or speed is not what decides.
    """

    racing: Racing
    replicates: int
    bar: tuple[tuple[bool, float], ...] = ()

    def is_lost(self, rows: Sequence[tuple[bool, float]]) -> bool:
        """Whether to give up, after the replicates ``rows`` (out of memory, throughput)."""
        if len(rows) >= self.replicates:
            return False
        return dies(self.racing.oom_rate, [oom for oom, _ in rows]) or self._is_slower(rows)

    def _is_slower(self, rows: Sequence[tuple[bool, float]]) -> bool:
        if self.racing.slower is None or len(self.bar) < len(rows) or any(oom for oom, _ in self.bar):
            return False
        pairs = [(speed, against) for (oom, speed), (_, against) in zip(rows, self.bar, strict=False) if not oom]
        looks = max(self.replicates - MIN_PAIRS, 1)
        return is_slower(self.racing.slower, pairs, ALPHA / looks)


def race(search: Search, bar: tuple[tuple[bool, float], ...]) -> Race | None:
    """The race of the next trials of a study; None: all replicates are run.

    Speed alone makes a setting hopeless only where nothing else is asked for: memory held idle or stalls might be what it is good at.
    """
    if search.racing is None:
        return None
    by_speed = set(search.objectives) <= {"oom_rate", "throughput"} and set(search.constraints) <= {"oom_rate", "throughput"}
    return Race(search.racing, search.replicates, bar if by_speed else ())


def dies(limit: float, oom: Sequence[bool]) -> bool:
    """Whether the OOM rate is above ``limit``, beyond chance, at any time while the replicates come in."""
    high = 1 - (1 - limit) / 16
    score = 1.0
    for one in oom:
        score *= high / limit if one else (1 - high) / (1 - limit)
        if score >= 1 / ALPHA:
            return True
    return False


def is_slower(margin: float, pairs: Sequence[tuple[float, float]], alpha: float) -> bool:
    """Whether the first of each pair is below the second by more than ``margin``, one-sided at ``alpha``."""
    from scipy import special

    n = len(pairs)
    if n < MIN_PAIRS or min(min(pair) for pair in pairs) <= 0:
        return False
    logs = [math.log(speed / against) for speed, against in pairs]
    mean = math.fsum(logs) / n
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in logs) / (n - 1))
    error = max(spread, SPREAD_FLOOR) / math.sqrt(n)
    return mean + float(special.stdtrit(n - 1, 1 - alpha)) * error < math.log1p(-margin)
