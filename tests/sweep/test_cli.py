"""The command line: quick help, one line and an exit code for whatever a user can put right, a summary at the end."""

from __future__ import annotations

import re
import resource
import subprocess
from pathlib import Path

import pytest

from core import policies
from sweep.cli import main
from tests import tinyscenario, tinysweep

pytestmark = pytest.mark.timeout(400)

CUT_TRACE = "workload: {kind: trace, file: t.hwt}\n".join(
    (tinysweep.TINY.partition("workload:")[0], "policies:" + tinysweep.TINY.partition("policies:")[2])
).replace("set: workload.anon_share, values: [0.2, 0.8]", "set: machine.swap_mib, values: [32, 64]")


def called(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of ``highwater``, in this process."""
    monkeypatch.setattr("sys.argv", ["highwater", *arguments])
    with pytest.raises(SystemExit) as exited:
        main()
    told = capsys.readouterr()
    assert isinstance(exited.value.code, int)
    return exited.value.code, told.out, told.err


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (tinysweep.TINY.replace("trials: 5", "trails: 5"), "tiny.yaml: search.trails: unknown key; allowed: baselines, batch, "),
        (tinysweep.TINY.replace("batch: 2", "batch: 0"), "tiny.yaml: search.batch: 0; allowed: >= 1"),
        (tinysweep.TINY + "seed: 3\n", 'tiny.yaml:24: found duplicate key "seed"'),
        (tinysweep.TINY.replace("postponed", "prompt"), "tiny.yaml: policies[1]: prompt; allowed: "),
        (CUT_TRACE, "tiny.yaml: workload.file: t.hwt: truncated: 16 bytes"),
    ],
    ids=["key", "range", "duplicate", "policy", "trace"],
)
def test_a_mistake_is_one_line_and_nothing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str, problem: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.hwt").write_bytes(b"HWTRACE\n cut off")
    tinysweep.write(tmp_path, text)
    before = sorted(tmp_path.iterdir())
    for command in ("run", "check"):
        code, out, err = called(monkeypatch, capsys, command, "tiny.yaml")
        assert (code, out) == (2, "")
        (line,) = err.splitlines()
        assert line.startswith("highwater: error: ")
        assert problem in line
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["run"], "Missing argument 'FILE'"),
        (["run", "nowhere.yaml"], "nowhere.yaml: no such file; allowed: a sweep file, or a shipped sweep: "),
        (["runn"], "No such command 'runn'"),
        (["run", "tiny.yaml", "--executor", "dask"], "Invalid value for '--executor'"),
        (["run", "tiny.yaml", "--workers", "0"], "--workers: 0; allowed: >= 1"),
        (["map", "nowhere"], "nowhere: no results"),
        (["export", "tiny.yaml"], "tiny.yaml: no results"),
        (["ui", "nowhere"], "nowhere: no results"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    problem: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    tinysweep.write(tmp_path)
    code, out, err = called(monkeypatch, capsys, *arguments)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith(f"highwater: error: {problem}")


def test_check_tells_the_extent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    path = tinysweep.write(tmp_path)
    extent = f"3 cells, 6 studies, at most {tinysweep.SIMULATIONS} simulations"
    assert called(monkeypatch, capsys, "check", str(path)) == (0, f"{path}: ok: {extent}\n", "")


def test_check_tells_a_scenario_from_a_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    path = tinyscenario.write(tmp_path)
    assert called(monkeypatch, capsys, "check", str(path)) == (0, f"{path}: ok: 4 rows, 12 simulations\n", "")
    assert called(monkeypatch, capsys, "check", str(path), "--set", "seeds=1") == (0, f"{path}: ok: 4 rows, 4 simulations\n", "")
    assert called(monkeypatch, capsys, "check", "w1")[1].endswith("w1.yaml: ok: 10 rows, 120 simulations\n")
    code, out, err = called(monkeypatch, capsys, "check", str(tinyscenario.write(tmp_path, tinyscenario.TINY.replace("policy: inline", "policy: out"))))
    assert (code, out) == (2, "")
    assert err.startswith(f"highwater: error: {path}: rows[0].policy: out; allowed: ")


def test_policies_are_listed_with_source_and_tunables(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(monkeypatch, capsys, "policies")
    assert code == 0
    words = " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 120
    for name in policies.names():
        policy = policies.load(name)
        assert f"\n  {name}: {policy.title}\n" in out
        assert " ".join(policy.source.split()) in words
        for tunable in policy.tunables:
            assert re.search(rf"\b{tunable.name}: {tunable.low} to {tunable.high}\b", out)
            assert " ".join(tunable.summary.split()) in words
    assert out.count("min_free_kbytes: 128 to") == len({policies.load(name).era for name in policies.names()}), "what all share is said once for each era"


def test_one_policy_is_told_in_full(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(monkeypatch, capsys, "policies", "postponed")
    assert code == 0
    assert out.splitlines()[:2] == ["postponed: postponed laundering (RFC 0/7)", "era: 2.6.23"]
    assert "\nPostponed laundering as posted: set dirty pages aside" in out
    assert "\n  min_free_kbytes: 128 to" in out
    assert "\n  launder_keeps_memalloc: 0 to 1, default 0: 1: without patch 7/7" in out
    code, out, err = called(monkeypatch, capsys, "policies", "prompt")
    assert (code, out) == (2, "")
    assert err.startswith("highwater: error: unknown policy 'prompt'; known: ")


def test_the_version_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(monkeypatch, capsys, "version")[1].startswith("highwater ")


def test_help_is_quick() -> None:
    """At most 0.4 s of processor time; wall time would measure the load of the machine."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(tinysweep.command("--help"), env=tinysweep.environment(), capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "recommend" in done.stdout
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.4


def test_a_run_ends_with_a_map_and_says_where_to_look(tmp_path: Path) -> None:
    tinysweep.write(tmp_path)
    done = tinysweep.highwater(tmp_path, "run", "tiny.yaml", "--no-mlflow", "--executor", "serial")
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert lines[0] == f"tiny: 3 cells, 6 studies, at most {tinysweep.SIMULATIONS} simulations; results in results/tiny"
    summary = next(line for line in lines if line.startswith("tiny: complete"))
    assert re.match(r"tiny: complete: 6 studies, \d+ simulations \(\d+ now in 0:\d\d, [\d.]+/s\), \d of 3 cells decided", summary)
    assert lines[-1] == "next: highwater map results/tiny   highwater recommend results/tiny   highwater ui results/tiny"
    assert "Each at its tuned best" in done.stdout
    again = tinysweep.highwater(tmp_path, "map", "tiny.yaml")
    assert again.returncode == 0, again.stderr
    assert again.stdout == done.stdout
    assert (tmp_path / "results" / "tiny" / "map.html").is_file()
    advice = tinysweep.highwater(tmp_path, "recommend", "tiny", "--policy", "inline", "--retest", "2")
    assert advice.returncode == 0, advice.stderr
    assert advice.stdout.startswith("# ")
    assert tinysweep.highwater(tmp_path, "export", "tiny").stdout.split() == [f"results/tiny/{name}.csv" for name in ("cells", "trials", "replicates")]


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    command = " ".join([*tinysweep.command("policies"), "| head -n 1"])
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=tinysweep.environment(), capture_output=True, text=True, check=False)
    assert done.stderr == ""
