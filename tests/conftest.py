"""For every test: where Ray may write, how Ray tests are grouped, and that CI skips nothing for want of a program."""

import os
import re
from collections.abc import Generator

import pytest

# Ray makes its own token in the home directory unless it is told one; tests leave no trace there.
os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_AUTH_TOKEN", "0" * 64)
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
os.environ.setdefault("RAY_DEDUP_LOGS", "0")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

MISSING_PROGRAM = re.compile(r"\b(missing|not installed|not found|no such|could not import|needs|requires)\b", re.IGNORECASE)


# Minutes, if every simulation is interpreted; that both modes agree is what the second of them proves.
COMPILED = {"test_conservation.py", "test_two_modes.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests that start Ray or a server in one xdist worker each, and mark those that need compiled code."""
    for item in items:
        if item.path.name in COMPILED:
            item.add_marker(pytest.mark.compiled)
        for marker in ("ray", "mlflow_server"):
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.xdist_group(marker))


def in_ci() -> bool:
    """Whether this run has to prove that every test can run."""
    return os.environ.get("CI", "").lower() == "true"


def missing_program(report: pytest.TestReport | pytest.CollectReport) -> str | None:
    """The reason of a skip, if it says that something is not installed."""
    if not report.skipped or hasattr(report, "wasxfail") or not isinstance(report.longrepr, tuple):
        return None
    reason = report.longrepr[2]
    return reason if MISSING_PROGRAM.search(reason) else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI, a test that is skipped for want of a program has failed."""
    report = yield
    if in_ci() and (reason := missing_program(report)):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where everything is installed: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that skips itself as a whole."""
    report = yield
    if in_ci() and (reason := missing_program(report)):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where everything is installed: {reason}"
    return report
