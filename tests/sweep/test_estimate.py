"""Estimates: what is counted is exact, what is measured is measured, and more cores never take longer."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.book import Book
from sweep.estimate import Estimate, estimate, lines, size, span, spread
from sweep.plan import Plan, load_plan
from sweep.study import chosen as trials_of
from sweep.study import finished, run_chosen
from tests import tinysweep

pytestmark = pytest.mark.timeout(400)


@given(st.integers(1, 300))
def test_samples_are_spread_from_the_first_on(n: int) -> None:
    order = list(spread(n))
    assert sorted(order) == list(range(n))
    if n >= 8:
        quarters = {place * 4 // n for place in order[:8]}
        assert quarters == {0, 1, 2, 3}


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return load_plan(tinysweep.write(tmp_path))


def test_the_counts_are_those_of_a_run(plan: Plan) -> None:
    found = estimate(plan, 0.0)
    assert found.simulations == tinysweep.SIMULATIONS == plan.max_simulations
    assert (found.search_n, found.confirm_n, found.looks_n) == (60, 24, 0)
    assert found.trials == 30
    assert found.runs == 1 + 6 + 30
    assert len(found.sampled) == 1
    assert found.simulate_s > 0
    assert found.search_s > 0
    assert [found.wall_s(n) for n in (1, 2, 8)] == sorted((found.wall_s(n) for n in (1, 2, 8)), reverse=True)
    text = list(lines(found, 2))
    assert text[0].endswith("3 cells, 2 policies, 6 studies, 30 trials")
    assert text[1] == "simulations: at most 84 (60 in searches, 24 to confirm)"
    assert any(line.startswith("wall time on 2 cores: ") for line in text)
    assert any("37 runs" in line for line in text)


def test_all_studies_sampled_leave_nothing_to_guess(plan: Plan) -> None:
    found = estimate(plan, 60.0)
    assert len(found.sampled) == 6
    assert found.spread_s == 0.0
    assert found.simulate_s == pytest.approx(sum(one.simulation_s * 14 for one in found.sampled))


def test_the_store_is_as_large_as_it_said(plan: Plan, tmp_path: Path) -> None:
    from sweep.runner import open_store
    from sweep.store import Store

    found = estimate(plan, 60.0)
    with Store(tmp_path / "results") as store:
        open_store(plan, store)
        empty = used(store.path)
        book, n = Book(plan), 0
        ready = book.ready()
        while ready:
            task = book.task(ready.pop())
            assert task is not None
            batch = finished(task, run_chosen(task, trials_of(task)))
            store.commit(batch)
            n += sum(len(row.replicates) for row in batch.trials)
            ready += book.add(batch)
        assert n <= found.simulations
        grown = used(store.path) - empty
    assert 0.5 < found.store_bytes * n / found.simulations / grown < 2


def used(path: Path) -> int:
    """Bytes of a database, its write-ahead log folded in."""
    import sqlite3

    with sqlite3.connect(path) as db:
        pages, page = (int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "page_size"))
    return pages * page


def test_the_command_prints_it(tmp_path: Path) -> None:
    tinysweep.write(tmp_path)
    done = tinysweep.highwater(tmp_path, "plan", tmp_path / "tiny.yaml", "--seconds", "0", "--cores", "3")
    assert done.returncode == 0, done.stderr
    assert "wall time on 3 cores: " in done.stdout
    assert not (tmp_path / "results").exists(), "nothing is kept"


def test_a_slow_driver_is_a_bound_too(plan: Plan) -> None:
    found = estimate(plan, 0.0)
    assert found.wall_s(1_000_000) >= found.trials * 0.0005
    assert isinstance(found, Estimate)


def test_durations_and_sizes_read_well() -> None:
    assert [span(s) for s in (0.0034, 0.77, 9.96, 12.3, 240, 9000)] == ["3.4 ms", "770 ms", "10.0 s", "12 s", "4.0 min", "2.5 h"]
    assert [size(n) for n in (12, 295_000, 3_810_000, 2e10)] == ["12 B", "295 kB", "3.81 MB", "20 GB"]
