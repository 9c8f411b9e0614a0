"""The figures of a report are well-formed, self-contained and show what was planted."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from sweep.arms import arms
from sweep.figures.history import best_so_far, history_svg
from sweep.figures.importance import importance_svg, importances
from sweep.figures.pareto import front, pareto_svg
from sweep.figures.plane import plane_svg
from sweep.maps import build_map
from sweep.sentences import grid
from tests.planted import Truth, planted

AXES = {"anon_share": [0.2, 0.5, 0.8, 1.0], "w_alloc_milli": [0, 250, 1000, 2000]}


def dies_when_anonymous(cell, policy, _tuned):
    return Truth(oom=1.0 if policy == "postponed" and cell["anon_share"] >= 0.8 else 0.0)


def well_formed(text):
    ET.fromstring(text)
    assert "http" not in text.replace("http://www.w3.org/", "").replace("http://purl.org/", "").replace("http://creativecommons.org/", "")
    return text


@pytest.fixture(scope="module")
def results():
    return planted(dies_when_anonymous, axes=AXES, trials=20, noise=0.002)


def test_the_plane_shows_every_cell_and_the_cliff_of_the_policy_that_has_one(results):
    text = well_formed(plane_svg(grid(results), build_map(results).verdicts["tuned"], "plane"))
    assert text.count(">L<") == 8
    assert "postponed: half of the runs out of memory" in text
    assert "inline: half" not in text


def test_refined_cells_are_points_of_the_plane():
    refined = [{"anon_share": 0.65, "w_alloc_milli": 500}]
    results = planted(dies_when_anonymous, axes=AXES, refined=refined, noise=0.002)
    found = build_map(results).verdicts["tuned"]
    findings = [verdict.finding for verdict in found.values()]
    assert len(findings) == 17
    text = plane_svg(grid(results), found, "plane")
    assert text.count(">L<") + text.count(">=<") + text.count(">?<") + text.count(">W<") == 17


def test_a_sweep_of_points_has_no_plane():
    results = planted(axes={}, points=["w1"])
    assert plane_svg(grid(results), build_map(results).verdicts["tuned"], "plane") == ""


def test_the_front_is_what_no_trial_beats_in_both():
    oom = np.array([0.0, 0.0, 0.25, 0.5, 0.5])
    throughput = np.array([10.0, 20.0, 15.0, 30.0, 25.0])
    assert front(oom, throughput).tolist() == [1, 3]


def test_pareto_names_every_policy(results):
    text = well_formed(pareto_svg(results, 0, [arms(results, "tuned")]))
    assert all(policy in text for policy in results.config["policies"])
    assert pareto_svg(results, 999, []) == ""


def test_best_so_far_prefers_survival_to_speed():
    assert best_so_far(np.array([0.5, 0.0, 0.0]), np.array([90.0, 10.0, 20.0])).tolist() == [90.0, 10.0, 20.0]


def test_history_needs_a_default_that_survives(results):
    text = well_formed(history_svg(results))
    assert "inline (16 cells)" in text
    assert "postponed (8 cells)" in text


def test_the_planted_tunable_is_the_important_one():
    results = planted(axes={"cpus": [1, 2]}, trials=24, noise=0.001)
    rng = np.random.default_rng(1)
    trials = results.trials
    trials["param:min_free_kbytes"] = rng.integers(500, 16_000, len(trials))
    trials["param:swappiness"] = rng.integers(0, 100, len(trials))
    trials["param:dirty_ratio"] = 20
    trials["throughput"] = trials["param:min_free_kbytes"].to_numpy(float)
    found = importances(results, "inline")
    assert set(found) == {"min_free_kbytes", "swappiness"}
    assert min(found["min_free_kbytes"]) > 0.7
    assert "min_free_kbytes" in well_formed(importance_svg(results))


def test_few_trials_have_no_importances():
    results = planted(axes={"cpus": [1, 2]}, trials=4)
    assert importances(results, "inline") == {}
    assert importance_svg(results) == ""


def test_the_same_figure_twice_is_the_same_text(results):
    assert pareto_svg(results, 1, []) == pareto_svg(results, 1, [])
