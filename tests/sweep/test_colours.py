"""Colours survive colour blindness and printing: the marks of a map stay apart in what a dichromat sees and in grey.

Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision deficiency", IEEE TVCG 15(6), 2009: matrices of severity 1.0, on
linear RGB. Distances are CIE 1976 in CIELAB (D65): about 2.3 is just noticeable; 10 is told apart at a glance.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from sweep.figures.drawing import COLOURS, DASHES, MARKERS, colour, dash, marker
from sweep.marks import FINDING_MARKS, PLACE_MARKS
from sweep.timepicture import _WAITING

SIGHTS = {
    "full": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    "tritanopia": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
    "grey print": np.tile([0.2126, 0.7152, 0.0722], (3, 1)),
}
TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
WHITE = TO_XYZ.sum(axis=1)
AT_A_GLANCE = 10.0


def lab(colour: str, sight: str) -> np.ndarray:
    """CIELAB of #rrggbb as somebody sees it."""
    coded = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    ratio = TO_XYZ @ np.clip(SIGHTS[sight] @ linear, 0, 1) / WHITE
    x, y, z = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def apart(first: str, second: str, sight: str) -> float:
    return float(np.linalg.norm(lab(first, sight) - lab(second, sight)))


def test_the_simulation_knows_what_is_confused() -> None:
    """Red and green of one lightness: apart to most, alike to a deuteranope; black and white are a hundred apart to all."""
    assert apart("#b8442f", "#6f7a2c", "full") > 40
    assert apart("#b8442f", "#6f7a2c", "deuteranopia") < apart("#b8442f", "#6f7a2c", "full") / 2
    for sight in SIGHTS:
        assert apart("#000000", "#ffffff", sight) == pytest.approx(100, abs=1)


@pytest.mark.parametrize("sight", SIGHTS)
def test_findings_are_told_apart_by_colour_alone(sight: str) -> None:
    for first, second in combinations(FINDING_MARKS, 2):
        distance = apart(FINDING_MARKS[first].fill, FINDING_MARKS[second].fill, sight)
        assert distance > AT_A_GLANCE, f"{first} and {second}: {distance:.1f}"


@pytest.mark.parametrize("sight", SIGHTS)
def test_places_are_told_apart_by_colour_or_hatch(sight: str) -> None:
    """A beaten policy and an unknown one are both nearly white: the second is hatched. Each has a symbol besides."""
    for first, second in combinations(PLACE_MARKS, 2):
        if {first, second} != {"beaten", "unknown"}:
            distance = apart(PLACE_MARKS[first].fill, PLACE_MARKS[second].fill, sight)
            assert distance > AT_A_GLANCE, f"{first} and {second}: {distance:.1f}"
    assert len({mark.symbol for mark in PLACE_MARKS.values()}) == len(PLACE_MARKS)


def test_lines_differ_in_more_than_colour() -> None:
    """Policies by marker and by dash; what waits in a time line by its dash."""
    assert len({marker(i) for i in range(len(COLOURS))}) == len(COLOURS) == len(MARKERS)
    assert len({dash(i) for i in range(len(COLOURS))}) == len(COLOURS) == len(DASHES)
    assert len({style for *_, style in _WAITING}) == len(_WAITING)
    twice = range(2 * len(COLOURS))  # the study has ten policies
    assert len({(colour(i), marker(i)) for i in twice}) == len({(colour(i), dash(i)) for i in twice}) == len(twice)
