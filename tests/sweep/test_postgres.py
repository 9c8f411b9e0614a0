"""A team's MLflow: a real server on PostgreSQL shows the same as the database beside the results."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweep.mlflowdb import local_uri
from sweep.results import Results
from sweep.tracking import Publisher
from tests import postgres
from tests.faulty import mlflow_server
from tests.planted import planted
from tests.sweep.test_tracking import SMALL, copied, dump, empty_database, runs

pytestmark = [pytest.mark.mlflow_server, pytest.mark.timeout(400)]
__all__ = ["empty_database"]


@pytest.fixture
def results() -> Results:
    return planted(axes=SMALL)


def test_a_server_on_postgresql_shows_the_same(results: Results, empty_database: Path, tmp_path: Path) -> None:
    pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
    programs = postgres.programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    from mlflow import MlflowClient

    home = copied(empty_database, tmp_path / "local")
    direct = Publisher(local_uri(home)).publish(results)
    with postgres.cluster(programs) as store, mlflow_server(store, tmp_path / "served") as port:
        uri = f"http://127.0.0.1:{port}"
        first = Publisher(uri).publish(results)
        again = Publisher(uri).publish(results)
        found = list(MlflowClient(tracking_uri=uri).search_runs([first.experiment_id], max_results=1000))
    assert (again.created, again.updated, again.deleted) == (0, 0, 0)
    assert dump(found) == dump(runs(home, direct.experiment_id))
