"""Which QEMU boots the guest: the one on the path, or one that is named."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.cache import LabError, program

BINARY: Final = "qemu-system-x86_64"
TWO_CPUS_SINCE: Final = (8, 1)  # "accel/tcg: ensure fairness with icount"; before, CPU 0 gets no budget while CPU 1 waits for it
VERSION: Final = re.compile(r"version ((\d+)\.(\d+)[\w.]*)")


@dataclass(frozen=True)
class Emulator:
    """A QEMU.

    Attributes:
        path: of its program.
        version: as it prints it.
        series: major and minor version.
    """

    path: str
    version: str
    series: tuple[int, int]

    def check(self, cpus: int) -> None:
        """Refuse more CPUs than it can count instructions for.

        Raises:
            LabError: one line.
        """
        if cpus > 1 and self.series < TWO_CPUS_SINCE:
            raise LabError(f"lab: machine.cpus: {cpus}; allowed: 1 with QEMU {self.version}; 2 need QEMU 8.1 or newer (--qemu, HIGHWATER_QEMU)")


def find(path: Path | None = None) -> Emulator:
    """The QEMU that is named, or the one on the path.

    Raises:
        LabError: it is not there, or is no QEMU.
    """
    if path is not None and not path.is_file():
        raise LabError(f"lab: --qemu: {path}; allowed: a {BINARY} that exists")
    name = program(BINARY, "qemu-system-x86") if path is None else str(path.resolve())
    try:
        printed = subprocess.run([name, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError as error:
        raise LabError(f"lab: --qemu: {name}: {error.strerror}; allowed: a {BINARY}") from None
    found = VERSION.search(printed)
    if found is None:
        raise LabError(f"lab: --qemu: {name}: prints no version; allowed: a {BINARY}")
    return Emulator(name, found[1], (int(found[2]), int(found[3])))
