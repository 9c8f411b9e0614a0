"""Publishing to a real MLflow: complete, once, caught up later, found by the searches that the notes promise."""

from __future__ import annotations

import re
import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweep.mlflowdb import DATABASE, first_page, local_uri, runs_page
from sweep.notes import searches
from sweep.projection import ALL_BELOW, Projection, project
from sweep.render import MapFiles, write_map
from sweep.results import Results
from sweep.tracking import Publisher, TrackingError
from sweep.verdict import verdicts
from tests.faulty import mlflow_server
from tests.planted import Truth, planted

SMALL = {"anon_share": [0.2, 0.8]}


def plan(cell: Any, policy: str, _tuned: bool) -> Truth:
    return Truth(oom=1.0) if policy == "postponed" and cell.get("anon_share") == 0.8 else Truth()


@pytest.fixture(scope="module")
def results() -> Results:
    return planted(plan, axes=SMALL, points=("w1 'quoted' <b>",))


@pytest.fixture(scope="module")
def files(results: Results, tmp_path_factory: pytest.TempPathFactory) -> MapFiles:
    return write_map(results, tmp_path_factory.mktemp("map"))


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with tables and nothing else: making one takes seconds, copying it does not."""
    home = tmp_path_factory.mktemp("mlflow")
    Publisher(local_uri(home))
    return home / DATABASE


def copied(database: Path, home: Path) -> Path:
    """A directory with a copy of the database, write-ahead log and all."""
    home.mkdir(exist_ok=True)
    for file in database.parent.glob(f"{DATABASE}*"):
        shutil.copy(file, home / file.name)
    return home


@pytest.fixture
def home(empty_database: Path, tmp_path: Path) -> Path:
    return copied(empty_database, tmp_path / "home")


def client(home: Path) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=local_uri(home))


def runs(home: Path, experiment: str, query: str = "") -> list[Any]:
    return list(client(home).search_runs([experiment], query, max_results=1000))


def dump(found: list[Any]) -> list[tuple[Any, ...]]:
    """What a person sees of runs, without ids and times."""
    names = {run.info.run_id: run.info.run_name for run in found}
    hidden = ("mlflow.parentRunId", "mlflow.note.content", "mlflow.user")
    return sorted(
        (
            run.info.run_name,
            names.get(run.data.tags.get("mlflow.parentRunId", ""), ""),
            sorted(run.data.params.items()),
            sorted(run.data.metrics.items()),
            sorted((k, v) for k, v in run.data.tags.items() if k not in hidden),
            run.info.status,
        )
        for run in found
    )


def test_a_sweep_becomes_an_experiment_with_studies_trials_and_a_map(home: Path, results: Results, files: MapFiles) -> None:
    done = Publisher(local_uri(home)).publish(results, files)
    assert (done.created, done.updated, done.unchanged, done.hidden) == (1 + 9 + 27, 0, 0, 0)
    found = runs(home, done.experiment_id)
    parents = {run.info.run_id: run for run in found if "mlflow.parentRunId" not in run.data.tags}
    children = [run for run in found if run.info.run_id not in parents]
    assert (len(parents), len(children)) == (10, 27)
    for child in children:
        parent = parents[child.data.tags["mlflow.parentRunId"]]
        assert parent.data.tags["policy"] == child.data.tags["policy"] == child.data.params["policy"]
        assert {"oom_rate", "oom_rate_ci_lo", "oom_rate_ci_hi", "throughput", "x/min_free_kbytes"} <= set(child.data.metrics)
        assert float(child.data.params["min_free_kbytes"]) == child.data.metrics["x/min_free_kbytes"]
        assert len(child.data.metrics) <= 30
        assert child.info.status == "FINISHED"
    map_run = parents[done.map_run_id]
    assert map_run.data.metrics["cells_loss"] == 1
    names = [item.path for item in client(home).list_artifacts(done.map_run_id, "map")]
    assert names == ["map/map.csv", "map/map.html", "map/map.png", "map/map.txt"]
    assert len(client(home).list_artifacts(done.map_run_id, "tables")) == 3
    assert (home / "mlflow-artifacts").is_dir(), "artifacts lie beside the database"


def test_publishing_again_changes_nothing(home: Path, results: Results, files: MapFiles) -> None:
    publisher = Publisher(local_uri(home))
    first = publisher.publish(results, files)
    before = dump(runs(home, first.experiment_id))
    for again in (publisher, Publisher(local_uri(home))):
        for given in (files, None):
            done = again.publish(results, given)
            assert (done.created, done.updated, done.unchanged) == (0, 0, 37)
    assert dump(runs(home, first.experiment_id)) == before


def test_a_partial_sweep_is_caught_up(home: Path, results: Results, files: MapFiles, empty_database: Path, tmp_path: Path) -> None:
    rows = results.replicates[(results.replicates["cell"] == 0) & (results.replicates["phase"] == "search")]
    trials = results.trials[results.trials["cell"] == 0].assign(is_best=False)
    publisher = Publisher(local_uri(home))
    first = publisher.publish(replace(results, trials=trials, replicates=rows))
    assert first.created == 1 + 3 + 9
    second = publisher.publish(results, files)
    assert (second.created, second.updated > 0) == (37 - 13, True)
    other = copied(empty_database, tmp_path / "straight")
    straight = Publisher(local_uri(other)).publish(results, files)
    assert dump(runs(home, second.experiment_id)) == dump(runs(other, straight.experiment_id))


def test_a_run_made_but_never_filled_is_filled_and_one_made_twice_goes(home: Path, results: Results) -> None:
    publisher = Publisher(local_uri(home))
    first = publisher.publish(results)
    before = dump(runs(home, first.experiment_id))
    target = runs(home, first.experiment_id, "tags.role = 'best'")[0]
    uid = {"trial.uid": target.data.tags["trial.uid"]}
    client(home).create_run(first.experiment_id, tags=uid, start_time=target.info.start_time + 10**6)
    client(home).delete_tag(target.info.run_id, "content.sha256")
    done = Publisher(local_uri(home)).publish(results)
    assert (done.created, done.updated, done.deleted) == (0, 1, 1)
    assert dump(runs(home, first.experiment_id)) == before


def test_every_search_in_the_notes_finds_what_it_says(home: Path, results: Results, files: MapFiles) -> None:
    done = Publisher(local_uri(home)).publish(results, files)
    found = {what: len(runs(home, done.experiment_id, query)) for what, query in searches(results)}
    assert found == {
        "studies only, best trial in the columns": 9,
        "trials of one policy without one OOM": 9,
        "settings with OOM rate below 1 % and watermark_scale_factor above 100": 0,
        "kernel defaults": 9,
        "tuned bests": 9,
        "what ran out of memory": 3,
        "the map and the tables": 1,
        "studies with anon_share above 0.2": 3,
    }
    note = client(home).get_experiment(done.experiment_id).tags["mlflow.note.content"]
    study = runs(home, done.experiment_id, "tags.level = 'study' and tags.policy = 'postponed'")[0]
    query = re.search(r"`(tags\.mlflow\.parentRunId = '\w+')`", study.data.tags["mlflow.note.content"])
    assert query is not None
    assert len(runs(home, done.experiment_id, query.group(1))) == 3
    assert all(f"`{query}`" in note for _, query in searches(results))


def test_an_experiment_opens_with_oom_rate_first(home: Path, results: Results) -> None:
    done = Publisher(local_uri(home)).publish(results)
    tags = client(home).get_experiment(done.experiment_id).tags
    assert tags["mlflow.experiment.primaryMetric.name"] == "oom_rate"
    assert tags["mlflow.sharedViewState.highwater"].startswith('{"selectedColumns": ["metrics.`oom_rate`", "metrics.`thr')
    assert all(len(value) <= 8000 for value in tags.values())
    assert runs_page("http://h:1/", "7") == "http://h:1/#/experiments/7/runs?viewStateShareKey=highwater"
    assert first_page(home, "http://h:1") == runs_page("http://h:1", done.experiment_id)
    assert first_page(home / "nowhere", "http://h:1") == "http://h:1"


def test_large_sweeps_keep_the_runs_that_matter() -> None:
    results = planted(axes={"ram_mib": [64]}, trials=ALL_BELOW, policies=("inline", "postponed"), confirm=1)
    shown: Projection = project(results)
    assert (shown.n_trials, shown.n_hidden) == (2 * ALL_BELOW, 2 * ALL_BELOW - 22)
    assert [record.name for record in shown.records if record.parent].count("trial 0 (default)") == 2


def test_pareto_shows_what_no_other_trial_beats() -> None:
    """Trial 0 is the default, trial 5 the chosen one; of the others those stay that are better than all before them in one of both."""
    results = planted(axes={"ram_mib": [64]}, policies=("inline", "postponed"), trials=6)
    trials = results.trials.copy()
    study = trials["policy"] == "inline"
    trials.loc[study, "oom_rate"] = [0.9, 0.0, 0.0, 0.5, 0.5, 0.0]
    trials.loc[study, "throughput"] = [1.0, 5.0, 4.0, 6.0, 5.5, 7.0]

    def shown(top_k: int) -> set[int]:
        found = project(replace(results, trials=trials), trial_runs="pareto", top_k=top_k)
        return {int(record.name.split()[1]) for record in found.records if record.parent.endswith("/0/inline/study")}

    assert shown(0) == {0, 5}, "trial 5 beats all"
    assert shown(3) == {0, 5, 1, 2}, "and the three best of it"
    trials.loc[study, "throughput"] = [1.0, 5.0, 4.0, 6.0, 5.5, 4.5]
    assert shown(0) == {0, 1, 3, 5}, "trial 3 is faster than any with fewer OOMs"
    assert all(not record.parent for record in project(results, trial_runs="none").records)


def test_records_hold_only_what_mlflow_takes(results: Results) -> None:
    found = {v.cell: v for v in verdicts(results, "postponed", "inline")}
    for record in project(results, found).records:
        assert len(record.metrics) + len(record.params) + len(record.tags) <= 100
        assert all(abs(value) < 1e300 for _, value in record.metrics)
        assert all(len(value) <= 5000 for _, value in (*record.params, *record.tags))
        assert len({key for key, _ in record.tags}) == len(record.tags)
    verdict = {r.name: dict(r.tags).get("verdict") for r in project(results, found).records if not r.parent}
    assert verdict["postponed · anon_share=0.8"] == "loss"
    assert verdict["inline · anon_share=0.8"] == "win"
    assert verdict["flusher_only · anon_share=0.8"] is None


def test_a_dead_server_is_one_line_and_hides_passwords() -> None:
    with pytest.raises(TrackingError) as caught:
        Publisher("http://me:secret@127.0.0.1:9")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "publish again later" in str(caught.value)


@pytest.fixture
def server(home: Path) -> Iterator[str]:
    with mlflow_server(local_uri(home), home / "served") as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.mlflow_server
def test_a_server_shows_the_same_as_the_database(server: str, home: Path, results: Results, files: MapFiles, empty_database: Path, tmp_path: Path) -> None:
    done = Publisher(server).publish(results, files)
    over_http = dump(runs(home, done.experiment_id))
    local = copied(empty_database, tmp_path / "local")
    direct = Publisher(local_uri(local)).publish(results, files)
    assert dump(runs(local, direct.experiment_id)) == over_http
    artifact = f"{server}/get-artifact?run_uuid={done.map_run_id}&path=map%2Fmap.html"
    with urllib.request.urlopen(artifact, timeout=20) as answer:
        assert answer.read() == files.html.read_bytes()
