"""`python -m cluster`: prints by default, one line and exit code 2 for a mistake, and needs nothing but Python."""

import subprocess
import sys
from pathlib import Path

import pytest

from cluster.__main__ import main
from tests.launches import TEXT

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("duel.yaml").write_text(TEXT)
    return "duel.yaml"


def test_each_way_is_printed(sweep: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ray-job", sweep, "--results", "/data/duel", "--", "--quiet"]) == 0
    assert capsys.readouterr().out.endswith("-- highwater run duel.yaml --address auto --quiet --results /data/duel\n")
    assert main(["slurm", sweep, "--nodes", "2", "--cpus", "8", "--", "--results", "/data/duel"]) == 0
    assert "highwater run duel.yaml --address auto --results /data/duel &\n" in capsys.readouterr().out
    assert main(["kuberay", sweep, "--image", "highwater:0.1.0", "--claim", "results"]) == 0
    assert 'kind: "RayJob"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("ray-job gone.yaml --results /data", "gone.yaml: No such file or directory"),
        ("ray-job duel.yaml --results data", "results: 'data'; allowed: an absolute path on the head's disk"),
        ("slurm duel.yaml --nodes 0 --cpus 8", "nodes: 0; allowed: 1 to 10000"),
        ("slurm duel.yaml --nodes 1 --cpus 8 --attempt 0", "attempt: 0; allowed: 1 to 9999"),
        ("kuberay duel.yaml --image x --claim A", "claim: 'A'; allowed: a Kubernetes name"),
    ],
)
@pytest.mark.usefixtures("sweep")
def test_a_mistake_is_one_line(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == 2
    assert capsys.readouterr().err == f"cluster: {message}\n"


def test_a_missing_program_is_one_line(sweep: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "")
    assert main(["kuberay", sweep, "--image", "x", "--claim", "c", "--submit"]) == 2
    assert capsys.readouterr().err == "cluster: kubectl: not installed here\n"


def test_the_standard_library_is_enough(sweep: str) -> None:
    command = [sys.executable, "-S", "-m", "cluster", "slurm", sweep, "--nodes", "1", "--cpus", "2"]
    result = subprocess.run(command, env={"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "#SBATCH --nodes=1" in result.stdout
