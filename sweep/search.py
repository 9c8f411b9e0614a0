"""The only door to Optuna: the params vectors of one batch, from the finished trials of the study and nothing else.

The sampler of a batch is built afresh from a seed, and the Optuna study is rebuilt from the finished trials in trial
order. So a batch is a pure function of (method, dimensions, history, seed), whoever computes it and however often.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING, Any

from sweep.config import Search
from sweep.seeds import batch_seed
from sweep.space import Dimension

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import IntDistribution


@dataclass(frozen=True)
class Score:
    """A finished trial as the search sees it.

    Attributes:
        trial: number in the study.
        params: value of each dimension.
        oom_rate: share of search replicates out of memory; minimised.
        throughput: mean over the search replicates, operations per second; maximised.
    """

    trial: int
    params: tuple[tuple[str, int], ...]
    oom_rate: float
    throughput: float


def ask(search: Search, space: Sequence[Dimension], history: Sequence[Score], seed: int, batch: int, count: int) -> list[dict[str, int]]:
    """``count`` params vectors for the next trials of a study.

    Args:
        search: method and batch size.
        space: the dimensions, at least one.
        history: all finished trials, in trial order.
        seed: of the study.
        batch: number of the batch in the study.
        count: how many to ask for.
    """
    if search.sampler == "qmc":
        return _sobol(space, seed, len(history), count)
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(directions=["minimize", "maximize"], sampler=_sampler(search, batch_seed(seed, batch)))
        distributions = {d.name: optuna.distributions.IntDistribution(d.low, d.high, log=d.log) for d in space}
        study.add_trials([_told(score, space, distributions) for score in history])
        # Asked and left running: the constant liar spreads the trials of the batch.
        asked = [study.ask(fixed_distributions=dict(distributions)) for _ in range(count)]
    return [{name: int(value) for name, value in trial.params.items()} for trial in asked]


def _told(score: Score, space: Sequence[Dimension], distributions: dict[str, IntDistribution]) -> optuna.trial.FrozenTrial:
    """A finished trial for Optuna; one outside the searched ranges (the defaults may be) only keeps its number."""
    import optuna

    params = dict(score.params)
    if not all(d.holds(params[d.name]) for d in space):
        return optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL)
    values = [score.oom_rate, score.throughput]
    return optuna.trial.create_trial(params=params, distributions=dict(distributions), values=values)


def _sampler(search: Search, seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    if search.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    if search.sampler == "nsga2":
        return _nsga2(max(search.batch, 2), seed)
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=search.batch, multivariate=True, constant_liar=True)


def _nsga2(population: int, seed: int) -> optuna.samplers.BaseSampler:
    """NSGA-II whose generations follow from the trial numbers, so that a rebuilt study continues where it was."""
    import optuna

    class Numbered(optuna.samplers.NSGAIISampler):
        def get_trial_generation(self, study: Any, trial: Any) -> int:
            return int(trial.number) // population

        def get_population(self, study: Any, generation: int) -> list[Any]:
            complete = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
            return [trial for trial in complete if trial.number // population == generation]

    return Numbered(population_size=population, seed=seed)


def _sobol(space: Sequence[Dimension], seed: int, first: int, count: int) -> list[dict[str, int]]:
    """Points ``first`` to ``first + count`` of the study's scrambled Sobol sequence."""
    from scipy.stats import qmc

    engine = qmc.Sobol(len(space), scramble=True, rng=seed)
    if first:  # fast_forward(0) raises
        engine.fast_forward(first)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # counts that are no power of two lose balance, not correctness
        points = engine.random(count)
    return [{d.name: _scaled(d, float(u)) for d, u in zip(space, point, strict=True)} for point in points]


def _scaled(dimension: Dimension, u: float) -> int:
    """The integer at ``u`` in [0, 1) of a dimension; each integer has the same share of its scale."""
    if dimension.log:
        low, high = log(dimension.low - 0.5), log(dimension.high + 0.5)
        value = round(exp(low + u * (high - low)))
    else:
        value = dimension.low + int(u * (dimension.high - dimension.low + 1))
    return min(max(value, dimension.low), dimension.high)
