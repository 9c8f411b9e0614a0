"""Pages in a real browser: the Chromium of this machine without a head, and MLflow's server as `highwater ui` starts it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.faulty import free_port
from tests.tinysweep import REPOSITORY, command

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
WIDTHS = (1280, 420)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser of playwright's; without one installed the test is skipped (in CI: fails, see conftest.py)."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"chromium is not installed (Debian: apt-get install {PROGRAMS[0]})")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Any, address: str, width: int = WIDTHS[0], *, script: bool = True) -> Iterator[tuple[Any, list[str]]]:
    """A page and what it should not do: messages on the console, errors, and requests for anything but itself."""
    context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=script)
    page = context.new_page()
    page.set_default_timeout(20_000)
    faults: list[str] = []
    page.on("console", lambda message: faults.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: faults.append(f"error: {error}"))
    page.on("request", lambda request: faults.append(f"request: {request.url}") if request.url.partition("#")[0] != address.partition("#")[0] else None)
    try:
        page.goto(address)
        yield page, faults
    finally:
        context.close()


def overflow(page: Any) -> int:
    """Pixels by which a page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """`highwater ui` on a free port; its address."""
    port = free_port()
    with (directory / "ui.log").open("w") as log:
        process = subprocess.Popen(
            command("ui", directory, "--port", str(port)), cwd=directory, stdout=log, stderr=log, start_new_session=True,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY), "MLFLOW_DISABLE_TELEMETRY": "true"},
        )  # fmt: skip
        address = f"http://127.0.0.1:{port}"
        try:
            for _ in range(300):
                try:
                    urllib.request.urlopen(f"{address}/health", timeout=1).close()
                    break
                except OSError:
                    assert process.poll() is None, (directory / "ui.log").read_text()
                    time.sleep(0.2)
            yield address
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)
