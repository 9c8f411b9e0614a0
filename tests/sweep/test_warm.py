"""The simulator is compiled beside the caller's own work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.jit import JIT_ENABLED
from sweep import warm


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> "list[subprocess.Popen[bytes]]":
    """The processes that the test starts."""
    found: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start(*args: object, **options: object) -> "subprocess.Popen[bytes]":
        found.append(popen(*args, **options))  # type: ignore[call-overload]
        return found[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    return found


def test_a_compiler_is_not_left_behind_when_the_work_beside_it_fails(monkeypatch: pytest.MonkeyPatch, started: "list[subprocess.Popen[bytes]]") -> None:
    monkeypatch.setattr(warm, "is_compiled", lambda policy: False)
    with pytest.raises(RuntimeError, match="no guest"), warm.warming("inline"):
        raise RuntimeError("no guest")
    assert started[0].returncode is not None


@pytest.mark.skipif(not JIT_ENABLED, reason="nothing is compiled")
def test_a_policy_that_is_compiled_starts_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    warm.warm("inline")
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a compiler was started"))
    with warm.warming("inline"):
        pass


@pytest.mark.skipif(not JIT_ENABLED, reason="nothing is compiled")
def test_the_reclaim_of_an_era_is_compiled_once_and_by_a_process_of_its_own(
    monkeypatch: pytest.MonkeyPatch, started: "list[subprocess.Popen[bytes]]", tmp_path: Path
) -> None:
    warm.warm("inline")  # so that every compiler below only loads
    monkeypatch.setattr(warm, "_marker", lambda name: tmp_path / name)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    warm._compile_halves("inline")
    assert not started  # one core
    (half,) = tmp_path.iterdir()
    half.unlink()
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    warm._compile_halves("inline")
    warm._compile_halves("postponed")  # of the same era
    assert [child.args[-2:] for child in started] == [["--reclaim", "inline"]]  # type: ignore[index]
    assert started[0].returncode == 0
    assert half.exists()


@pytest.mark.skipif(not JIT_ENABLED, reason="nothing is compiled")
def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """As `./bootstrap setup` calls it."""
    (tmp_path / "file").touch()
    environment = os.environ | {"HIGHWATER_CACHE_DIR": str(tmp_path / "file" / "cache")}
    done = subprocess.run([sys.executable, "-m", "sweep.warm", "inline"], env=environment, capture_output=True, text=True, check=False, timeout=60)
    allowed = "allowed: HIGHWATER_CACHE_DIR with a directory of this node that can be written"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: {tmp_path}/file/cache: Not a directory; {allowed}\n"
