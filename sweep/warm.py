"""Compile the simulator once per node: the first process does it, the others wait and load what it wrote."""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path

import core
from core import Builder, Device, Machine, policies, simulate
from core.jit import JIT_ENABLED, cache_dir, policy_directories
from core.streams import WRITE
from core.units import MS

_DONE: set[str] = set()  # policies that this process has


def is_compiled(policy: str) -> bool:
    """Whether this version of the simulator is ready to run ``policy`` on this node."""
    return not JIT_ENABLED or _marker(policy).exists()


def warm(policy: str) -> None:
    """Make ``policy`` ready in this process; compiles it (a minute or more) if no process of this node did before."""
    if not JIT_ENABLED or policy in _DONE:
        return
    if not is_compiled(policy):
        _compile(policy)
    _DONE.add(policy)


def _marker(policy: str) -> Path:
    """A file that says so; like Numba's own index it is void once the sources lie elsewhere or were written again."""
    directories = {Path(core.__file__).parent, *policy_directories()}
    stamps = [f"{path}:{path.stat().st_mtime_ns}" for directory in sorted(directories) for path in sorted(directory.rglob("*.py"))]
    return cache_dir() / f"{policy}-{hashlib.sha256(repr(stamps).encode()).hexdigest()[:16]}.compiled"


def _compile(policy: str) -> None:
    marker = _marker(policy)
    marker.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(marker.parent / "compile.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not marker.exists():
            _run_once(policy)
            marker.touch()
    finally:
        os.close(handle)


def _run_once(policy: str) -> None:
    """The smallest run there is; compilation does not depend on what is run."""
    device = Device("warm", 100, 100, 0)
    machine = Machine("warm", 16, 1, 16, device, device)
    builder = Builder()
    region = builder.anon(16)
    builder.task().run(WRITE, region.first, region.pages)
    loaded = policies.load(policy)
    simulate(machine, loaded, loaded.resolve(machine, {}), builder.build(MS))


if __name__ == "__main__":  # before a test run: so that no test waits for the compiler
    for name in policies.names():
        warm(name)
