"""What the lab keeps between runs: kernels and guest images, in a directory of the user's cache."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sweep.errors import HighwaterError


class LabError(HighwaterError):
    """Something that the lab needs is not there, or the guest could not be run; one line that says what to do."""


def cache() -> Path:
    """The lab's directory in the user's cache; made if it is not there."""
    place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "highwater" / "lab"
    place.mkdir(parents=True, exist_ok=True)
    return place


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A path to make a file or directory at, which becomes ``target`` whole or not at all."""
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        made = work / target.name
        yield made
        if made.is_dir() and target.is_dir():  # somebody else was faster
            return
        made.replace(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def program(name: str, package: str) -> str:
    """The path of a program.

    Raises:
        LabError: it is not there; the line names the Debian package.
    """
    found = shutil.which(name)
    if found is None:
        raise LabError(f"lab: {name} is not there; install it: apt-get install {package}")
    return found
