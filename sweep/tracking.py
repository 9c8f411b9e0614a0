"""Tracking: publish a sweep to MLflow. The store is the truth, MLflow a projection of it: late, again, or never is
fine.

One process publishes, with explicit run ids; nothing here keeps MLflow's global state. A run is found again by its
tag `trial.uid`: MLflow lets nobody choose run ids and does not repeat a creation whose answer was lost, so every
publication begins with one search for what is there, and ends by deleting what is there twice.
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from sweep.errors import HighwaterError
from sweep.errors import TrackingError as TrackingError
from sweep.export import export
from sweep.mlflowdb import ARTIFACTS as ARTIFACTS
from sweep.mlflowdb import DATABASE as DATABASE
from sweep.mlflowdb import TRIALS_VIEW, VIEW, database_of, prepare
from sweep.mlflowdb import local_uri as local_uri
from sweep.notes import RUN_ID
from sweep.projection import Projection, Record, TrialRuns, project, view
from sweep.verdict import Verdict, verdicts

if TYPE_CHECKING:
    from sweep.render import MapFiles
    from sweep.results import Results

UID: Final = "trial.uid"
CONTENT: Final = "content.sha256"
_PAGE: Final = 5000
_ENVIRONMENT: Final = {
    "MLFLOW_TRUNCATE_LONG_VALUES": "false",  # a cut value is a wrong value
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",  # its queue dies with the process
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # two lines a run
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # the default blocks for minutes when a server is down
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


@dataclass(frozen=True)
class Published:
    """What a publication did.

    Attributes:
        experiment_id: in MLflow.
        map_run_id: the run with the map.
        created: runs made.
        updated: runs whose content had changed.
        unchanged: runs that were there already.
        deleted: runs that were there twice.
        hidden: trials without a run of their own.
        seconds: wall time.
    """

    experiment_id: str
    map_run_id: str
    created: int
    updated: int
    unchanged: int
    deleted: int
    hidden: int
    seconds: float


@dataclass
class _Known:
    """What is in MLflow: run id and content digest by uid, and runs that are there twice."""

    runs: dict[str, tuple[str, str]] = field(default_factory=dict)
    extra: list[str] = field(default_factory=list)


class Publisher:
    """Publishes sweeps to one MLflow; keep it to publish the same sweep again and again cheaply."""

    def __init__(self, tracking_uri: str) -> None:
        """Open MLflow (seconds: it is a large import, and an empty database is filled with tables).

        Args:
            tracking_uri: `local_uri(...)`, or http(s):// of a server.

        Raises:
            TrackingError: cannot be opened.
        """
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        self._database = database_of(tracking_uri)
        self._known: dict[str, _Known] = {}
        with _translated(tracking_uri):
            if self._database:
                prepare(self._database)
            from mlflow import MlflowClient

            for name in ("alembic", "mlflow", "urllib3"):
                logging.getLogger(name).setLevel(logging.ERROR)
            self._client: Any = MlflowClient(tracking_uri=tracking_uri)
            self._client.search_experiments(max_results=1)  # makes the tables, or finds that there is no server
        self._uri = tracking_uri

    def publish(self, results: Results, files: MapFiles | Sequence[Path] | None = None, trial_runs: TrialRuns = "auto", top_k: int = 10) -> Published:
        """Make MLflow show this sweep; what is there already is left alone.

        Args:
            results: a finished or partial sweep.
            files: its map, to be attached beside the tables; None leaves the artifacts as they are.
            trial_runs, top_k: which trials get a run of their own, see ``config.Mlflow``; the tables have all of them.

        Raises:
            TrackingError: MLflow went away or refuses; publish again later.
        """
        begin = time.monotonic()
        projection = project(results, _verdicts(results), trial_runs, top_k)
        with _translated(self._uri):
            experiment = self._experiment(projection)
            # Taken out until all is well: after an error nobody knows what MLflow did, and the next publication looks again.
            known = self._known.pop(experiment, None) or self._search(experiment)
            counts = self._runs(experiment, projection, known)
            map_run = known.runs[projection.records[0].uid][0]
            if files is not None:
                self._artifacts(map_run, results, files)
            deleted = self._reconcile(known)
            self._known[experiment] = known
        seconds = time.monotonic() - begin
        return Published(experiment, map_run, *counts, deleted, projection.n_hidden, seconds)

    def compare(self, results: Results, trial_runs: TrialRuns = "auto", top_k: int = 10) -> tuple[int, int]:
        """How many runs are there with the content that the results give them, and how many should be; writes nothing.

        Raises:
            TrackingError: MLflow cannot be reached.
        """
        projection = project(results, _verdicts(results), trial_runs, top_k)
        with _translated(self._uri):
            found = self._client.get_experiment_by_name(projection.experiment)
            known = self._search(str(found.experiment_id)) if found is not None else _Known()
        held = sum(known.runs.get(record.uid, ("", ""))[1] == record.content for record in projection.records)
        return held, len(projection.records)

    def _experiment(self, projection: Projection) -> str:
        """Id of the experiment, with its tags up to date."""
        found = self._client.get_experiment_by_name(projection.experiment)
        if found is not None and found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        if found is None:
            place = (self._database.parent / ARTIFACTS / projection.experiment).as_uri() if self._database else None
            self._client.create_experiment(projection.experiment, artifact_location=place)
            found = self._client.get_experiment_by_name(projection.experiment)
        views = [(f"mlflow.sharedViewState.{key}", view(projection, of_trials=key == TRIALS_VIEW)) for key in (VIEW, TRIALS_VIEW)]
        for key, value in (*projection.tags, *views):
            if found.tags.get(key) != value:
                self._client.set_experiment_tag(found.experiment_id, key, value)
        return str(found.experiment_id)

    def _search(self, experiment: str) -> _Known:
        """Everything published so far, in pages; of two runs with one uid the older one counts."""
        known = _Known()
        token = None
        while True:
            page = self._client.search_runs(
                [experiment], f"tags.`{UID}` != ''", max_results=_PAGE, order_by=["attributes.start_time ASC"],
                page_token=token,
            )  # fmt: skip
            for run in page:
                uid = run.data.tags[UID]
                if uid in known.runs:
                    known.extra.append(run.info.run_id)
                else:
                    known.runs[uid] = (run.info.run_id, run.data.tags.get(CONTENT, ""))
            token = page.token
            if not token:
                return known

    def _runs(self, experiment: str, projection: Projection, known: _Known) -> tuple[int, int, int]:
        """Create what is missing, update what changed; counts of created, updated and untouched runs."""
        created = updated = 0
        start = int(time.time() * 1000)
        for i, record in enumerate(projection.records):
            run_id, content = known.runs.get(record.uid, ("", ""))
            if content == record.content:
                continue
            parent = known.runs[record.parent][0] if record.parent else ""
            # Parents are the youngest, so that the first page of the table has them all.
            at = start + (len(projection.records) if not record.parent else 0) - i
            if run_id:
                updated += 1
            else:
                run_id = self._create(experiment, record, parent, at)
                created += 1
            self._fill(run_id, record, at, new=not content)
            known.runs[record.uid] = (run_id, record.content)
        return created, updated, len(projection.records) - created - updated

    def _create(self, experiment: str, record: Record, parent: str, at: int) -> str:
        """A run without content yet: if we die now, the next publication finds it by its uid and fills it."""
        tags = {UID: record.uid, "mlflow.source.name": "highwater", "mlflow.source.type": "LOCAL"}
        if parent:
            tags["mlflow.parentRunId"] = parent
        run = self._client.create_run(experiment, start_time=at, tags=tags | dict(record.tags), run_name=record.name)
        return str(run.info.run_id)

    def _fill(self, run_id: str, record: Record, at: int, *, new: bool) -> None:
        """Everything of a run in one request; its content digest is the proof that it is complete."""
        from mlflow.entities import Metric, Param, RunTag

        tags = {key: value.replace(RUN_ID, run_id) for key, value in record.tags if not new or RUN_ID in value}
        now = int(time.time() * 1000)
        self._client.log_batch(
            run_id,
            metrics=[Metric(key, value, now, 0) for key, value in record.metrics],
            params=[Param(key, value) for key, value in record.params],
            tags=[RunTag(key, value) for key, value in (tags | {CONTENT: record.content}).items()],
        )
        if new:
            self._client.set_terminated(run_id, "FINISHED", end_time=at)
        else:
            self._client.update_run(run_id, name=record.name)

    def _artifacts(self, run_id: str, results: Results, files: MapFiles | Sequence[Path]) -> None:
        """The map, and every trial and replicate as tables."""
        for path in files if isinstance(files, Sequence) else (files.png, files.html, files.txt, files.csv):
            self._client.log_artifact(run_id, str(path), "map")
        with tempfile.TemporaryDirectory() as directory:
            for path in export(results, Path(directory)):
                self._client.log_artifact(run_id, str(path), "tables")

    def _reconcile(self, known: _Known) -> int:
        """Delete runs that are there twice, after a creation whose answer was lost."""
        n = len(known.extra)
        while known.extra:
            self._client.delete_run(known.extra.pop())
        return n


def _verdicts(results: Results) -> dict[int, Verdict]:
    """What the map would say, for a publication without a map."""
    compare = results.config.get("compare")
    found = verdicts(results, compare["challenger"], compare["baseline"]) if compare else ()
    return {verdict.cell: verdict for verdict in found}


@contextmanager
def _translated(uri: str) -> Iterator[None]:
    """Whatever MLflow throws becomes one line that names the place."""
    try:
        yield
    except HighwaterError:
        raise
    except Exception as error:
        first = str(error).strip().split("\n")[0]
        line = f"{uri}: {first or type(error).__name__}"
        password = urlsplit(uri).password
        hidden = line.replace(f":{password}@", ":***@") if password else line
        raise TrackingError(f"{hidden[:300]}; publish again later") from error
