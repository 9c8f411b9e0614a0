"""Evidence: what a setting does in one cell compared with kernel defaults, and in all cells together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

from sweep.arms import Arm, pairs
from sweep.intervals import SPREAD_FLOOR, Effect, Rate, paired_rate_p, paired_ratio, rate, upper_rate


@dataclass(frozen=True)
class Evidence:
    """A setting against kernel defaults on the same replicates of one cell.

    Attributes:
        cell: index of the cell.
        label: the cell in words.
        n: pairs of replicates.
        confidence: of every statement here.
        oom: OOM rate with the setting.
        oom_default: OOM rate with kernel defaults.
        upper: the OOM rate with the setting is at most this, one-sided.
        effect: throughput relative to the defaults where both survive; None if too few do.
        p_oom: p of "equal OOM rates".
    """

    cell: int
    label: str
    n: int
    confidence: float
    oom: Rate
    oom_default: Rate
    upper: float
    effect: Effect | None
    p_oom: float

    def saves(self, n_cells: int = 1) -> bool:
        """Does the setting run out of memory less often, beyond chance, when n_cells cells are looked at?"""
        return self.oom.count < self.oom_default.count and self.p_oom * n_cells <= 1 - self.confidence

    @property
    def kills(self) -> bool:
        """Was the setting seen to run out of memory more often? Chance is no excuse here."""
        return self.oom.count > self.oom_default.count

    @property
    def slows(self) -> bool:
        """Is it slower, beyond the interval?"""
        return self.effect is not None and self.effect.high < 0


def gather(label: str, arm: Arm, default: Arm, confidence: float) -> Evidence:
    """Evidence about a setting in one cell; both arms must have run the same replicates."""
    found = pairs(arm, default)
    n = len(found)
    alive = [p.throughput for p in found if not any(p.oom)]
    only = [sum(p.oom == (True, False) for p in found), sum(p.oom == (False, True) for p in found)]
    both = sum(p.oom == (True, True) for p in found)
    count = only[0] + both
    return Evidence(
        cell=arm.cell,
        label=label,
        n=n,
        confidence=confidence,
        oom=rate(count, n),
        oom_default=rate(only[1] + both, n),
        upper=upper_rate(count, n, confidence),
        effect=paired_ratio([a for a, _ in alive], [b for _, b in alive], confidence),
        p_oom=paired_rate_p(only[0], only[1], n) if n else 1.0,
    )


def mean_effect(found: Sequence[Evidence]) -> Effect | None:
    """Mean effect over cells, each cell with equal weight; None if no cell has one.

    The interval takes the fewest degrees of freedom of any cell, which makes it rather too wide than too narrow.
    """
    effects = [e.effect for e in found if e.effect is not None]
    if not effects:
        return None
    if len(effects) == 1:
        return effects[0]
    confidence = found[0].confidence
    n = min(effect.n for effect in effects)
    logs = [math.log1p(effect.value) for effect in effects]
    errors = [_error(effect, confidence) for effect in effects]
    mean, error = sum(logs) / len(logs), math.sqrt(sum(e * e for e in errors)) / len(errors)
    half = float(special.stdtrit(n - 1, 0.5 + confidence / 2)) * error
    p = 2 * float(special.stdtr(n - 1, -abs(mean) / error))
    return Effect(math.expm1(mean), math.expm1(mean - half), math.expm1(mean + half), p, n)


def _error(effect: Effect, confidence: float) -> float:
    """Standard error of the mean log ratio, from the interval."""
    half = (math.log1p(effect.high) - math.log1p(effect.low)) / 2
    return max(half / float(special.stdtrit(effect.n - 1, 0.5 + confidence / 2)), SPREAD_FLOOR / math.sqrt(effect.n))
