"""Importances: which tunable the good trials of a policy have in common, by Optuna's PED-ANOVA.

Watanabe, Bansal and Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces", IJCAI 2023; Optuna's implementation.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sweep.arms import PARAM
from sweep.figures.drawing import SOFT, colour, figure, marker, svg, tidy

if TYPE_CHECKING:
    import pandas as pd

    from sweep.results import Results

_ENOUGH: Final = 16  # trials of a study; fewer say nothing


def importances(results: Results, policy: str) -> dict[str, list[float]]:
    """Importance of each searched tunable in each cell with enough trials, those of a cell sum to 1.

    An OOM is the worst value of a trial: trials are ranked by OOM rate, then throughput, and the rank is what is explained.
    """
    found: dict[str, list[float]] = {}
    for _, study in results.trials[results.trials["policy"] == policy].groupby("cell"):
        if len(study) < _ENOUGH:
            continue
        for name, value in _of_study(study).items():
            found.setdefault(name, []).append(value)
    return found


def _of_study(trials: pd.DataFrame) -> dict[str, float]:
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator

    searched = [name for name in trials.columns if str(name).startswith(PARAM) and trials[name].notna().all() and trials[name].nunique() > 1]
    if not searched:
        return {}
    order = np.lexsort((-trials["throughput"].to_numpy(float), trials["oom_rate"].to_numpy(float)))
    rank = np.empty(len(trials))
    rank[order] = np.arange(len(trials))
    distributions = {name: optuna.distributions.IntDistribution(int(trials[name].min()), int(trials[name].max())) for name in searched}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(direction="minimize")
        for place, row in zip(rank, trials.to_dict("records"), strict=True):
            params = {name: int(row[name]) for name in searched}
            study.add_trial(optuna.trial.create_trial(params=params, distributions=dict(distributions), value=float(place)))
        weight = optuna.importance.get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    return {str(name).removeprefix(PARAM): float(value) for name, value in weight.items()}


def importance_svg(results: Results) -> str:
    """Importances as SVG, one point a cell, the median as a bar; empty where no study has enough trials."""
    from matplotlib.legend_handler import HandlerTuple

    by_policy = {policy: importances(results, policy) for policy in results.config["policies"]}
    names = sorted({name for found in by_policy.values() for name in found}, key=lambda n: -max(np.median(f[n]) for f in by_policy.values() if n in f))
    if not names:
        return ""
    shown = [policy for policy, found in by_policy.items() if found]
    drawn = figure(7.2, 0.9 + 0.2 * len(names) * (len(shown) + 1), fitted=True)
    axes = drawn.add_subplot()
    handles: list[tuple[Any, Any]] = []
    for i, policy in enumerate(results.config["policies"]):
        if policy not in shown:
            continue
        bar = dots = None
        places = [row + 0.8 * (shown.index(policy) + 0.5) / len(shown) - 0.4 for row in range(len(names))]
        for name, place in zip(names, places, strict=True):
            values = 100 * np.array(by_policy[policy].get(name, ()))
            if len(values):
                bar = axes.barh(place, np.median(values), height=0.7 / len(shown), color=colour(i), alpha=0.35)
                dots = axes.scatter(values, np.full(len(values), place), s=9, color=colour(i), marker=marker(i), linewidth=0)
        handles.append((bar, dots))  # the mark tells policies apart in grey
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    tidy(axes, "importance (%; a point is a cell, a bar their median)", "")
    axes.legend(handles, shown, handler_map={tuple: HandlerTuple(ndivide=None)}, frameon=False, fontsize=8.5, labelcolor=SOFT)
    return svg(drawn, "Importances")
