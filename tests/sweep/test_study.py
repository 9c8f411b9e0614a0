"""Studies: the next batch follows from what is finished; defaults and baselines first, the best confirmed at the end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sweep.history import Past, Score, best
from sweep.plan import load_plan
from sweep.study import Batch, Study, Task, chosen, finished, learned, next_task, run_chosen, run_task, score
from tests import tinysweep


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return load_plan(tinysweep.write(tmp_path)).studies[1]


def computed(study: Study) -> list[Batch]:
    """All batches of a study, one after the other."""
    past, looked = Past(), 0
    batches: list[Batch] = []
    while task := next_task(study, past, looked):
        batches.append(run_task(task))
        assert sum(len(trial.replicates) for trial in batches[-1].trials) == task.n_simulations
        if task.phase == "search":
            past = learned(study, past, batches[-1].trials)
        else:
            looked += 1
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


@pytest.mark.timeout(400)
def test_a_batch_computed_point_by_point_in_any_order_is_the_batch(study: Study) -> None:
    task = Task(study, 0, "search", Past())
    trials = chosen(task)
    rows = [row for one in reversed(trials) for row in run_chosen(task, (one,))]
    assert finished(task, rows) == run_task(task)


def test_replicates_are_common_to_policies_and_differ_between_phases(tmp_path: Path) -> None:
    first, second, other_cell = load_plan(tinysweep.write(tmp_path)).studies[:3]
    assert first.policy != second.policy
    assert first.replicates("search") == second.replicates("search")
    seeds = [r.seed for study in (first, other_cell) for phase in ("search", "confirm") for r in study.replicates(phase)]
    assert len(set(seeds)) == 8


def test_later_looks_add_replicates_of_the_best_alone(study: Study) -> None:
    study = replace(study, search=study.search.model_copy(update={"confirm": 3, "confirm_max": 10}))
    assert study.looks == (3, 6, 10)
    numbers = [[r.number for r in study.replicates("confirm", look)] for look in range(3)]
    assert numbers == [[0, 1, 2], [3, 4, 5], [6, 7, 8, 9]]
    past = Past(5, (), Score(0, (), 1.0, 1.0), Score(3, (("dirty_ratio", 5),), 0.0, 1.0))
    assert [number for number, _ in chosen(Task(study, 3, "confirm", past))] == [0, 3]
    assert [number for number, _ in chosen(Task(study, 4, "confirm", past, 1))] == [3]
    assert next_task(study, past, 1) is None, "decided"
    more = next_task(study, past, 1, wants_more=True)
    assert more is not None
    assert (more.batch, more.look, more.n_simulations) == (4, 1, 3)
    assert next_task(study, past, 3, wants_more=True) is None, "that was the last look"


def test_the_best_survives_first_is_fast_second_and_came_first() -> None:
    scores = [Score(0, (), 0.5, 9.0), Score(1, (), 0.0, 3.0), Score(2, (), 0.0, 4.0), Score(3, (), 0.0, 4.0)]
    assert best(scores).trial == 2
    given_up = replace(scores[2], is_stopped=True)
    assert best([scores[0], given_up]).trial == 0, "what was given up is never the best"


BASELINES = """  baselines: [tuned-throughput-performance, wsf-200, tuned-sap-hana, suse-bytes]
"""


def test_baselines_are_the_first_trials(tmp_path: Path) -> None:
    text = tinysweep.TINY.replace("  trials: 5\n", "  trials: 5\n  racing: {}\n" + BASELINES).replace("batch: 2", "batch: 4")
    text = text.replace("policies: [inline, postponed]", "policies: [inline, flusher_only]")
    text = text.replace("challenger: postponed", "challenger: flusher_only")
    old, new = load_plan(tinysweep.write(tmp_path, text)).studies[:2]
    tuned = {"dirty_ratio": 40, "dirty_background_ratio": 10, "swappiness": 10}
    assert old.enqueued == ({}, tuned), "2.6.23 has no watermark_scale_factor; sap-hana repeats; suse is for larger machines"
    assert new.enqueued == ({}, tuned, {"watermark_scale_factor": 200})
    assert [dict(params) for _, params in chosen(Task(new, 0, "search", Past()))[:3]] == list(new.enqueued)
