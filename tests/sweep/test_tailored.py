"""From a machine and workloads to a sysctl.d file: the three commands of the README, and what is built on the way."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from sweep.capture import checked, load_captured
from sweep.errors import ConfigError
from sweep.plan import load_plan
from sweep.sysctl import KEYS, problem
from sweep.tailored import Request, write_sweep
from tests import tinysweep
from tests.sweep import readers

QUICK = "--trials 2 --retest 3 --oom-bound 0.9 --no-region --baseline redhat-db --jobs 1"
SECTION = "## From your machine to a sysctl.d file"


def commands() -> list[str]:
    """The command lines of the README's section."""
    readme = (tinysweep.REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^## .*$", readme, re.MULTILINE)[1] == SECTION
    block = re.search(r"```sh\n(.*?)```", readme.partition(SECTION)[2], re.DOTALL)
    assert block
    return block[1].splitlines()


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
@pytest.mark.timeout(300)
def test_the_three_commands_of_the_readme_end_with_a_file_that_can_be_shipped(tmp_path: Path) -> None:
    lines = commands()
    assert len(lines) == 3
    for line in lines:
        ours, _, target = line.partition(" > ")
        arguments = shlex.split(ours)
        assert arguments[0] == "highwater"
        arguments += shlex.split(QUICK) if arguments[1] == "recommend" else []
        done = subprocess.run(
            tinysweep.command(*arguments[1:]), cwd=tmp_path, env=tinysweep.environment(), capture_output=True, text=True, check=False, timeout=280
        )
        assert done.returncode == 0, done.stderr
        if target:
            (tmp_path / target.strip()).write_text(done.stdout, encoding="utf-8")
    settings = readers.systemd_sysctl((tmp_path / "90-highwater.conf").read_text(encoding="utf-8"))
    for path, value in settings.items():
        name = path.removeprefix("vm/")
        assert name in KEYS
        assert problem(name, int(value), "6.1", 1 << 20, (6, 1)) == ""
    card = (tmp_path / "90-highwater.md").read_text(encoding="utf-8")
    assert "redhat-db" in card
    assert "highwater recommend --machine my-machine.yaml --workloads program.hwt simoop" in card
    assert (tmp_path / "90-highwater.undo").is_file() == (tmp_path / "90-highwater-tuned" / "tuned.conf").is_file() == bool(settings)


def test_the_sweep_is_a_file_like_any_other_and_the_same_question_has_the_same_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(tinysweep.REPOSITORY / "configs" / "traces" / "sqlite.hwt", tmp_path / "mine.hwt")
    (tmp_path / "own.yaml").write_text("kind: trace\nfile: mine.hwt\n")
    found = load_captured("vm-512m-ssd")
    machine = checked(found.machine, "vm-512m-ssd")
    request = Request("vm-512m-ssd", ("mine.hwt", "own.yaml", "fs-mark"), trials=3)
    directory, file, notes = write_sweep(request, found, machine, "flusher_only")
    assert write_sweep(request, found, machine, "flusher_only")[0] == directory
    assert write_sweep(Request("vm-512m-ssd", ("fs-mark",), trials=3), found, machine, "flusher_only")[0] != directory
    plan = load_plan(file)
    assert [cell.label for cell in plan.cells] == ["mine", "own", "fs-mark"]
    assert {study.policy for study in plan.studies} == {"flusher_only"}
    assert "mine.hwt" in notes[0]
    assert "beside a task that writes" in notes[0]
    own, wanted = plan.cells[0].workload, machine.ram_mib * 1.1
    assert machine.kernel_pages / 256 + own.competitor_mib < wanted  # type: ignore[union-attr]
    assert (directory / "traces" / "mine.hwt").is_file()


def test_a_kernel_is_not_asked_for_what_it_does_not_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = load_captured("vm-512m-ssd").model_copy(update={"kernel": "4.4"})
    machine = checked(found.machine, "vm-512m-ssd")
    _, file, _ = write_sweep(Request("vm-512m-ssd", ("mix",)), found, machine, found.policy)
    names = {d.name: d.high for d in load_plan(file).studies[0].space}
    assert "watermark_scale_factor" not in names
    assert names["swappiness"] == 100


@pytest.mark.parametrize(
    ("workloads", "words"),
    [
        ((), "--workloads: missing; allowed: recorded programs"),
        (("nothing",), "--workloads: nothing; allowed: a recorded program"),
        (("gone.hwt",), "--workloads: gone.hwt: No such file"),
        (("bad.hwt",), "--workloads: bad.hwt: "),
    ],
)
def test_a_wrong_workload_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workloads: tuple[str, ...], words: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.hwt").write_bytes(b"no trace")
    found = load_captured("vm-512m-ssd")
    with pytest.raises(ConfigError, match=re.escape(words)):
        write_sweep(Request("vm-512m-ssd", workloads), found, checked(found.machine, "x"), "flusher_only")
    assert not (tmp_path / "results").exists()
