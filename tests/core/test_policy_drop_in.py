"""A policy in a directory of one's own: found, run, held to the contract, and never served stale."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core import policies

pytestmark = pytest.mark.compiled

ROOT = Path(__file__).parents[2]
POLICY = '''"""Never write: every dirty page goes back to the active list.

Source:  this test.
Differs: nothing is launched by reclaim; the flusher alone cleans.
Expect:  an anonymous load is killed although swap is free.
"""

from core.decisions import ACTIVATE, WRITE
from core.jit import decision
from core.policy import Policy, Tunable


@decision
def dirty_page(is_kswapd, anon, marked, node_dirty, priority, own):
    return ANSWER


POLICY = Policy(
    name="stubborn",
    title="never writes",
    source="a test of the contract suite",
    era="2.6.23",
    decides={"dirty_page": dirty_page},
    own=(Tunable("stubbornness", 1, 9, 1, "", "does nothing"),),
)
'''
RUN = """
from core import Builder, Device, Machine, policies, simulate, operations
device = Device("d", 100, 100, 0)
builder = Builder()
anon = builder.anon(2048)
builder.task(1000).run(operations.WRITE, anon.first, 2048).jump(0)
print(simulate(Machine("m", 4, 1, 16, device, device), policies.load("stubborn"), {}, builder.build(3 * 10**9)).oom)
"""


def run(directory: Path, *command: str) -> str:
    environment = os.environ | {"HIGHWATER_POLICY_PATH": str(directory), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *command], env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_the_contract_applies_to_a_policy_dropped_into_a_directory(tmp_path: Path) -> None:
    (tmp_path / "stubborn.py").write_text(POLICY.replace("ANSWER", "ACTIVATE"))
    said = run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/core/test_policy_contract.py", "-k", "stubborn")
    assert " passed" in said
    assert int(said.split(" passed")[0].split()[-1]) >= 9
    assert "stubborn" not in policies.names()


def test_an_edited_policy_is_never_served_stale(tmp_path: Path) -> None:
    """The same name, size and time of writing; only the answer differs."""
    file = tmp_path / "stubborn.py"
    file.write_text(POLICY.replace("ANSWER", "ACTIVATE"))
    os.utime(file, ns=(10**18, 10**18))
    assert run(tmp_path, "-c", RUN) == "True\n"
    file.write_text(POLICY.replace("ANSWER", "WRITE   "))
    os.utime(file, ns=(10**18, 10**18))
    assert run(tmp_path, "-c", RUN) == "False\n"


def test_a_broken_policy_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("from core.nowhere import nothing\n")
    said = run(tmp_path, "-c", "from core import policies\ntry: policies.load('broken')\nexcept ValueError as error: print(error)")
    assert said == "policy broken: ModuleNotFoundError: No module named 'core.nowhere'\n"


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "inline.py").write_text(POLICY)
    said = run(tmp_path, "-c", "from core import policies\ntry: policies.names()\nexcept ValueError as error: print(error)")
    assert said.startswith("policy inline: in two files, ")
    assert said.endswith("; allowed: one\n")
