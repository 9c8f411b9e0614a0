"""MLflow's pages of a published sweep in Chromium: each opens, shows what it should, and how long that takes.

    python benchmarks/platform/driver.py flat --results RESULTS
    python benchmarks/platform/pages.py RESULTS [--out DIRECTORY]     # screenshots

A page has opened when its rows, charts or report are there; the server is `highwater ui`, warmed by nothing. Exit status 1 if a page does not open.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sweep.mlflowdb import DATABASE, PREFIX, TRIALS_VIEW, runs_page
from tests.pages import WIDTHS, chromium, served

PATIENCE_MS: Final = 60_000
FILTER: Final = "tags.level = 'trial' and tags.policy = 'flusher_only' and metrics.oom_rate < 0.01"
ROWS: Final = "[data-testid='runs-table-row'], .ag-center-cols-container .ag-row"


def of(database: Path) -> tuple[str, str]:
    """The newest sweep's experiment and one of its trials' runs."""
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        newest = "SELECT experiment_id FROM experiments WHERE name LIKE ? ORDER BY experiment_id DESC LIMIT 1"
        experiment = connection.execute(newest, (f"{PREFIX}%",)).fetchone()
        if experiment is None:
            sys.exit(f"{database}: no sweep; allowed: the results of a sweep that was published")
        trial = "SELECT r.run_uuid FROM runs r JOIN tags t ON t.run_uuid = r.run_uuid WHERE experiment_id = ? AND t.key = 'level' AND t.value = 'trial' LIMIT 1"
        run = connection.execute(trial, experiment).fetchone()
    return str(experiment[0]), str(run[0])


def pages(address: str, experiment: str, run: str) -> Iterator[tuple[str, str, Callable[[Any], str]]]:
    """What people open: its name, its address, and what says what is there."""

    def rows(page: Any) -> str:
        page.locator(ROWS).first.wait_for()
        return str(page.get_by_text("matching runs").inner_text())

    def charts(page: Any) -> str:
        page.locator(".js-plotly-plot .scatterlayer .point").nth(99).wait_for(state="attached")
        return f"{page.locator('.js-plotly-plot .scatterlayer .point').count()} points, {page.get_by_text('matching runs').inner_text()}"

    def metrics(page: Any) -> str:
        page.get_by_text("oom_rate").first.wait_for()
        return str(page.get_by_role("heading", level=2).or_(page.get_by_role("heading", level=1)).first.inner_text())

    table = runs_page(address, experiment)
    best = f"{address}/#/experiments/{experiment}/runs?orderByKey=metrics.%60throughput%60&orderByAsc=false"
    yield "the table of runs", table, rows
    yield "sorted by throughput", best, rows
    yield "a search, sorted", f"{best}&searchFilter={quote(FILTER)}", rows
    yield "the charts", f"{runs_page(address, experiment, TRIALS_VIEW)}&compareRunsMode=CHART", charts
    yield "one trial", f"{address}/#/experiments/{experiment}/runs/{run}", metrics


def main() -> None:
    """Open each page in a context of its own and print the table, as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--out", type=Path, help="for screenshots")
    options = parser.parse_args()
    experiment, run = of(options.results / DATABASE)
    failed = False
    print("| page | shown | s |\n|---|---|---|")
    with served(options.results) as address, chromium() as browser:
        for index, (name, where, seen) in enumerate(pages(address, experiment, run)):
            with browser.new_context(viewport={"width": WIDTHS[0], "height": 900}) as context:
                page = context.new_page()
                page.set_default_timeout(PATIENCE_MS)
                began = time.perf_counter()
                try:
                    page.goto(where)
                    shown = seen(page)
                except Exception as error:  # of playwright, which is imported on use
                    shown, failed = f"did not open: {str(error).splitlines()[0]}", True
                print(f"| {name} | {shown} | {time.perf_counter() - began:.1f} |", flush=True)
                if options.out is not None:
                    options.out.mkdir(parents=True, exist_ok=True)
                    page.wait_for_timeout(1500)
                    page.screenshot(path=options.out / f"{index}-{name.replace(' ', '-')}.png")
    sys.exit(failed)


if __name__ == "__main__":
    main()
