"""Retests: the real simulator on streams that the sweep never saw, the same ones for every setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweep.candidates import Candidates
from sweep.plan import load_plan
from sweep.recommend import recommend
from sweep.results import Results, load_results
from sweep.retest import Retester
from tests import tinysweep


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A tiny sweep that was really run."""
    from sweep.executor import make
    from sweep.progress import Decided, Reporter
    from sweep.runner import Runner, open_store
    from sweep.stopping import Stop
    from sweep.store import Store

    directory = tmp_path_factory.mktemp("retest")
    plan = load_plan(tinysweep.write(directory))
    with Store(directory) as store:
        open_store(plan, store)
        executor = make("serial", None, None, directory)
        try:
            with Reporter("tiny", Decided(None)) as report, Stop("") as stop:
                Runner(plan, store, executor, report).run(stop)
        finally:
            executor.close()
    return load_results(directory)


def test_settings_meet_on_the_same_fresh_streams(results: Results) -> None:
    retest = Retester(results, 3)
    candidates = Candidates(results, "inline")
    default = retest(0, "inline", candidates.defaults(0))
    other = retest(0, "inline", tuple((dict(default.params) | {"min_free_kbytes": 900}).items()))
    assert default.streams == other.streams
    assert len(set(default.streams)) == 3
    assert not set(default.streams) & set(results.replicates["stream_digest"]), "fresh"
    assert retest(0, "inline", default.params) == default


def test_a_recommendation_with_a_retest_says_how_many_pairs(results: Results, tmp_path: Path) -> None:
    done: list[int] = []
    found = recommend(results, "inline", 0, oom_bound=0.6, retest=Retester(results, 4, tmp_path / "x.yaml", done.append))
    assert done[-1:] == [8] or not found.n_candidates
    assert all(e.n == 4 for e in found.evidence)
