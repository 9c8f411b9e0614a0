"""Racing: a fair params vector is rarely given up, a hopeless one early, and what was not run is known as not run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sweep import trial as trials
from sweep.config import Racing, Search
from sweep.history import Past, best
from sweep.plan import load_plan
from sweep.racing import ALPHA, Race, dies, is_slower, race
from sweep.study import Task, finished, learned, run_chosen, score
from tests import tinysweep


@pytest.mark.parametrize("limit", [0.05, 0.2, 0.35])
@pytest.mark.parametrize("replicates", [4, 8, 64])
def test_a_vector_at_the_limit_is_given_up_in_one_case_of_twenty_at_most(limit: float, replicates: int) -> None:
    rng = np.random.default_rng(5)
    drawn = rng.random((8000, replicates)) < limit
    assert np.mean([dies(limit, row) for row in drawn.tolist()]) <= ALPHA + 3 * np.sqrt(ALPHA / 8000)


def test_a_vector_that_always_dies_is_given_up_at_once() -> None:
    assert next(n for n in range(1, 5) if dies(0.2, [True] * n)) == 2
    assert not dies(0.2, [False] * 100)


@pytest.mark.parametrize("replicates", [4, 8, 16])
@pytest.mark.parametrize("spread", [0.01, 0.3])
def test_a_vector_slower_by_just_the_margin_is_given_up_in_one_case_of_twenty_at_most(replicates: int, spread: float) -> None:
    rng = np.random.default_rng(6)
    racing, runs = Racing(slower=0.05), 1500
    lost = 0
    for _ in range(runs):
        bar = tuple((False, float(speed)) for speed in np.exp(rng.normal(10, 0.3, replicates)))
        rows = [(False, speed * 0.95 * float(np.exp(rng.normal(0, spread)))) for _, speed in bar]
        lost += any(Race(racing, replicates, bar).is_lost(rows[:n]) for n in range(1, replicates))
    assert lost / runs <= ALPHA + 3 * np.sqrt(ALPHA / runs)


def test_a_much_slower_vector_is_given_up() -> None:
    bar = tuple((False, 1000.0 + n) for n in range(8))
    race = Race(Racing(slower=0.05), 8, bar)
    rows = [(False, 500.0 + n) for n in range(8)]
    assert [race.is_lost(rows[:n]) for n in range(1, 8)] == [False, False, True, True, True, True, True]
    assert not race.is_lost(rows), "all were run, so nothing is left to give up"
    assert not Race(Racing(), 8, bar).is_lost(rows[:5]), "not asked for"
    assert not Race(Racing(slower=0.05), 8, ((True, 9.0), *bar[1:])).is_lost(rows[:5]), "the incumbent died itself"
    assert not is_slower(0.05, [(0.0, 1.0)] * 5, 0.05)


def test_speed_alone_makes_nothing_hopeless_where_something_else_is_asked_for() -> None:
    bar = ((False, 1.0),)
    assert race(Search(), bar) is None
    by_speed = race(Search(racing=Racing(slower=0.1)), bar)
    by_memory = race(Search(racing=Racing(slower=0.1), objectives=("oom_rate", "throughput", "idle_kbytes")), bar)
    assert by_speed is not None
    assert by_memory is not None
    assert (by_speed.bar, by_memory.bar) == (bar, ())


@pytest.mark.timeout(400)
def test_what_was_not_run_is_known_as_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trial 2 of the tiny sweep is made to die in each replicate."""
    text = tinysweep.TINY.replace("  replicates: 2\n", "  replicates: 4\n  racing: {oom_rate: 0.2}\n").replace("batch: 2", "batch: 4")
    study = load_plan(tinysweep.write(tmp_path, text)).studies[0]
    real = trials._row

    def deadly(replicate: trials.Replicate, streams: object, outcome: object) -> trials.ReplicateRow:
        row = real(replicate, streams, outcome)  # type: ignore[arg-type]
        return trials.replace(row, oom=True) if deadly.on else row  # type: ignore[attr-defined]

    monkeypatch.setattr(trials, "_row", deadly)
    monkeypatch.setattr(trials, "replace", __import__("dataclasses").replace, raising=False)
    task = Task(study, 0, "search", Past())
    rows = []
    for number in range(4):
        deadly.on = number in (0, 2)  # type: ignore[attr-defined]
        rows += run_chosen(task, ((number, (("dirty_ratio", 20 + number),)),))
    assert [len(row.replicates) for row in rows] == [4, 4, 2, 4], "the defaults are run in full"
    assert [row.is_stopped for row in rows] == [False, False, True, False]
    assert rows[2].oom_rate == 1.0
    assert [row.replicate.number for row in rows[2].replicates] == [0, 1]
    past = learned(study, Past(), finished(task, rows).trials)
    assert [one.is_stopped for one in past.held] == [False, False, True, False]
    assert best([score(study, row) for row in rows]).trial in (1, 3)
