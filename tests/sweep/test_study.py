"""Studies: the next batch follows from what is finished; defaults first, the best confirmed at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweep.plan import load_plan
from sweep.search import Score
from sweep.study import Batch, Study, best, confirmed_trials, next_task, run_task, score
from tests import tinysweep


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return load_plan(tinysweep.write(tmp_path)).studies[1]


def computed(study: Study) -> list[Batch]:
    """All batches of a study, one after the other."""
    history: tuple[Score, ...] = ()
    batches: list[Batch] = []
    while task := next_task(study, history, bool(batches) and batches[-1].phase == "confirm"):
        batches.append(run_task(task))
        assert sum(len(trial.replicates) for trial in batches[-1].trials) == task.n_simulations
        if task.phase == "search":
            history += tuple(score(study, row) for row in batches[-1].trials)
    return batches


@pytest.mark.timeout(400)
def test_a_study_is_its_batches(study: Study) -> None:
    batches = computed(study)
    assert [batch.phase for batch in batches] == ["search"] * 3 + ["confirm"]
    assert [batch.batch for batch in batches] == [0, 1, 2, 3]
    search = [trial for batch in batches[:3] for trial in batch.trials]
    assert [trial.number for trial in search] == [0, 1, 2, 3, 4]
    assert [[row.replicate.number for row in trial.replicates] for trial in search] == [[0, 1]] * 5
    assert {name for name, _ in search[0].params} >= {"min_free_kbytes", "swappiness"}, "all tunables are told"
    winner = best([score(study, trial) for trial in search]).trial
    assert [trial.number for trial in batches[3].trials] == sorted({0, winner})
    assert computed(study) == batches, "pure"


def test_replicates_are_common_to_policies_and_differ_between_phases(tmp_path: Path) -> None:
    first, second, other_cell = load_plan(tinysweep.write(tmp_path)).studies[:3]
    assert first.policy != second.policy
    assert first.replicates("search") == second.replicates("search")
    seeds = [r.seed for study in (first, other_cell) for phase in ("search", "confirm") for r in study.replicates(phase)]
    assert len(set(seeds)) == 8


def test_the_best_survives_first_is_fast_second_and_came_first() -> None:
    scores = [Score(0, (), 0.5, 9.0), Score(1, (), 0.0, 3.0), Score(2, (), 0.0, 4.0), Score(3, (), 0.0, 4.0)]
    assert best(scores).trial == 2
    assert [s.trial for s in confirmed_trials(scores)] == [0, 2]
    assert [s.trial for s in confirmed_trials(scores[:1])] == [0]
