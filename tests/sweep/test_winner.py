"""The winner's curse: the luckiest of many equal settings looks better than it is, until it is run on fresh streams."""

from __future__ import annotations

import numpy as np

from sweep.arms import Arm
from sweep.history import Score, best
from sweep.verdict import compare, judge

MAPS, CELLS, TRIALS, REPLICATES, CONFIRM = 100, 10, 128, 8, 8


def arm(cell: int, policy: str, trial: int, oom: np.ndarray, speed: np.ndarray) -> Arm:
    n = len(oom)
    return Arm(cell, policy, trial, (), tuple(range(n)), ("s",) * n, tuple(oom.tolist()), tuple(speed.tolist()))


def test_the_best_of_many_equal_settings_wins_on_its_own_streams_and_not_on_fresh_ones() -> None:
    """A tuned challenger against an untuned baseline, nothing differs: the search picks one of 128 by luck."""
    rng = np.random.default_rng(2007)
    on_its_own, on_fresh = [], []
    for _ in range(MAPS):
        own, fresh = [], []
        for cell in range(CELLS):
            common, luck = rng.normal(10, 0.3, REPLICATES), rng.random(REPLICATES)

            def run(n: int, common: np.ndarray, luck: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
                dies = np.where(rng.random(n) < 0.5, luck[:n], rng.random(n)) < 0.01
                return dies, np.exp(common[:n] + rng.normal(0, 0.05, n))

            searched = [run(REPLICATES, common, luck) for _ in range(TRIALS)]
            scores = [Score(number, (), float(oom.mean()), float(speed.mean())) for number, (oom, speed) in enumerate(searched)]
            chosen = best(scores).trial
            head = (cell, str(cell), "a", "b", "tuned")
            baseline = run(REPLICATES, common, luck)
            own.append(compare(arm(cell, "a", chosen, *searched[chosen]), arm(cell, "b", 0, *baseline), head))  # type: ignore[arg-type]
            common, luck = rng.normal(10, 0.3, CONFIRM), rng.random(CONFIRM)
            arms = [arm(cell, name, trial, *run(CONFIRM, common, luck)) for name, trial in (("a", chosen), ("b", 0))]
            fresh.append(compare(arms[0], arms[1], head))  # type: ignore[arg-type]
        on_its_own.append(sum(v.finding == "win" for v in judge(own)))
        on_fresh.append(sum(v.finding in ("win", "loss") for v in judge(fresh)))
    assert sum(wins > 0 for wins in on_its_own) / MAPS > 0.12, "otherwise there is no curse to guard against"
    assert sum(on_fresh) / (MAPS * CELLS) < 0.05, "share of false verdicts"
    assert sum(wrong > 0 for wrong in on_fresh) / MAPS < 0.05 + 3 * 0.0218, "maps with any: 5 % and three standard errors"
