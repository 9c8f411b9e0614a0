"""The sentences of a map say what was planted in it."""

from __future__ import annotations

import numpy as np

from sweep.arms import Pair
from sweep.maps import build_map
from sweep.sensitivity import net_wins, shares
from tests.planted import Truth, planted

AXES = {"anon_share": [0.2, 0.5, 0.8, 1.0], "w_alloc_milli": [0, 250, 1000], "cpus": [1, 2]}


def loses_when_anonymous_and_writes_need_memory(cell, policy, _tuned):
    dies = policy == "postponed" and cell["anon_share"] >= 0.8 and cell["w_alloc_milli"] >= 250
    return Truth(oom=1.0 if dies else 0.0)


def test_the_sentence_names_the_planted_limits_and_the_values_beside_them():
    drawn = build_map(planted(loses_when_anonymous_and_writes_need_memory, axes=AXES, noise=0.002))
    win, loss, weight = drawn.sentences["tuned"]
    assert win == "With each at its tuned best, postponed wins against inline in none of the 24 decided cells of the grid."
    assert "postponed loses against inline when anon_share ≥ 0.8 (tried next: 0.5) and w_alloc_milli ≥ 250 (tried next: 0) (8/8 of the losses; 100 %" in loss
    assert "cpus" not in loss
    assert weight.index("anon_share") < weight.index("cpus 0 %")


def test_the_axes_of_the_file_may_be_in_any_order():
    drawn = build_map(planted(loses_when_anonymous_and_writes_need_memory, axes={**AXES, "anon_share": [1.0, 0.2, 0.8, 0.5]}, noise=0.002))
    assert "anon_share ≥ 0.8 (tried next: 0.5)" in drawn.sentences["tuned"][1]


def test_refined_cells_draw_the_limits_closer():
    axes = {"anon_share": [0.2, 0.5, 0.8, 1.0], "w_alloc_milli": [0, 250, 1000, 2000]}

    def truth(cell, policy, _tuned):
        return Truth(oom=1.0 if policy == "postponed" and cell["anon_share"] > 0.71 and cell["w_alloc_milli"] > 400 else 0.0)

    along = [{"anon_share": share, "w_alloc_milli": 1000} for share in (0.65, 0.725, 0.6875)]
    down = [{"anon_share": 1.0, "w_alloc_milli": milli} for milli in (625, 437, 343)]
    loss = build_map(planted(truth, axes=axes, refined=along + down, noise=0.002)).sentences["tuned"][1]
    assert "anon_share ≥ 0.725 (tried next: 0.6875) and w_alloc_milli ≥ 437 (tried next: 343) (4/4 of the losses" in loss


def test_an_axis_of_names_is_named():
    axes = {"disk": ["ide", "nvme"], "cpus": [1, 2, 4]}
    drawn = build_map(
        planted(lambda cell, policy, _: Truth(speed=60_000 if policy == "postponed" and cell["disk"] == "ide" else 50_000), axes=axes, noise=0.002)
    )
    assert "postponed wins against inline when disk = ide (3/3 of the wins" in drawn.sentences["default"][0]


def test_a_sweep_of_points_has_no_sentences():
    assert build_map(planted(axes={}, points=["w1", "w2"])).sentences == {"tuned": (), "default": ()}


def test_a_death_is_the_worst_result_of_a_pair():
    def pair(oom, throughput):
        return Pair(0, oom, throughput)

    assert net_wins([pair((True, False), (90.0, 10.0))]) == -1
    assert net_wins([pair((False, True), (10.0, 90.0))]) == 1
    assert net_wins([pair((True, True), (10.0, 90.0))]) == 0
    assert net_wins([pair((False, False), (101.0, 100.0)), pair((False, False), (110.0, 100.0))]) == 0.5


def test_shares_of_a_known_function():
    x, y = np.meshgrid([-1.0, 1.0], [-1.0, 1.0], indexing="ij")
    first, second = shares(2 * x + y)  # variances 4 and 1
    assert np.allclose([first.alone, first.total, second.alone, second.total], [0.8, 0.8, 0.2, 0.2])
    first, second = shares(x * y)
    assert np.allclose([first.alone, first.total, second.alone, second.total], [0, 1, 0, 1])


def test_nothing_is_weighed_where_nothing_differs_or_a_cell_is_missing():
    assert shares(np.zeros((2, 2))) is None
    assert shares(np.array([[1.0, np.nan], [0.0, 2.0]])) is None
