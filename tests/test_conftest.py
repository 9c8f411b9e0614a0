"""The rule for skips: at home a test may lack its program, in CI it may not."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parent / "conftest.py"

MODULES = {
    "run_time": "def test_x():\n    pytest.skip('valgrind is not installed')\n",
    "mark": "@pytest.mark.skipif(True, reason='needs chromium')\ndef test_x():\n    pass\n",
    "module": "pytest.skip('program missing: valgrind', allow_module_level=True)\n",
    "fixture": "@pytest.fixture\ndef x():\n    pytest.skip('gcc not found')\n\ndef test_x(x):\n    pass\n",
    "other_reason": "def test_x():\n    pytest.skip('only on big-endian machines')\n",
    "expected_failure": "@pytest.mark.xfail(reason='needs thought')\ndef test_x():\n    assert False\n",
}
FOR_WANT_OF_A_PROGRAM = {"run_time", "mark", "module", "fixture"}


def failures(directory: Path, ci: str) -> set[str]:
    """The modules in which something failed when all of them ran under this rule."""
    shutil.copy(CONFTEST, directory / "conftest.py")
    for name, body in MODULES.items():
        (directory / f"test_{name}.py").write_text(f"import pytest\n\n{body}")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-rfE",
        "--continue-on-collection-errors",
    ]
    environment = {**os.environ, "CI": ci, "PYTEST_ADDOPTS": ""}
    command += ["--rootdir", str(directory), str(directory)]
    result = subprocess.run(command, env=environment, cwd=directory, capture_output=True, text=True, check=False)
    assert "1 xfailed" in result.stdout, result.stdout + result.stderr
    return set(re.findall(r"^(?:FAILED|ERROR) test_(\w+)\.py", result.stdout, flags=re.MULTILINE))


@pytest.mark.parametrize(("ci", "expected"), [("true", FOR_WANT_OF_A_PROGRAM), ("", set())])
def test_a_missing_program_fails_in_ci_alone(tmp_path: Path, ci: str, expected: set[str]) -> None:
    assert failures(tmp_path, ci) == expected
