"""The store: a batch is in it as a whole or not at all, one process writes it, and an altered row is never believed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core import Outcome
from sweep.book import Book
from sweep.errors import DeterminismError, DiskError, StoreError
from sweep.export import export
from sweep.plan import Plan, load_plan
from sweep.progress import count_decided
from sweep.results import load_results
from sweep.runner import open_store
from sweep.seeds import CONFIRM, SEARCH
from sweep.store import FILE, Store
from sweep.study import Batch
from sweep.trial import Replicate, ReplicateRow, TrialRow
from tests import tinysweep


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return load_plan(tinysweep.write(tmp_path))


@pytest.fixture
def store(plan: Plan, tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "results") as opened:
        assert not open_store(plan, opened)
        yield opened


def trial(number: int, phase: str, oom: bool = False, ops: int = 1000) -> TrialRow:
    counters = tuple(ops if name == "ops_done" else int(oom) for name in Outcome.fields())
    rows = (ReplicateRow(Replicate(phase, n, n), "5" * 64, "d" * 64, oom, False, ops / 3, counters) for n in range(2))
    return TrialRow(number, (("min_free_kbytes", 700 + number), ("dirty_ratio", 10)), tuple(rows))


def fill(store: Store) -> None:
    """One complete study and the first batch of another."""
    store.commit(Batch(0, "inline", 0, SEARCH, (trial(0, SEARCH, oom=True), trial(1, SEARCH))))
    store.commit(Batch(0, "inline", 1, SEARCH, (trial(2, SEARCH, ops=2000),)))
    store.commit(Batch(0, "inline", 2, CONFIRM, (trial(0, CONFIRM), trial(2, CONFIRM))))
    store.commit(Batch(0, "postponed", 0, SEARCH, (trial(0, SEARCH),)))


def test_what_is_committed_is_read_back(store: Store, plan: Plan) -> None:
    fill(store)
    results = load_results(store.path.parent)
    assert (results.name, results.config_sha256) == ("tiny", plan.config_sha256)
    assert results.config["search"]["trials"] == 5
    assert results.file == plan.file
    assert list(results.cells["anon_share"][:2]) == [0.2, 0.8]
    assert results.cells.loc[2, "kind"] == "point"
    trials = results.trials
    assert list(trials["trial"]) == [0, 1, 2, 0]
    assert list(trials["oom_rate"]) == [1.0, 0.0, 0.0, 0.0]
    assert list(trials["is_default"]) == [True, False, False, True]
    assert list(trials["is_best"]) == [False, False, True, False], "only complete studies have a best trial"
    assert list(trials["n_search"]) == [2, 2, 2, 2]
    assert list(trials["n_oom_search"]) == [2, 0, 0, 0]
    assert list(trials["param:min_free_kbytes"]) == [700, 701, 702, 700]
    assert list(results.replicates["phase"][:4]) == ["confirm", "confirm", "search", "search"]
    assert results.replicates["ops_done"].dtype == "int64"
    assert results.replicates["oom"].sum() == 2


def test_an_empty_store_has_tables_with_all_their_columns(store: Store, plan: Plan) -> None:
    """What a run looks at before its first batch is in."""
    results = load_results(store.path.parent)
    assert len(results.trials) == len(results.replicates) == 0
    assert results.trials["is_best"].dtype == bool
    assert plan.sweep.compare is not None
    assert count_decided(store.path.parent, plan.sweep.compare) == 0


def test_a_study_goes_on_from_what_is_stored(store: Store, plan: Plan) -> None:
    fill(store)
    found = Book(plan, store).ledgers
    assert found[0, "inline"].looked == 1
    assert [score.trial for score in found[0, "postponed"].past.held] == [0]
    assert found[0, "postponed"].past.held[0].params == (("min_free_kbytes", 700), ("dirty_ratio", 10))
    assert found[1, "inline"].past.count == 0


def test_the_same_batch_twice_changes_nothing(store: Store) -> None:
    fill(store)
    before = store.count_replicates()
    fill(store)
    assert store.count_replicates() == before


def test_another_result_for_the_same_trial_is_an_alarm_and_leaves_no_trace(store: Store) -> None:
    fill(store)
    before = store.count_replicates()
    with pytest.raises(DeterminismError, match=r"cell 0, policy inline, trial 1.*different results"):
        store.commit(Batch(0, "inline", 3, SEARCH, (trial(5, SEARCH), trial(1, SEARCH, ops=7))))
    assert store.count_replicates() == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE trials SET throughput = throughput + 1 WHERE trial = 1",
        "UPDATE replicates SET counters = '[1]' WHERE trial = 2",
        "UPDATE replicates SET oom = 0 WHERE trial = 0",
        "UPDATE meta SET value = replace(value, 'tiny', 'tine') WHERE key = 'config'",
    ],
)
def test_an_altered_row_is_refused(store: Store, change: str) -> None:
    fill(store)
    with sqlite3.connect(store.path) as db:
        db.execute(change)
    with pytest.raises(StoreError, match="altered after it was written"):
        load_results(store.path)


def test_one_process_writes_at_a_time(store: Store) -> None:
    with pytest.raises(StoreError, match="another run is writing here"):
        Store(store.path.parent)


def test_what_is_no_store_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such file; allowed: the results directory"):
        load_results(tmp_path)
    (tmp_path / FILE).write_bytes(b"no database, but long enough to be read as one" * 100)
    with pytest.raises(StoreError, match="file is not a database"):
        load_results(tmp_path)
    with pytest.raises(StoreError, match="file is not a database"):
        Store(tmp_path)
    with pytest.raises(StoreError, match="allowed: a directory that can be written"):
        Store(tmp_path / FILE / "below-a-file")


def test_a_full_disk_is_named_and_costs_nothing_that_was_committed(store: Store) -> None:
    fill(store)
    before = store.count_replicates()
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    big = replace(trial(9, SEARCH), params=tuple((f"p{n}", n) for n in range(2000)))
    with pytest.raises(DiskError, match="what was committed is intact"):
        store.commit(Batch(1, "inline", 0, SEARCH, (big,)))
    assert store.count_replicates() == before
    assert DiskError.exit_code == 74


def test_exports_are_the_same_bytes_whatever_the_order_of_commits(plan: Plan, tmp_path: Path) -> None:
    written = []
    for name, order in (("one", 1), ("two", -1)):
        with Store(tmp_path / name) as store:
            open_store(plan, store)
            for number in (0, 1, 2)[::order]:
                store.commit(Batch(number, "inline", 0, SEARCH, (trial(0, SEARCH), trial(1, SEARCH))))
            paths = export(load_results(tmp_path / name), tmp_path / name / "csv")
            written.append([path.read_bytes() for path in paths])
    assert written[0] == written[1]
    assert written[0][1].startswith(b"cell,policy,trial,is_default,is_best,n_search,n_oom_search,n_not_run,oom_rate,throughput,param:")
