"""The only door to Optuna: the params vectors of one batch, from what the study remembers of its trials and nothing else.

The sampler of a batch is built afresh from a seed, and the Optuna study is rebuilt from the trials that are held (history.py). So a batch is a
pure function of (method, space, past, seed), whoever computes it and however often. What is expensive is done once for a batch, not once for a
trial: TPE ranks the trials and fits the good ones once, NSGA-II selects its parents once.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from math import exp, log
from typing import TYPE_CHECKING, Any, Final

from sweep.config import Search
from sweep.errors import ConfigError
from sweep.history import MAXIMISED, Past, Score, preference
from sweep.seeds import batch_seed
from sweep.space import Dimension, Space

if TYPE_CHECKING:
    import optuna

CANDIDATES: Final = 24  # of TPE, for each trial; Optuna's own default
GOOD: Final = 4  # at most one in so many of the trials that are held is taken for a good one
LEAST: Final = 4  # trials before anything is learned from them, or as many as there are dimensions
CMA_SIGMA: Final = 0.3  # of the range, CMA-ES' first step
TRIES: Final = 16  # to find params that were not run yet: the same params on the same streams would show nothing new

EDGE: Final = 1e-6  # so that what lies between two integers rounds to one of the dimension

Params = dict[str, int]
Ways = Sequence["optuna.study.StudyDirection"]
Trials = list["optuna.trial.FrozenTrial"]


def ask(search: Search, space: Space, past: Past, seed: int, batch: int, count: int) -> list[Params]:
    """``count`` params vectors for the next trials of a study.

    Args:
        search: method, objectives and constraints.
        space: the dimensions, at least one, and what holds between them.
        past: the finished trials.
        seed: of the study.
        batch: number of the batch in the study.
        count: how many to ask for.
    """
    known = {score.trial: dict(score.params) for score in past.held}
    inside = [score for score in past.held if all(d.holds(known[score.trial][d.name]) for d in space.dimensions)]
    fresh = Fresh(space, [known[score.trial] for score in past.held])
    if search.sampler == "qmc":
        return fresh.take(_sobol(space.dimensions, seed, past.count), count)
    if search.sampler == "cmaes":
        return fresh.take(_cmaes(search, space.dimensions, past.held, seed, batch), count, exact=True)
    if search.sampler == "random" or not _may_learn(inside, len(space.dimensions)):
        return fresh.take(_random(space.dimensions, batch_seed(seed, batch)), count)
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    trials = [_told(search, score, space.dimensions) for score in inside]
    proposals = _tpe if search.sampler == "tpe" else _nsga2
    return fresh.take(proposals(_directions(search), trials, space.dimensions, batch_seed(seed, batch), past.count), count)


def _may_learn(scores: Sequence[Score], n_dimensions: int) -> bool:
    """Whether there are enough trials to learn from."""
    return sum(not score.is_stopped for score in scores) >= max(n_dimensions, LEAST)


class Fresh:
    """Moves proposals to what is meaningful (``Space.settled``) and passes over those that were run already."""

    def __init__(self, space: Space, seen: Sequence[Mapping[str, int]]) -> None:
        self._space = space
        self._seen = {self._key(params) for params in seen}

    def take(self, proposals: Iterator[Params], count: int, *, exact: bool = False) -> list[Params]:
        """The first ``count`` that are new; the last proposal if ``TRIES`` in a row are not. ``exact``: as they come, new or not."""
        found: list[Params] = []
        while len(found) < count:
            for _ in range(TRIES):
                params = self._space.settled(next(proposals))
                if exact or self._key(params) not in self._seen:
                    break
            self._seen.add(self._key(params))
            found.append(params)
        return found

    def _key(self, params: Mapping[str, int]) -> tuple[int, ...]:
        return tuple(params[dimension.name] for dimension in self._space.dimensions)


def _directions(search: Search) -> list[optuna.study.StudyDirection]:
    import optuna

    ways = optuna.study.StudyDirection
    return [ways.MAXIMIZE if objective in MAXIMISED else ways.MINIMIZE for objective in search.objectives]


def _distribution(dimension: Dimension) -> optuna.distributions.FloatDistribution:
    """A dimension as Optuna sees it: real numbers that round to its integers. Its models of integers cost ten times as much."""
    import optuna

    return optuna.distributions.FloatDistribution(dimension.low - 0.5 + EDGE, dimension.high + 0.5 - EDGE, log=dimension.log)


def _rounded(dimension: Dimension, value: float) -> int:
    return min(max(round(value), dimension.low), dimension.high)


def _told(search: Search, score: Score, space: Sequence[Dimension]) -> optuna.trial.FrozenTrial:
    """A finished trial for Optuna. One that was given up is pruned: it has no value, and ranks behind all that have."""
    import optuna

    known = dict(score.params)
    params = {d.name: float(known[d.name]) for d in space}
    distributions: dict[str, optuna.distributions.BaseDistribution] = {d.name: _distribution(d) for d in space}
    if score.is_stopped:
        trial = optuna.trial.create_trial(state=optuna.trial.TrialState.PRUNED, params=params, distributions=distributions)
    else:
        values = [score.value(objective) for objective in search.objectives]
        broken = {str(name): excess for name, excess in score.excess(search).items()}
        trial = optuna.trial.create_trial(params=params, distributions=distributions, values=values, constraints=broken)
    trial.number = score.trial
    return trial


def _random(space: Sequence[Dimension], seed: int) -> Iterator[Params]:
    """Uniform, logarithmic where the dimension is."""
    import numpy as np

    rng = np.random.Generator(np.random.PCG64(seed))
    while True:
        yield {d.name: _scaled(d, u) for d, u in zip(space, rng.random(len(space)).tolist(), strict=True)}


def _tpe(ways: Ways, trials: Trials, space: Sequence[Dimension], seed: int, n_finished: int) -> Iterator[Params]:
    """Optuna's TPE with the ranking of the trials and the model of the good ones made once for all.

    The model of the others is made again for each proposal, with the proposals before it among them (the constant liar), so that a batch spreads.
    """
    import optuna
    from optuna.samplers._tpe import sampler as tpe

    study = optuna.create_study(directions=ways)
    engine = optuna.samplers.TPESampler(seed=seed, n_ei_candidates=CANDIDATES, multivariate=True)
    varied = [d for d in space if d.low < d.high]
    distributions: dict[str, optuna.distributions.BaseDistribution] = {d.name: _distribution(d) for d in varied}
    gamma = tpe.default_gamma_multiobjective if len(ways) > 1 else tpe.default_gamma
    good, others = tpe._split_trials(study, trials, min(gamma(n_finished), -(-len(trials) // GOOD)))
    below = engine._build_parzen_estimator(study, distributions, good, handle_below=True)
    fixed = {d.name: d.low for d in space}
    while varied:
        above = engine._build_parzen_estimator(study, distributions, others, handle_below=False)
        samples = below.sample(engine._rng.rng, CANDIDATES)
        found = engine._compare(samples, engine._compute_acquisition_func(samples, below, above))
        params = fixed | {d.name: _rounded(d, found[d.name]) for d in varied}
        yield params
        liar = {d.name: float(params[d.name]) for d in varied}
        others = [*others, optuna.trial.create_trial(values=[0.0] * len(ways), params=liar, distributions=distributions)]
    while True:
        yield fixed


def _nsga2(ways: Ways, trials: Trials, space: Sequence[Dimension], seed: int, n_finished: int) -> Iterator[Params]:
    """NSGA-II: the trials that are held are one population, from which the parents are selected once."""
    import optuna

    complete = [trial for trial in trials if trial.state == optuna.trial.TrialState.COMPLETE]
    for number, trial in enumerate(complete):
        trial._trial_id = number  # parents are told apart by it

    class Held(optuna.samplers.NSGAIISampler):
        parents: Sequence[optuna.trial.FrozenTrial] = ()

        def get_trial_generation(self, study: Any, trial: Any) -> int:
            return 1

        def get_parent_population(self, study: Any, generation: int) -> list[Any]:
            self.parents = self.parents or self._elite_population_selection_strategy(study, list(complete))
            return list(self.parents)

        def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
            return {name: d for name, d in distributions.items() if not d.single()}

    distributions = {d.name: _distribution(d) for d in space}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(directions=ways, sampler=Held(population_size=max(len(complete) // GOOD, 8), seed=seed))
    while True:
        asked = study.ask(fixed_distributions=dict(distributions))
        yield {d.name: _rounded(d, float(asked.params[d.name])) for d in space}


def _cmaes(search: Search, space: Sequence[Dimension], held: Sequence[Score], seed: int, batch: int) -> Iterator[Params]:
    """CMA-ES, one generation a batch, rebuilt by replaying the batches before: it draws what it drew, and is told what came of it.

    The first batch is uniform, and its best is the first mean. It goes by ranks alone, so broken constraints and trials that were given up
    just come last.
    """
    import numpy as np

    varied = [d for d in space if d.low < d.high]
    if batch == 0 or len(varied) < 2:
        yield from _random(space, batch_seed(seed, batch))
    try:
        import cmaes
    except ImportError:
        raise ConfigError("search.sampler: cmaes: its package is not installed; allowed: pip install highwater[cmaes], or another sampler") from None
    known = {score.trial: dict(score.params) for score in held}
    start = min(held[: search.batch], key=lambda score: preference(score, search))
    mean = np.array([_unit(d, known[start.trial][d.name]) for d in varied])
    bounds = np.tile([0.0, 1.0], (len(varied), 1))
    engine = cmaes.CMA(mean=mean, sigma=CMA_SIGMA, bounds=bounds, seed=seed, population_size=search.batch)
    for number in range(1, batch):
        drawn = [engine.ask() for _ in range(search.batch)]
        generation = held[number * search.batch : (number + 1) * search.batch]
        ranked = sorted(generation, key=lambda score: preference(score, search))
        rank = {score.trial: float(place) for place, score in enumerate(ranked)}
        told = []
        for x, score in zip(drawn, generation, strict=True):
            units = [_unit(d, known[score.trial][d.name]) for d in varied]  # it was moved, or is a baseline: tell where it was
            is_drawn = all(_scaled(d, u) == known[score.trial][d.name] for d, u in zip(varied, x.tolist(), strict=True))
            told.append((x if is_drawn else np.array(units), rank[score.trial]))
        engine.tell(told)
    fixed = {d.name: d.low for d in space}
    while True:
        yield fixed | {d.name: _scaled(d, u) for d, u in zip(varied, engine.ask().tolist(), strict=True)}


def _unit(dimension: Dimension, value: int) -> float:
    """The middle of the share of a value in [0, 1]; the reverse of ``_scaled``."""
    if dimension.log:
        low, high = log(dimension.low - 0.5), log(dimension.high + 0.5)
        unit = (log(max(value, 1)) - low) / (high - low)
    else:
        unit = (value - dimension.low + 0.5) / (dimension.high - dimension.low + 1)
    return min(max(unit, 0.0), 1.0)


def _sobol(space: Sequence[Dimension], seed: int, first: int) -> Iterator[Params]:
    """The study's scrambled Sobol sequence from point ``first`` on."""
    from scipy.stats import qmc

    engine = qmc.Sobol(len(space), scramble=True, rng=seed)
    if first:  # fast_forward(0) raises
        engine.fast_forward(first)
    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # counts that are no power of two lose balance, not correctness
            (point,) = engine.random(1)
        yield {d.name: _scaled(d, float(u)) for d, u in zip(space, point, strict=True)}


def _scaled(dimension: Dimension, u: float) -> int:
    """The integer at ``u`` in [0, 1) of a dimension; each integer has the same share of its scale."""
    if dimension.log:
        low, high = log(dimension.low - 0.5), log(dimension.high + 0.5)
        value = round(exp(low + u * (high - low)))
    else:
        value = dimension.low + int(u * (dimension.high - dimension.low + 1))
    return min(max(value, dimension.low), dimension.high)
