"""The engine remembers who is next until another actor has become ready."""

from __future__ import annotations

import pytest

from core import InvariantError, policies, sched, simulate
from core.jit import JIT_ENABLED
from tests.core.small import machine, writers


@pytest.mark.skipif(JIT_ENABLED, reason="compiled callees cannot be replaced")
def test_a_wakeup_that_the_engine_is_not_told_of_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is found in such runs otherwise (test_conservation.py)."""
    monkeypatch.setattr(sched, "note_ready", lambda _state, _actor: None)
    with pytest.raises(InvariantError, match="an actor has become ready unnoticed"):
        simulate(machine(), policies.load("flusher_only"), {}, writers(1200, tasks=3, seconds=1), audited=True)
