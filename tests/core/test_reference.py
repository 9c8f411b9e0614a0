"""State by reference: what compiled functions see of it is what Python put there."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from core.jit import JIT_ENABLED, by_reference, entry, jit

pytestmark = pytest.mark.skipif(not JIT_ENABLED, reason="interpreted runs take the state itself")

PAIR = np.dtype([("a", np.int64), ("b", np.int32)])
LISTS = np.dtype([("length", np.int64), ("items", np.int64, 4)])


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


@jit
def before_and_after(state: Any, one: int, other: int) -> int:
    before = state.pairs[one].a
    state.pairs[other].a = 7
    return before * 10 + state.pairs[one].a


@entry
def stored_between(state: Any, one: int, other: int) -> int:
    return before_and_after(by_reference(state), one, other)


def test_a_store_to_the_same_field_is_seen_and_one_to_another_record_is_not() -> None:
    """The optimiser is told which stores cannot matter; it must not be told too much."""
    words = np.zeros(1, np.int64)
    for other, seen_after in ((0, 7), (1, 1)):
        pairs = np.array([(1, 0), (2, 0)], PAIR)
        assert stored_between(State(words, pairs, words, 1), 0, other) == 10 + seen_after


@jit
def appended(state: Any, which: int, item: int) -> int:
    row = state.pairs[which]
    row.items[row.length] = item
    row.length += 1
    return row.items[0] * 10 + len(row.items)


@entry
def append(state: Any, which: int, item: int) -> int:
    return appended(by_reference(state), which, item)


def test_arrays_within_records_are_read_and_written_in_place() -> None:
    words = np.zeros(1, np.int64)
    lists = np.zeros(2, LISTS)
    state = State(words, lists, words, 1)
    assert append(state, 1, 5) == 54
    assert append(state, 1, 6) == 54
    assert lists["items"].tolist() == [[0, 0, 0, 0], [5, 6, 0, 0]]
    assert lists["length"].tolist() == [0, 2]


def test_places_of_results_are_left_unset_and_nothing_else_is() -> None:
    from llvmlite import ir

    from core.jit import _leave_results_unset

    word = ir.IntType(64)
    module = ir.Module()
    callee = ir.Function(module, ir.FunctionType(ir.IntType(32), [word.as_pointer(), word.as_pointer(), word.as_pointer()]), "callee")
    builder = ir.IRBuilder(ir.Function(module, ir.FunctionType(word, []), "caller").append_basic_block())
    result, error, variable = (builder.alloca(word, name=name) for name in ("", "excinfo", "variable"))
    for slot in (result, error, variable):
        builder.store(word(0), slot)
    builder.branch(block := builder.append_basic_block())
    builder.position_at_end(block)
    builder.store(word(0), result)
    builder.store(word(9), error)
    builder.call(callee, [result, error, variable])
    builder.ret(builder.load(result))
    _leave_results_unset(module)
    stores = [(i.operands[0].constant, i.operands[1].name) for f in module.functions for b in f.blocks for i in b.instructions if isinstance(i, ir.StoreInstr)]
    assert stores == [(0, variable.name), (9, error.name)]


def test_types_of_the_state_have_short_names_and_different_ones() -> None:
    """The names are part of every symbol of the engine: spelt out they took nineteen of twenty bytes of what is cached."""
    from numba import typeof, types

    from core.reference import Reference
    from core.table import Table

    small, wide = (typeof(np.zeros(1, kind)) for kind in (PAIR, [*PAIR.descr, ("c", np.int8)]))
    assert Table(small) == Table(typeof(np.zeros(7, PAIR)))
    assert Table(small) != Table(wide)
    assert Table(small) != Table(types.Array(small.dtype, 2, "C"))
    states = [Reference(typeof(State(array, array, array, 1))) for array in (np.zeros(1, PAIR), np.zeros(1, [*PAIR.descr, ("c", np.int8)]))]
    assert states[0] != states[1]
    assert all(len(kind.name) < 40 for kind in (*states, Table(wide)))
