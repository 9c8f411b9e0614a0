"""Compile the simulator once per node: the first process does it, on two cores if there are, the others wait and load what it wrote."""

from __future__ import annotations

import fcntl
import gc
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import core
from core import Builder, Device, Machine, Streams, engine, policies, simulate
from core.jit import JIT_ENABLED, cache_dir, policy_directories
from core.operations import WRITE
from core.policy import Policy
from core.simulator import booted
from core.units import MS
from sweep.errors import DiskError, HighwaterError

RECLAIM: Final = "--reclaim"  # the argument of the child that compiles this half of the engine for a policy
_DONE: set[str] = set()  # policies that this process has
_ALLOCATIONS = 20_000  # between two runs of the garbage collector, which at its default takes a sixteenth of the time of a compilation


def is_compiled(policy: str) -> bool:
    """Whether this version of the simulator is ready to run ``policy`` on this node."""
    return not JIT_ENABLED or _marker(policy).exists()


def warm(policy: str) -> None:
    """Make ``policy`` ready in this process; compiles it (half a minute or more) if no process of this node did before.

    Raises:
        DiskError: the directory for compiled code cannot be written.
    """
    if not JIT_ENABLED or policy in _DONE:
        return
    if not is_compiled(policy):
        _compile(policy)
    _DONE.add(policy)


@contextmanager
def warming(policy: str) -> Iterator[None]:
    """Compile ``policy`` in another process while the caller does something else; at the end it is ready.

    A compiler that fails says nothing here: the caller's own `warm` then meets the same error.
    """
    if is_compiled(policy):
        yield
    else:
        with _child(policy, leads=True):
            yield
    warm(policy)


@contextmanager
def _child(*arguments: str, leads: bool = False) -> Iterator[None]:
    """This file as a program beside what the caller does: waited for, or ended if that fails, with all children of its own if it leads a group."""
    command = [sys.executable, "-m", "sweep.warm", *arguments]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0 if leads else None)
    try:
        yield
        child.wait()
    except BaseException:
        if child.poll() is None:
            if leads:
                os.killpg(child.pid, signal.SIGKILL)
            else:
                child.kill()
            child.wait()
        raise


def _marker(name: str) -> Path:
    """A file that says so; like Numba's own index it is void once the sources lie elsewhere or were written again."""
    directories = {Path(core.__file__).parent, *policy_directories()}
    stamps = [f"{path}:{path.stat().st_mtime_ns}" for directory in sorted(directories) for path in sorted(directory.rglob("*.py"))]
    return cache_dir() / f"{name}-{hashlib.sha256(repr(stamps).encode()).hexdigest()[:16]}.compiled"


def _compile(policy: str) -> None:
    marker = _marker(policy)
    try:
        marker.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(marker.parent / "compile.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DiskError(f"{marker.parent.parent}: {error.strerror}; allowed: HIGHWATER_CACHE_DIR with a directory of this node that can be written") from error
    thresholds = gc.get_threshold()
    gc.set_threshold(_ALLOCATIONS)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not marker.exists():
            _compile_halves(policy)
            marker.touch()
    finally:
        gc.set_threshold(*thresholds)
        os.close(handle)


def _compile_halves(policy: str) -> None:
    """Compile the events here and reclaim in another process, unless that was done or there is one core; the run then takes both from the cache."""
    machine, loaded, values, streams = _smallest_run(policy)
    half = _marker(f"reclaim-{loaded.mechanics}")
    if len(os.sched_getaffinity(0)) > 1 and not half.exists():
        with _child(RECLAIM, policy):
            memory, boot_pages = booted(machine, loaded, values, streams)
            engine.compile_events(memory, loaded.decisions(), boot_pages)
    simulate(machine, loaded, values, streams)
    half.touch()


def _compile_reclaim(policy: str) -> None:
    machine, loaded, values, streams = _smallest_run(policy)
    gc.set_threshold(_ALLOCATIONS)
    memory, _ = booted(machine, loaded, values, streams)
    engine.compile_reclaim(memory, loaded.decisions())


def _smallest_run(policy: str) -> tuple[Machine, Policy, dict[str, int], Streams]:
    """Compilation does not depend on what is run."""
    device = Device("warm", 100, 100, 0)
    machine = Machine("warm", 16, 1, 16, device, device)
    builder = Builder()
    region = builder.anon(16)
    builder.task().run(WRITE, region.first, region.pages)
    loaded = policies.load(policy)
    return machine, loaded, loaded.resolve(machine, {}), builder.build(MS)


def main(arguments: list[str]) -> None:
    """Compile policies (all of them, if none is named) before something that must not wait for the compiler; says which are ready."""
    if arguments[:1] == [RECLAIM]:
        _compile_reclaim(arguments[1])
        return
    names = arguments or policies.names()
    for done, name in enumerate(names, 1):
        compiled = is_compiled(name)
        warm(name)
        if not compiled:
            print(f"compiled: {name} ({done} of {len(names)})", flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except HighwaterError as error:
        sys.exit(f"error: {error}")
