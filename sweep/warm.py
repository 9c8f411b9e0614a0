"""Compile the simulator once per node: the first process does it, the others wait and load what it wrote."""

from __future__ import annotations

import fcntl
import gc
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import core
from core import Builder, Device, Machine, policies, simulate
from core.jit import JIT_ENABLED, cache_dir, policy_directories
from core.operations import WRITE
from core.units import MS

_DONE: set[str] = set()  # policies that this process has
_ALLOCATIONS = 20_000  # between two runs of the garbage collector, which at its default takes a sixteenth of the time of a compilation


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


@contextmanager
def warming(policy: str) -> Iterator[None]:
    """Compile ``policy`` on another core while the caller does something else; at the end it is ready.

    A compiler that fails says nothing here: the caller's own `warm` then meets the same error.
    """
    child = None if is_compiled(policy) else subprocess.Popen([sys.executable, "-m", __name__, policy], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
        if child is not None:
            child.wait()
    finally:
        if child is not None:
            child.kill()
            child.wait()
    warm(policy)


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
    values = loaded.resolve(machine, {})
    thresholds = gc.get_threshold()
    gc.set_threshold(_ALLOCATIONS)
    try:
        simulate(machine, loaded, values, builder.build(MS))
    finally:
        gc.set_threshold(*thresholds)


if __name__ == "__main__":  # before a test run: so that no test waits for the compiler
    for name in sys.argv[1:] or policies.names():
        warm(name)
