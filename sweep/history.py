"""What a study remembers of its finished trials: enough to ask for more, to race them and to name the best; never all of them.

A study of ten thousand trials must not send ten thousand trials to a worker for each batch, nor fit a model to them. So a sampler sees the
best trials, the latest ones, and nothing else. What is held is a pure function of the trials in their order: the same after a resume.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sweep.config import Objective, Search

MAXIMISED: Final = frozenset({"throughput"})  # the other objectives are minimised
FEW_TRIALS: Final = 4  # per tunable: with fewer there is nothing to learn from
DEFAULT: Final = Search()


@dataclass(frozen=True)
class Score:
    """A finished trial as the search sees it.

    Attributes:
        trial: number in the study.
        params: value of each dimension.
        oom_rate: share of the search replicates that ran out of memory.
        throughput: mean over the search replicates, operations per second.
        stall_p99_ns: 99th percentile of the stalls of allocations in direct reclaim, mean over the search replicates.
        idle_kbytes: memory that the setting keeps free: the high watermarks and the strict reserve (space.idle_kbytes).
        is_stopped: given up before all replicates were run; the values above are those of the replicates that were.
    """

    trial: int
    params: tuple[tuple[str, int], ...]
    oom_rate: float
    throughput: float
    stall_p99_ns: float = 0.0
    idle_kbytes: float = 0.0
    is_stopped: bool = False

    def value(self, objective: Objective) -> float:
        """The value of an objective."""
        return float(getattr(self, objective))

    def loss(self, objective: Objective) -> float:
        """The value of an objective, less is better."""
        return -self.value(objective) if objective in MAXIMISED else self.value(objective)

    def losses(self, search: Search) -> tuple[float, ...]:
        """Of all objectives."""
        return tuple(self.loss(objective) for objective in search.objectives)

    def excess(self, search: Search) -> dict[str, float]:
        """By how much each constraint is broken, as a share of its limit (of 1, where the limit is 0); kept ones are not above 0."""
        sign = {name: -1.0 if name in MAXIMISED else 1.0 for name in search.constraints}
        return {name: sign[name] * (self.value(name) - limit) / (abs(limit) or 1.0) for name, limit in search.constraints.items()}

    def violation(self, search: Search) -> float:
        """Sum over the constraints that are broken; 0: all are kept."""
        return sum(max(value, 0.0) for value in self.excess(search).values())


def preference(score: Score, search: Search = DEFAULT) -> tuple[object, ...]:
    """Sort key, the preferred first: not given up, constraints kept, then objective by objective, then the first."""
    return score.is_stopped, score.violation(search), *score.losses(search), score.trial


def best(scores: Sequence[Score], search: Search = DEFAULT) -> Score:
    """The trial that a study recommends: by default the lowest OOM rate, among those the fastest, among those the first."""
    return min(scores, key=lambda score: preference(score, search))


def method(search: Search, n_dimensions: int) -> str:
    """The sampler that ``auto`` means; see docs/search.md for the measurements behind it."""
    if search.sampler != "auto":
        return search.sampler
    few = max(FEW_TRIALS * n_dimensions, 2 * search.batch)
    return "qmc" if search.trials <= few else "tpe"


@dataclass(frozen=True)
class Past:
    """The finished search trials of a study, as far as they matter for what comes next.

    Attributes:
        count: how many there are.
        held: the best and the latest ones in trial order: what a sampler sees.
        first: trial 0, the kernel's defaults.
        best: see ``best``; None before the first trial.
        bar: of each search replicate of ``best``, out of memory and throughput: what the next trials race against.
    """

    count: int = 0
    held: tuple[Score, ...] = ()
    first: Score | None = None
    best: Score | None = None
    bar: tuple[tuple[bool, float], ...] = ()

    def plus(self, score: Score, bar: Sequence[tuple[bool, float]], search: Search) -> Past:
        """With one more trial, the next in order; ``bar``: of its replicates."""
        assert score.trial == self.count
        is_best = self.best is None or preference(score, search) < preference(self.best, search)
        past = Past(
            count=self.count + 1,
            held=(*self.held, score) if _limit(search) else (),
            first=self.first or score,
            best=score if is_best else self.best,
            bar=tuple(bar) if is_best else self.bar,
        )
        return past if past.count % search.batch else past._trimmed(search)

    def _trimmed(self, search: Search) -> Past:
        """Without what a sampler can do without."""
        limit = _limit(search)
        if len(self.held) <= limit + limit // 2:
            return self
        latest, older = self.held[-(limit // 2) :], self.held[: -(limit // 2)]
        kept = sorted(elite(older, limit - len(latest), search), key=lambda score: score.trial)
        return replace(self, held=(*kept, *latest))


def _limit(search: Search) -> int:
    """How many trials the sampler looks at."""
    if search.sampler in ("random", "qmc"):
        return 0
    return search.trials if search.sampler == "cmaes" else search.history


def elite(scores: Sequence[Score], count: int, search: Search) -> list[Score]:
    """The ``count`` best: front after front, the last one thinned out where it is crowded."""
    if count >= len(scores):
        return list(scores)
    ranks = fronts(scores, search)
    kept: list[Score] = []
    for rank in range(int(ranks.max()) + 1):
        front = [score for score, r in zip(scores, ranks.tolist(), strict=True) if r == rank]
        if len(kept) + len(front) > count:
            lonely = crowding(np.array([score.losses(search) for score in front]))
            order = sorted(range(len(front)), key=lambda i: (-lonely[i], -front[i].trial))
            return kept + [front[i] for i in order[: count - len(kept)]]
        kept += front
    return kept


def fronts(scores: Sequence[Score], search: Search) -> NDArray[np.int64]:
    """Number of each trial's front, 0 for what nothing dominates; behind all of them those that break a constraint or were given up."""
    losses = np.array([score.losses(search) for score in scores])
    worse = np.array([score.violation(search) + (1e300 if score.is_stopped else 0.0) for score in scores])
    no_worse = (losses[:, None, :] <= losses[None, :, :]).all(axis=2)
    better = (losses[:, None, :] < losses[None, :, :]).any(axis=2)
    equal = worse[:, None] == worse[None, :]
    dominates = (worse[:, None] < worse[None, :]) | (equal & no_worse & better)
    ranks = np.full(len(scores), -1, np.int64)
    rank = 0
    while (ranks < 0).any():
        left = ranks < 0
        ranks[left & ~dominates[left].any(axis=0)] = rank
        rank += 1
    return ranks


def crowding(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance to the neighbours on a front, summed over the objectives; infinite at its ends (NSGA-II, Deb et al. 2002)."""
    distance = np.zeros(len(losses))
    for column in losses.T:
        order = np.argsort(column, kind="stable")
        span = float(column[order[-1]] - column[order[0]])
        distance[order[[0, -1]]] = np.inf
        if span > 0:
            distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return distance
