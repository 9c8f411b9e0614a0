"""Refinement finds a planted boundary for less than a uniform grid, and invents none where nothing is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from sweep.arms import Arm
from sweep.refine import between, gaps, next_points
from sweep.verdict import compare, judge

SIDE = 4.0  # five values along each axis
FINEST = 1 / 32

TRUTHS = {
    "line": lambda p: p[:, 1] > 0.3 * p[:, 0] + 1.1,
    "circle": lambda p: ((p - [1.9, 2.2]) ** 2).sum(1) < 1.5**2,
    "corner": lambda p: (p[:, 0] > 1.63) & (p[:, 1] > 2.21),
    "wave": lambda p: p[:, 1] > 2 + 0.8 * np.sin(1.7 * p[:, 0]),
}


def grid(n, axes=2):
    return np.array(list(itertools.product(np.linspace(0, SIDE, n), repeat=axes)))


def findings(truth, points):
    return ["win" if inside else "loss" for inside in truth(points)]


def boundary_error(points, truth):
    """Share of the plane that the map shows wrongly."""
    places = grid(151)
    return np.mean(np.array(between(points, findings(truth, points), places)) != np.array(findings(truth, places)))


def refined(truth, cost, batch=8, axes=2):
    points = grid(5, axes)
    while len(points) < cost:
        chosen = next_points(points, findings(truth, points), min(batch, cost - len(points)), FINEST)
        if not len(chosen):
            break
        points = np.concatenate([points, chosen])
    return points


@pytest.mark.parametrize("name", TRUTHS)
def test_the_error_is_below_half_of_a_uniform_grids_at_equal_cost(name):
    truth = TRUTHS[name]
    points = refined(truth, 144)
    assert len(points) <= 144
    assert boundary_error(points, truth) < boundary_error(grid(12), truth) / 2


def test_a_batch_is_as_good_as_one_at_a_time_or_nearly():
    truth = TRUTHS["circle"]
    assert boundary_error(refined(truth, 120, batch=16), truth) < 1.5 * boundary_error(refined(truth, 120, batch=1), truth) + 0.002


def test_it_stops_when_the_boundary_is_known_to_the_finest_step():
    truth = TRUTHS["line"]
    points = grid(5)
    while len(chosen := next_points(points, findings(truth, points), 8, 0.25)):
        points = np.concatenate([points, chosen])
    assert max(gap.length for gap in gaps(points, findings(truth, points))) <= 0.25 + 1e-9
    assert len(points) < 33**2 / 4
    assert len({tuple(point) for point in points}) == len(points)


def test_nothing_is_spent_where_every_cell_agrees():
    points = grid(5)
    assert len(next_points(points, ["tie"] * len(points), 8, FINEST)) == 0


def test_one_axis_is_bisected():
    points = np.array([[0.0], [1.0], [2.0], [3.0]])
    (point,) = next_points(points, ["win", "win", "loss", "loss"], 4, FINEST)
    assert point == [1.5]
    assert between(points, ["win", "win", "loss", "loss"], np.array([[1.2], [1.8], [-1.0]])) == ["win", "loss", "win"]


def test_three_axes():
    def truth(p):
        return p.sum(1) > 5.2

    points = refined(truth, 200, axes=3)
    assert len(points) == 200
    new = points[125:]
    assert np.abs(new.sum(1) - 5.2).mean() < np.abs(grid(5, 3).sum(1) - 5.2).mean() / 4


def test_the_same_cells_are_chosen_again():
    points = grid(5)
    first, second = (next_points(points, findings(TRUTHS["wave"], points), 8, FINEST) for _ in range(2))
    assert (first == second).all()


def null_map(rng, cells, deaths, n=12):
    """Verdicts of a map on which both policies are the same."""
    verdicts = []
    for cell in range(cells):
        shared = rng.normal(0, 0.2, n)
        oom = rng.random((2, n)) < deaths
        streams = tuple(f"{cell} {i}" for i in range(n))
        arms = [
            Arm(cell, name, 0, (), tuple(range(n)), streams, tuple(map(bool, oom[i])), tuple(np.exp(shared + rng.normal(0, 0.03, n))))
            for i, name in enumerate("ab")
        ]
        verdicts.append(compare(arms[0], arms[1], (cell, str(cell), "a", "b", "tuned")))
    return verdicts


@pytest.mark.parametrize("deaths", [0.0, 0.3])
def test_false_wins_stay_below_five_percent_over_200_null_maps_that_are_refined(deaths):
    """As a sweep does it: judge, refine where findings differ, judge all cells again."""
    rng = np.random.default_rng(2007)
    maps_with_a_win = cells_won = cells_seen = 0
    for _ in range(200):
        points, raw = grid(4), null_map(rng, 16, deaths)
        for _ in range(3):
            chosen = next_points(points, [v.finding for v in judge(raw)], 4, FINEST)
            if not len(chosen):
                break
            points = np.concatenate([points, chosen])
            raw += null_map(rng, len(chosen), deaths)
        won = sum(v.finding == "win" for v in judge(raw))
        maps_with_a_win += won > 0
        cells_won += won
        cells_seen += len(raw)
    assert cells_won / cells_seen < 0.05
    assert maps_with_a_win / 200 < 0.05  # nothing is true here, so one false win is a false map
