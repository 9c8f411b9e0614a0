"""A boundary in words finds the box that the test planted, and says nothing where there is none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.boundary import PURE, boundary, members


def whole_grid(*sizes: int) -> np.ndarray:
    return np.array(list(itertools.product(*map(range, sizes))), np.int64)


def find(positions, sizes, inside, known=None, ordered=None):
    known = np.ones(len(positions), bool) if known is None else known
    return boundary(positions, sizes, ordered or [True] * len(sizes), inside, known)


def test_a_planted_box_is_found_exactly():
    cells = whole_grid(6, 5, 4)
    inside = (cells[:, 0] >= 3) & (cells[:, 1] <= 1)
    found = find(cells, (6, 5, 4), inside)
    assert [(box.limits[0].low, box.limits[1].high, len(box.limits)) for box in found.boxes] == [(3, 1, 2)]
    assert found.boxes[0].density.value == found.boxes[0].coverage.value == 1.0
    assert found.held == found.total == inside.sum()


def test_a_stain_in_the_box_lowers_its_density_and_does_not_move_it():
    cells = whole_grid(8, 8)
    inside = cells[:, 0] >= 4
    inside[np.flatnonzero(inside)[5]] = False
    (box,) = find(cells, (8, 8), inside).boxes
    assert (box.limits[0].low, len(box.limits)) == (4, 1)
    assert (box.density.count, box.density.n) == (31, 32)
    assert box.density.low < 31 / 32 < box.density.high


def test_two_corners_take_two_boxes():
    cells = whole_grid(6, 6)
    inside = (cells < 2).all(1) | (cells > 3).all(1)
    found = find(cells, (6, 6), inside)
    assert len(found.boxes) == 2
    assert found.held == found.total == 8


def test_an_unimportant_axis_is_not_mentioned():
    cells = whole_grid(5, 5, 5)
    (box,) = find(cells, (5, 5, 5), cells[:, 2] == 4).boxes
    assert [limit.axis for limit in box.limits] == [2]


def test_scattered_cells_have_no_sentence():
    cells = whole_grid(8, 8)
    assert find(cells, (8, 8), (cells.sum(1) % 2) == 0).held <= 3  # a checkerboard: only single cells are pure


def test_undecided_cells_count_neither_for_nor_against():
    cells = whole_grid(6, 6)
    inside = cells[:, 0] >= 3
    known = cells[:, 1] != 2
    (box,) = find(cells, (6, 6), inside, known).boxes
    assert (box.density.count, box.density.n, box.undecided) == (15, 15, 3)


def test_an_axis_of_names_is_one_of_them_or_free():
    cells = whole_grid(4, 5)
    inside = (cells[:, 0] == 1) | (cells[:, 0] == 2)
    found = find(cells, (4, 5), inside, ordered=[False, True])
    assert [(box.limits[0].low, box.limits[0].high) for box in found.boxes] == [(1, 1), (2, 2)]


@given(st.integers(0, 2**32 - 1))
def test_every_box_is_as_pure_as_it_says_and_holds_what_it_says(seed):
    rng = np.random.default_rng(seed)
    cells = whole_grid(4, 3, 3)
    inside, known = rng.random(36) < rng.random(), rng.random(36) < 0.8
    found = find(cells, (4, 3, 3), inside, known)
    held = np.zeros(36, bool)
    for box in found.boxes:
        there = members(box, cells)
        assert box.density.count == (there & inside & known).sum() >= PURE * box.density.n
        assert box.density.n == (there & known).sum()
        assert box.undecided == (there & ~known).sum()
        held |= there
    assert found.held == (held & inside & known).sum()


def test_too_many_boxes_are_refused_with_the_sizes():
    cells = np.zeros((1, 4), np.int64)
    with pytest.raises(ValueError, match="200 x 200 x 200 x 200 values"):
        find(cells, (200, 200, 200, 200), np.ones(1, bool))
