"""The real systemd-sysctl and the real TuneD apply what a recommendation writes, to a /proc/sys of the test's own; the readers of the other tests agree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sweep.handout import write_handout
from sweep.recommend import recommend
from sweep.sysctl import KEYS
from sweep.tuned import PAIRS, profile
from tests.sweep import readers
from tests.sweep.privateroot import PrivateRoot
from tests.sweep.test_handout import retest, sweep_with_a_gain

BEFORE = dict.fromkeys(KEYS, "0") | {"min_free_kbytes": "1448", "watermark_scale_factor": "10", "swappiness": "60", "dirty_ratio": "20"}

# Lines that stand or could stand in such a file: spaces, both separators, "-", a later line of the same key, comments in the line, no assignment.
LINES = (
    "vm.swappiness=10",
    "  vm.swappiness  =  10  ",
    "vm/swappiness = 10",
    "-vm.swappiness = 10",
    "vm.swappiness = 10\nvm.swappiness = 20",
    "# vm.swappiness = 10",
    "; vm.swappiness = 10",
    "vm.swappiness = 10\n\n\n#\nvm.dirty_ratio = 7",
    "-vm.swappiness",
    "vm.swappiness = 10 # of no effect as a comment",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PrivateRoot:
    return PrivateRoot(tmp_path_factory.mktemp("root"))


@pytest.fixture
def root(made: PrivateRoot) -> PrivateRoot:
    made.keys(BEFORE)
    return made


@pytest.fixture(scope="module")
def found():
    chosen = recommend(sweep_with_a_gain(), cell="node", oom_bound=0.05, retest=retest, has_region=True)
    return replace(chosen, notes=(*chosen.notes, "hostile [sysctl]\nvm.swappiness = 1\r\nvm.dirty_ratio=3 # \u2028vm.dirty_bytes=5"))


def written(found, directory: Path) -> dict[str, str]:
    """The handout's texts by name."""
    return {path.name: path.read_text(encoding="utf-8") for path in write_handout(sweep_with_a_gain(), found, directory / "90.conf")}


def test_systemd_sysctl_applies_the_file_and_the_undo(found, root, tmp_path):
    texts = written(found, tmp_path)
    wanted = {change.name: str(change.value) for change in found.changes}
    assert wanted
    assert root.systemd_sysctl(texts["90.conf"]) == []
    assert root.now() == BEFORE | wanted
    assert root.systemd_sysctl(texts["90.undo"]) == []
    assert {name: root.now()[name] for name in wanted} == {name: BEFORE[name] for name in wanted}


def test_tuned_loads_applies_and_verifies_the_profile(found, root, tmp_path):
    assert root.tuned(written(found, tmp_path)["tuned.conf"]) == []
    assert root.now() == BEFORE | {change.name: str(change.value) for change in found.changes}


@pytest.mark.parametrize("name", [*PAIRS, "swappiness"])
def test_every_kind_of_key_in_a_profile(root, name):
    text = profile("a summary = of # two\n[sysctl]", [(name, 8192)], ["[main]", "include=powersave", "vm.swappiness=1"])
    assert root.tuned(text) == []
    assert root.now() == BEFORE | {name: "8192"}


@pytest.mark.parametrize("text", LINES)
def test_the_reader_of_the_tests_reads_as_systemd_sysctl_does(root, text):
    assert root.systemd_sysctl(text) == []
    assert root.now() == BEFORE | {path.removeprefix("vm/"): value for path, value in readers.systemd_sysctl(text).items()}


def test_the_reader_of_the_tests_reads_as_tuned_does(root):
    text = "# a\n[main]\nsummary=x\n\n[sysctl]\nvm.swappiness = 10 # ten\nvm/dirty_ratio=7\n[sysctl]\nvm.swappiness=20\n"
    assert root.tuned(text) == []
    assert root.now() == BEFORE | {"swappiness": "20", "dirty_ratio": "7"}
    assert readers.tuned(text)["sysctl"] == {"vm.swappiness": "20", "vm/dirty_ratio": "7"}


def test_what_is_wrong_is_said(root):
    assert "not an assignment" in " ".join(root.systemd_sysctl("swappiness 10\n"))
    assert "vm/swapiness" in " ".join(root.systemd_sysctl("vm.swapiness = 10\n"))
    with pytest.raises(AssertionError, match=r"vm\.swapiness"):
        root.tuned("[main]\nsummary=x\n[sysctl]\nvm.swapiness=10\n")
    with pytest.raises(AssertionError, match="Cannot parse"):
        root.tuned("vm.swappiness=10\n")
    assert root.now() == BEFORE
