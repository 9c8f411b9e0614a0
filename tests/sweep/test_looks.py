"""Looks: more replicates where a verdict is undecided, and no more false wins for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sweep.arms import Arm
from sweep.book import Book
from sweep.looks import Seen, looks, wants_more
from sweep.plan import Plan, load_plan
from sweep.store import Store
from sweep.study import Batch, Task, finished
from sweep.trial import Replicate, ReplicateRow, TrialRow
from sweep.verdict import compare, judge
from tests import tinysweep

CELLS = 10


def test_the_number_of_replicates_is_doubled_up_to_the_most() -> None:
    assert looks(8, None) == looks(8, 8) == (8,)
    assert looks(8, 40) == (8, 16, 32, 40)


def seen(oom: np.ndarray, speed: np.ndarray) -> Seen:
    n = len(oom)
    return Seen(1, tuple(range(n)), ("s",) * n, tuple(oom.tolist()), tuple(speed.tolist()))


def looked(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray], steps: tuple[int, ...]) -> tuple[Arm, Arm]:
    """The arms after as many looks as it takes."""
    n = steps[0]
    for n in steps:
        if not wants_more(seen(first[0][:n], first[1][:n]), seen(second[0][:n], second[1][:n]), CELLS, len(steps)):
            break
    arms = [
        Arm(0, name, 1, (), s.replicates, s.streams, s.oom, s.throughput)
        for name, s in (("a", seen(*(x[:n] for x in first))), ("b", seen(*(x[:n] for x in second))))
    ]
    return arms[0], arms[1]


@pytest.mark.parametrize(("chance", "spread"), [(0.0, 0.05), (0.3, 0.05), (0.7, 0.2), (0.05, 0.01)], ids=["alive", "mixed", "deadly", "rare"])
def test_policies_that_are_equal_rarely_win_however_often_one_looks(chance: float, spread: float) -> None:
    """100 maps of ten cells in which nothing differs, each cell looked at up to three times."""
    maps, steps = 100, (8, 16, 32)
    rng = np.random.default_rng(2026)
    wrong, looked_again = [], 0
    for _ in range(maps):
        raw = []
        for cell in range(CELLS):
            common, luck = rng.normal(10, 0.3, 32), rng.random(32)
            arms = [(np.where(rng.random(32) < 0.5, luck, rng.random(32)) < chance, np.exp(common + rng.normal(0, spread, 32))) for _ in range(2)]
            first, second = looked(arms[0], arms[1], steps)
            looked_again += first.n > 8
            raw.append(compare(first, second, (cell, str(cell), "a", "b", "tuned"), len(steps)))
        wrong.append(sum(v.finding in ("win", "loss") for v in judge(raw)))
    assert looked_again > maps, "otherwise nothing was tested"
    assert sum(wrong) / (maps * CELLS) < 0.05, "share of false verdicts"
    assert sum(w > 0 for w in wrong) / maps < 0.05 + 3 * 0.0218, "maps with any false verdict: 5 % and three standard errors"


def test_a_difference_that_eight_replicates_do_not_show_is_found_by_looking_again() -> None:
    rng = np.random.default_rng(1)
    alive = np.zeros(64, bool)
    common = rng.normal(10, 0.3, 64)
    fast, slow = (alive, np.exp(common + 0.025 + rng.normal(0, 0.03, 64))), (alive, np.exp(common + rng.normal(0, 0.03, 64)))
    first, second = looked(fast, slow, (8, 16, 32, 64))
    assert 8 < first.n < 64, "and no longer than needed"
    (verdict,) = judge([compare(first, second, (0, "0", "a", "b", "tuned"), 4)])
    assert verdict.finding == "win"


def test_a_clear_cell_is_left_alone() -> None:
    dead, alive, speed = np.ones(12, bool), np.zeros(12, bool), np.full(12, 100.0)
    assert not wants_more(seen(dead, speed), seen(alive, speed), CELLS, 3)
    assert not wants_more(seen(dead, speed), seen(dead, speed), CELLS, 3), "both fail"
    assert wants_more(seen(alive, speed * (1 + 0.2 * (np.arange(12) % 2))), seen(alive, speed), CELLS, 3)
    assert not wants_more(Seen(), seen(alive, speed), CELLS, 3), "nothing to compare, so nothing to add"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    text = tinysweep.TINY.replace("  confirm: 2\n", "  confirm: 4\n  confirm_max: 12\n").replace("trials: 5", "trials: 2")
    return load_plan(tinysweep.write(tmp_path, text))


def row(number: int, phase: str, replicates: tuple[Replicate, ...], speeds: tuple[float, ...]) -> TrialRow:
    """A trial with made-up outcomes."""
    rows = [ReplicateRow(r, "s", f"{phase}{r.number}", False, False, s, (1,) * 100) for r, s in zip(replicates, speeds, strict=True)]
    return TrialRow(number, (("min_free_kbytes", 700), ("dirty_ratio", 20 + number)), tuple(rows), len(rows))


def batch(task: Task, speed: float, noise: float) -> Batch:
    """A batch of the plan, simulated by nobody: trial 1 is the best, and policies differ by noise alone."""
    replicates = task.study.replicates(task.phase, task.look)
    numbers = range(2) if task.phase == "search" else [0, 1] if task.look == 0 else [1]
    speeds = tuple(speed * (1 + noise * (-1) ** r.number) for r in replicates)
    return finished(task, [row(n, task.phase, replicates, tuple(s + n for s in speeds)) for n in numbers])


def played(book: Book, store: Store | None, noise: dict[int, float], stop_after: int = 10_000) -> list[tuple[int, str, int, int]]:
    """Compute until nothing is left, or so many batches are in; cell, policy, batch and look of each."""
    done = []
    queue = book.ready()
    while queue and len(done) < stop_after:
        key = queue.pop(0)
        task = book.task(key)
        assert task is not None
        found = batch(task, 100.0 if key[1] == "inline" else 100.01, noise[key[0]] if key[1] == "inline" else 0.0)
        if store:
            store.commit(found)
        done.append((*key, task.batch, task.look))
        queue += book.add(found)
    return done


def test_only_undecided_cells_get_more_and_both_rivals_the_same(plan: Plan) -> None:
    book = Book(plan)
    expected = book.remaining()
    assert expected == 6 * (2 * 2 + 2 * 4)
    done = played(book, None, {0: 0.0, 1: 0.3, 2: 0.0})
    assert book.is_complete
    assert book.remaining() == 0
    later = sorted((cell, policy, look) for cell, policy, _, look in done if look)
    assert [(cell, look) for cell, _, look in later if cell == 1] == [(1, 1), (1, 2), (1, 1), (1, 2)]
    # Cells 0 and 2 are equal; four pairs cannot show it, eight cannot at three looks, and so they are looked at again too.
    assert book.ledgers[1, "inline"].seen.replicates == tuple(range(12))
    assert book.cells_complete == 3


@pytest.mark.parametrize("stop_after", [0, 3, 7, 9, 12, 13, 15])
def test_a_book_that_is_read_again_from_the_store_goes_on_where_it_was(plan: Plan, tmp_path: Path, stop_after: int) -> None:
    from sweep.runner import open_store

    noise = {0: 0.0, 1: 0.3, 2: 0.3}
    whole = set(played(Book(plan), None, noise))
    with Store(tmp_path / "results") as store:
        open_store(plan, store)
        done = played(Book(plan, store), store, noise, stop_after)
        again = Book(plan, store)
        assert again.studies_done == sum(not ledger.task() for ledger in again.ledgers.values()) - _waiting(again)
        done += played(again, store, noise)
        assert set(done) == whole
        assert len(done) == len(whole), "nothing twice"
        assert Book(plan, store).is_complete
        assert replace(plan) == plan


def _waiting(book: Book) -> int:
    """Studies that have no task until their rival has caught up."""
    return sum(ledger.task() is None and (ledger.looked == 0 or ledger.wants_more) for ledger in book.ledgers.values())
