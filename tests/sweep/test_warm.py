"""The simulator is compiled beside the caller's own work."""

import subprocess

import pytest

from core.jit import JIT_ENABLED
from sweep import warm


def test_a_compiler_is_not_left_behind_when_the_work_beside_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start(*args: object, **options: object) -> "subprocess.Popen[bytes]":
        started.append(popen(*args, **options))  # type: ignore[call-overload]
        return started[0]

    monkeypatch.setattr(warm, "is_compiled", lambda policy: False)
    monkeypatch.setattr(subprocess, "Popen", start)
    with pytest.raises(RuntimeError, match="no guest"), warm.warming("inline"):
        raise RuntimeError("no guest")
    assert started[0].returncode is not None


@pytest.mark.skipif(not JIT_ENABLED, reason="nothing is compiled")
def test_a_policy_that_is_compiled_starts_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    warm.warm("inline")
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a compiler was started"))
    with warm.warming("inline"):
        pass
