"""Intervals: the statistics behind a verdict, each for a handful of replicates and each with its assumption stated.

Two policies run on the same streams, so replicates come in pairs. Two questions are asked of the pairs: does one
policy run out of memory more often, and if not, which one is faster?

Why not McNemar's test and the sign-flip test, the textbook answers for pairs: with n pairs neither can give a
two-sided p below 2^(1-n). At n = 8 that is 0.0078, while one clear cell among twenty must reach 0.05/20 = 0.0025
before the false-discovery rule lets it pass: a cell in which one policy dies eight times and the other never would
stay undecided. The two tests below pass it (p = 3e-5), and say what they assume for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

# Least standard deviation of a log ratio: a difference of a few 1e-4 is never a finding, however steady.
SPREAD_FLOOR: Final = 0.001
MIN_PAIRS: Final = 3  # fewer pairs give no spread worth the name
_DISAGREEMENT: Final = np.linspace(0.0, 0.25, 65)[1:]  # chances of "only the first" scanned for the worst case


@dataclass(frozen=True)
class Rate:
    """A count out of n with its exact interval.

    Attributes:
        count: replicates with the event.
        n: replicates.
        low: lower Clopper-Pearson limit, in [0, 1].
        high: upper limit, in [0, 1]; 1 when n is 0.
    """

    count: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The observed rate in [0, 1]; NaN without replicates."""
        return self.count / self.n if self.n else math.nan

    def __str__(self) -> str:
        return f"{self.count}/{self.n}"


@dataclass(frozen=True)
class Effect:
    """A relative difference with its interval: 0.31 means 31 % more.

    Attributes:
        value: geometric mean of the paired ratios, minus 1.
        low: lower limit of the interval.
        high: upper limit of the interval.
        p: two-sided p of "no difference".
        n: pairs used.
    """

    value: float
    low: float
    high: float
    p: float
    n: int

    def within(self, margin: float) -> bool:
        """Is the whole interval inside +- margin (0.02 = 2 %)?"""
        return -margin <= self.low and self.high <= margin

    def __str__(self) -> str:
        return f"{percent(self.value)} [{interval_text(self.low, self.high)}]"


def percent(value: float) -> str:
    """Text of a relative difference: "+31 %", "-0.4 %", "x 12" from tenfold on."""
    if value >= 9.995:
        return f"×{1 + value:.0f}"
    shown = 100 * value
    digits = 0 if abs(shown) >= 9.95 else 1
    text = f"{shown:+.{digits}f}"
    return ("0" if float(text) == 0 else text.replace("-", "−")) + " %"


def interval_text(low: float, high: float) -> str:
    """Text of an interval without its unit: "28, 34", with a decimal where it is needed; beyond tenfold as factors."""
    if high >= 9.995:
        return f"×{1 + low:.2g}, ×{1 + high:.2g}"
    digits = 0 if min(abs(low), abs(high)) >= 0.0095 and high - low > 0.02 else 1
    return ", ".join(f"{100 * limit:.{digits}f}".replace("-", "−") for limit in (low, high))


@lru_cache(maxsize=4096)
def rate(count: int, n: int, confidence: float = 0.95) -> Rate:
    """Exact (Clopper-Pearson) two-sided interval of a rate.

    Args:
        count: replicates with the event, 0..n.
        n: replicates.
        confidence: of the two-sided interval.
    """
    if n == 0:
        return Rate(0, 0, 0.0, 1.0)
    found = stats.binomtest(count, n).proportion_ci(confidence, method="exact")
    return Rate(count, n, float(found.low), float(found.high))


@lru_cache(maxsize=4096)
def upper_rate(count: int, n: int, confidence: float = 0.95) -> float:
    """One-sided exact upper bound: "the rate is at most this" holds with the confidence given. 1 without replicates."""
    if n == 0 or count == n:
        return 1.0
    return float(stats.binomtest(count, n, alternative="less").proportion_ci(confidence, method="exact").high)


def clean_replicates(bound: float, confidence: float = 0.95) -> int:
    """How many replicates without one OOM it takes to show that the rate is at most the bound."""
    return math.ceil(math.log(1 - confidence) / math.log(1 - bound))


@lru_cache(maxsize=4096)
def paired_rate_p(only_first: int, only_second: int, n: int) -> float:
    """Two-sided exact p of "both have the same rate", from n pairs of yes/no answers.

    An exact unconditional form of McNemar's test: pairs are ordered by McNemar's own p, and the p returned is the
    largest chance, over every rate and every dependence that the null allows, of a table at least as extreme. The
    null is "equal rates, and a stream that kills one policy does not make the other safer" (dependence within a pair
    is not negative), which common streams give. Then each kind of disagreement has a chance of at most 1/4 a pair,
    instead of McNemar's 1/2, and eight pairs out of eight give 2 * 4^-8 instead of 2 * 2^-8. It is never larger than
    McNemar's p, so nothing is lost where disagreement is rare.

    Args:
        only_first: pairs in which only the first policy had the event.
        only_second: pairs in which only the second had it.
        n: all pairs.
    """
    if only_first == only_second:
        return 1.0
    table = _mcnemar_table(n)
    extreme = np.argwhere(table <= table[only_first, only_second] * (1 + 1e-9))
    tables = np.column_stack([extreme, n - extreme.sum(axis=1)])
    worst = max(float(stats.multinomial.pmf(tables, n, [chance, chance, 1 - 2 * chance]).sum()) for chance in _DISAGREEMENT.tolist())
    return min(worst, float(table[only_first, only_second]), 1.0)


@lru_cache(maxsize=64)
def _mcnemar_table(n: int) -> NDArray[np.float64]:
    """McNemar's exact p for every (only first, only second) of n pairs; infinity where they would exceed n."""
    first, second = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    p = np.minimum(1.0, 2 * stats.binom.cdf(np.minimum(first, second), first + second, 0.5))
    return np.asarray(np.where(first + second <= n, p, np.inf), dtype=np.float64)


def paired_ratio(first: Sequence[float], second: Sequence[float], confidence: float = 0.95) -> Effect | None:
    """Geometric mean ratio first/second over pairs, by a t interval of the log ratios.

    Assumes that log ratios of a cell have one hump, roughly normal. Heavy tails only make the test cautious; two
    tight humps of opposite sign would make it rash, and only more replicates could tell. The spread is taken as at
    least SPREAD_FLOOR, because a deterministic simulator may give eight equal differences, and an interval of width
    zero would be a lie.

    Args:
        first: throughputs of the first policy, all positive.
        second: throughputs of the second policy for the same replicates.
        confidence: of the two-sided interval.

    Returns:
        The effect, or None with fewer than MIN_PAIRS pairs or a throughput that is not positive.
    """
    n = len(first)
    if n < MIN_PAIRS or min(*first, *second) <= 0:
        return None
    logs = np.log(np.asarray(first, dtype=np.float64)) - np.log(np.asarray(second, dtype=np.float64))
    error = max(float(logs.std(ddof=1)), SPREAD_FLOOR) / math.sqrt(n)
    mean = float(logs.mean())
    half = float(special.stdtrit(n - 1, 0.5 + confidence / 2)) * error
    p = 2 * float(special.stdtr(n - 1, -abs(mean) / error))
    return Effect(math.expm1(mean), math.expm1(mean - half), math.expm1(mean + half), p, n)


def false_discovery(p: Sequence[float]) -> tuple[float, ...]:
    """Benjamini-Hochberg adjusted p values, in the order given."""
    return tuple(float(q) for q in stats.false_discovery_control(list(p), method="bh")) if p else ()
