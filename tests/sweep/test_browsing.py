"""Browsing: every search of docs/browsing.md finds, on a real server and in a real browser, the runs that the store says it should."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from sweep.arms import arms
from sweep.intervals import rate
from sweep.mlflowdb import TRIALS_VIEW, local_uri, runs_page
from sweep.notes import RUN_ID, study_searches
from sweep.results import Results
from sweep.store import FILE
from sweep.tracking import Publisher
from sweep.verdict import verdicts
from tests.pages import chromium, served
from tests.planted import Truth, planted
from tests.tinysweep import REPOSITORY

DOCUMENTED = dict(re.findall(r"^- ([^`]+): `(.+)`$", (REPOSITORY / "docs" / "browsing.md").read_text(), re.MULTILINE))
ALL_SETTINGS = "all settings with OOM rate below 1 % and scale factor above 100"

pytestmark = pytest.mark.mlflow_server


def plan(cell: Any, policy: str, tuned: bool) -> Truth:
    dies = cell["anon_share"] >= 0.8 if policy == "postponed" else policy == "flusher_only" and cell["w_alloc_milli"] == 1000 and not tuned
    return Truth(oom=1.0 if dies else 0.0, speed=60_000 if tuned else 50_000)


@pytest.fixture(scope="module")
def results() -> Results:
    return planted(plan, trials=5)


@pytest.fixture(scope="module")
def server(results: Results, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Address and id of the experiment."""
    home = tmp_path_factory.mktemp("browsing")
    done = Publisher(local_uri(home)).publish(results)
    (home / FILE).touch()
    with served(home) as address:
        yield address, done.experiment_id


def trials(results: Results, wanted: Callable[[dict[str, Any]], bool]) -> set[str]:
    """Names of trials in the store."""
    sha = results.config_sha256[:16]
    rows = (row | results.cells.loc[row["cell"]].to_dict() for row in results.trials.to_dict("records"))
    return {f"{sha}/{row['cell']}/{row['policy']}/{row['trial']}" for row in rows if wanted(row)}


def studies(results: Results, wanted: Callable[[int, str, Any], bool]) -> set[str]:
    sha = results.config_sha256[:16]
    policies = results.config["policies"]
    return {f"{sha}/{cell}/{policy}/study" for cell, row in results.cells.iterrows() for policy in policies if wanted(cell, policy, row)}


def expected(results: Results) -> dict[str, set[str]]:
    """What each documented search should find, from the store's tables alone."""
    bound = {}
    for at in ("tuned", "default"):
        for arm in arms(results, at).values():
            bound[arm.cell, arm.policy, arm.trial] = rate(arm.n_oom, arm.n).high
    lost = {v.cell for v in verdicts(results, "postponed", "inline") if v.finding == "loss"}
    search = results.replicates[results.replicates["phase"] == "search"]
    dead = search.groupby(["cell", "policy", "trial"])["oom"].mean().to_dict()

    def oom(row: dict[str, Any]) -> float:
        return float(dead[row["cell"], row["policy"], row["trial"]])

    def speed(row: dict[str, Any]) -> float:
        mine = (search["cell"] == row["cell"]) & (search["policy"] == row["policy"]) & (search["trial"] == row["trial"])
        return float(search[mine]["throughput"].mean())

    def above(row: dict[str, Any], name: str, value: float) -> bool:
        return str(row[name]).isdigit() and int(row[name]) > value

    return {
        "one row for each study": studies(results, lambda *_: True),
        ALL_SETTINGS: trials(results, lambda r: oom(r) < 0.01 and above(r, "param:watermark_scale_factor", 100)),
        "settings that reserve little and still live": trials(results, lambda r: oom(r) == 0 and r["param:min_free_kbytes"] < 3000),
        "an OOM rate below 40 % on fresh streams, with 95 % confidence": trials(results, lambda r: bound.get((r["cell"], r["policy"], r["trial"]), 1.0) < 0.4),
        "tuned bests of one policy": trials(results, lambda r: r["is_best"] and r["policy"] == "postponed"),
        "kernel defaults that ran out of memory": trials(results, lambda r: r["is_default"] and oom(r) > 0),
        "whatever ran out of memory on a search replicate": trials(results, lambda r: oom(r) > 0),
        "cells that the challenger lost": studies(results, lambda cell, policy, _: policy == "postponed" and cell in lost),
        "studies where more than half of the memory is anonymous": studies(results, lambda _c, _p, row: row["anon_share"] > 0.5),
        "all trials of one cell": trials(results, lambda r: r["label"] == "anon_share=0.8 w_alloc_milli=1000"),
        "fast and alive": trials(results, lambda r: oom(r) == 0 and speed(r) > 55_000),
        "the map, the report and the tables": {f"{results.config_sha256[:16]}/map"},
    }


def found(server: tuple[str, str], query: str) -> set[str]:
    from mlflow import MlflowClient

    runs = MlflowClient(tracking_uri=server[0]).search_runs([server[1]], query, max_results=5000)
    return {run.data.tags["trial.uid"] for run in runs}


def test_every_documented_search_finds_what_the_store_has(server: tuple[str, str], results: Results) -> None:
    wanted = expected(results)
    assert len(DOCUMENTED) == 12
    assert set(DOCUMENTED) == set(wanted), "a search without an expectation, or the other way round"
    for what, query in DOCUMENTED.items():
        assert 0 < len(wanted[what]) < len(results.trials), f"{what}: this sweep cannot tell"
        assert found(server, query) == wanted[what], what


def test_a_param_cannot_be_compared_which_is_why_settings_are_metrics(server: tuple[str, str]) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException):
        found(server, "params.watermark_scale_factor > 100")


def test_the_searches_of_a_parent_run_are_about_its_study(server: tuple[str, str], results: Results) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=server[0])
    parent = client.search_runs([server[1]], "tags.level = 'study' and tags.policy = 'postponed' and metrics.\"axis/anon_share\" < 0.3")[0]
    label = parent.data.tags["cell"]
    note = parent.data.tags["mlflow.note.content"]
    counts = []
    for _, query in study_searches(label):
        ready = query.replace(RUN_ID, parent.info.run_id)
        assert f"`{ready}`" in note
        counts.append(len(found(server, ready)))
    assert counts == [5, 5, 2, len(results.config["policies"])]


@pytest.mark.browser
def test_the_pages_show_the_runs_of_a_search_and_its_charts(server: tuple[str, str], results: Results) -> None:
    """Sorted by a metric the table is flat; by date it counts the parents of what matches, too."""
    address, experiment = server
    query = DOCUMENTED[ALL_SETTINGS]
    wanted = expected(results)[ALL_SETTINGS]
    parents = {uid.rpartition("/")[0] for uid in wanted}
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1600, "height": 1200})
        page.goto(runs_page(address, experiment))
        page.get_by_text("matching runs").wait_for(timeout=30_000)
        for column in ("oom_rate", "throughput"):
            page.get_by_role("columnheader").get_by_text(column, exact=True).first.wait_for(timeout=20_000)
        box = page.get_by_test_id("search-box")
        box.fill(query)
        box.press("Enter")
        page.get_by_text(f"{len(wanted) + len(parents)} matching runs").wait_for(timeout=20_000)
        page.goto("about:blank")
        page.goto(f"{address}/#/experiments/{experiment}/runs?orderByKey={quote('metrics.`throughput`')}&searchFilter={quote(query)}")
        page.get_by_text(f"{len(wanted)} matching runs").wait_for(timeout=20_000)
        names = [name for name in page.locator("a[href*='/runs/']").all_inner_texts() if name.startswith("trial ")]
        assert sorted(names) == sorted(f"trial {uid.rpartition('/')[2]}" + (" (best)" if uid.endswith("/4") else "") for uid in wanted)
        page = browser.new_page(viewport={"width": 1600, "height": 1200})
        page.goto(f"{runs_page(address, experiment, TRIALS_VIEW)}&compareRunsMode=CHART")
        page.locator(".js-plotly-plot .scatterlayer .point").nth(len(results.trials) - 1).wait_for(state="attached", timeout=30_000)
        assert page.get_by_text("Parallel Coordinates").count() > 0
