"""Pages in a browser: a report opens from disk without a fetch, its map hovers, a click opens a time line, and nothing is wider than the window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sweep.mlflowdb import database_of, local_uri
from sweep.report import MOST_BYTES, write_report
from sweep.results import load_results
from sweep.tracking import Publisher
from tests import tinysweep
from tests.pages import WIDTHS, chromium, opened, overflow, served
from tests.sweep.test_replay import DYING

pytestmark = [pytest.mark.browser, pytest.mark.mlflow_server]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of three cells in which policies run out of memory, with map and report."""
    directory = tmp_path_factory.mktemp("browser")
    tinysweep.write(directory, DYING)
    done = tinysweep.highwater(directory, "run", directory / "tiny.yaml", "--no-mlflow", "--executor", "serial", "--results", directory / "results",
                               "--set", "search.trials=2")  # fmt: skip
    assert done.returncode == 0, done.stderr
    write_report(load_results(directory / "results"), directory / "results", explained=40)
    return directory / "results"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a sweep with one policy."""
    results = tinysweep.alone(tmp_path_factory.mktemp("alone"))
    return write_report(load_results(results), results, explained=40)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.mark.parametrize("width", WIDTHS)
def test_a_cell_shows_its_values_and_opens_its_time_line(directory: Path, browser: Any, width: int) -> None:
    path = directory / "report.html"
    assert path.stat().st_size < MOST_BYTES
    with opened(browser, path.as_uri(), width) as (page, faults):
        assert overflow(page) == 0
        cells = page.locator("#map .pair a.box")
        assert cells.count() == 4, "two cells of the grid, tuned and at defaults"
        detail = page.locator("#detail")
        assert not detail.is_visible()
        cells.first.hover()
        assert "anon_share=0.2" in detail.inner_text()
        assert "pairs of replicates" in detail.inner_text()
        story = page.locator(f"[id='{cells.first.get_attribute('href')[1:]}']")
        assert not story.is_visible()
        cells.first.click()
        story.wait_for(state="visible")
        assert story.locator("svg").count() == 2
        assert "pages free (watermarks: min" in story.inner_text()
        top = story.bounding_box()["y"]
        assert -5 < top < 900, "scrolled into view"
        assert overflow(page) == 0
        story.get_by_text("Back to the map").click()
        page.locator("#map .pair").first.wait_for(state="visible")
        assert faults == []


@pytest.mark.parametrize("width", WIDTHS)
def test_of_one_policy_a_cell_of_the_gains_opens_its_time_line(alone: Path, browser: Any, width: int) -> None:
    with opened(browser, alone.as_uri(), width) as (page, faults):
        assert overflow(page) == 0
        cell = page.locator("#gains tbody a").last
        story = page.locator(f"[id='{cell.get_attribute('href')[1:]}']")
        assert not story.is_visible()
        cell.click()
        story.wait_for(state="visible")
        assert story.locator("svg").count() == 2
        assert -5 < story.bounding_box()["y"] < 900, "scrolled into view"
        page.evaluate("document.querySelectorAll('details').forEach(function (d) { d.open = true; })")
        assert overflow(page) == 0
        story.get_by_text("Back to what the search found").click()
        assert -50 < page.locator("#gains").bounding_box()["y"] < 900
        assert faults == []


def test_everything_opened_fits_the_window(directory: Path, browser: Any) -> None:
    for name in ("report.html", "map.html"):
        for width in WIDTHS:
            with opened(browser, (directory / name).as_uri(), width) as (page, faults):
                page.evaluate("document.querySelectorAll('details').forEach(function (d) { d.open = true; })")
                assert overflow(page) == 0, (name, width)
                assert faults == []


def test_without_scripts_a_cell_is_a_link(directory: Path, browser: Any) -> None:
    with opened(browser, (directory / "report.html").as_uri(), script=False) as (page, _):
        cell = page.locator("#map .pair a.box").first
        story = page.locator(f"[id='{cell.get_attribute('href')[1:]}']")
        cell.click()
        story.wait_for(state="visible")


def test_the_report_works_inside_mlflow(directory: Path, browser: Any) -> None:
    """Its viewer puts a page into a sandboxed frame without an address of its own."""
    uri = local_uri(directory)
    done = Publisher(uri).publish(load_results(directory), [directory / "map.html", directory / "report.html"])
    assert database_of(uri) is not None
    with served(directory) as address, browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.goto(f"{address}/#/experiments/{done.experiment_id}/runs/{done.map_run_id}/artifacts/map/report.html")
        page.locator("iframe.mlflow-html-iframe").wait_for(timeout=30_000)
        assert page.locator("iframe.mlflow-html-iframe").get_attribute("sandbox") == "allow-scripts"
        frame = page.frame_locator("iframe.mlflow-html-iframe")
        cell = frame.locator("#map .pair a.box").first
        cell.hover(timeout=20_000)
        assert "anon_share=0.2" in frame.locator("#detail").inner_text()
        cell.click()
        frame.locator("details[open] .why").wait_for(state="visible", timeout=10_000)
