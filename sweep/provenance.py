"""What computes a sweep: versions that may change a result. Only results of one provenance are put into one table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

LIBRARIES: Final = ("numba", "numpy", "optuna", "scipy")
PREFIX: Final = "made_by."
# Besides core, these turn a configuration into streams and rows.
SOURCES: Final = (
    *("seeds.py", "search.py", "history.py", "space.py", "baselines.py", "study.py", "racing.py", "looks.py", "trial.py"),
    *("tracefile.py", "workloads/*.py"),
)


def highwater_version() -> str:
    """Version of this installation."""
    try:
        return version("highwater")
    except PackageNotFoundError:
        return "not installed (running from source)"


def made_by() -> dict[str, str]:
    """What a result depends on besides the configuration, as entries of the store's meta table."""
    found = {name: version(name) for name in LIBRARIES} | {"simulator": _sources_digest()}
    return {f"{PREFIX}{name}": value for name, value in found.items()}


def changed(held: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What of ``now`` differs from what a store holds, in words."""
    differing = [key for key in now if held.get(key) != now[key]]
    return [f"{key.removeprefix(PREFIX)} {held.get(key, 'unknown')} then, {now[key]} now" for key in differing]


def _sources_digest() -> str:
    package = Path(__file__).resolve().parent
    files = {*(package.parent / "core").rglob("*.py"), *(file for name in SOURCES for file in package.glob(name))}
    sha = hashlib.sha256()
    for file in sorted(files):
        sha.update(f"{file.relative_to(package.parent).as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return sha.hexdigest()[:16]
