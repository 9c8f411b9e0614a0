"""State by reference: what compiled functions see of it is what Python put there."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from core.jit import JIT_ENABLED, by_reference, entry, jit

pytestmark = pytest.mark.skipif(not JIT_ENABLED, reason="interpreted runs take the state itself")

PAIR = np.dtype([("a", np.int64), ("b", np.int32)])


class State(NamedTuple):
    grid: Any
    pairs: Any
    words: Any
    scale: int


@jit
def total(words: Any) -> int:
    found = 0
    for word in words:
        found += word
    return found


@jit
def seen(state: Any, row: int, column: int) -> int:
    state.pairs[row].b += 1
    state.words[column] = 5
    return state.scale * (state.grid[row, column] + state.pairs[row].a) + len(state.pairs)


@entry
def both(state: Any, row: int, column: int) -> int:
    return seen(by_reference(state), row, column) + total(state.words)


def test_fields_are_read_and_written_in_place() -> None:
    grid = np.arange(12).reshape(3, 4)
    pairs = np.array([(10, 1), (20, 2), (30, 3)], PAIR)
    words = np.zeros(4, np.int64)
    assert both(State(grid, pairs, words, 100), 2, 3) == 100 * (11 + 30) + 3 + 5
    assert pairs["b"].tolist() == [1, 2, 4]
    assert words.tolist() == [0, 0, 0, 5]


def test_types_of_the_state_have_short_names_and_different_ones() -> None:
    """The names are part of every symbol of the engine: spelt out they took nineteen of twenty bytes of what is cached."""
    from numba import typeof, types

    from core.reference import Reference, Table

    small, wide = (typeof(np.zeros(1, kind)) for kind in (PAIR, [*PAIR.descr, ("c", np.int8)]))
    assert Table(small) == Table(typeof(np.zeros(7, PAIR)))
    assert Table(small) != Table(wide)
    assert Table(small) != Table(types.Array(small.dtype, 2, "C"))
    states = [Reference(typeof(State(array, array, array, 1))) for array in (np.zeros(1, PAIR), np.zeros(1, [*PAIR.descr, ("c", np.int8)]))]
    assert states[0] != states[1]
    assert all(len(kind.name) < 40 for kind in (*states, Table(wide)))
