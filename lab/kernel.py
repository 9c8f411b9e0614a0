"""The guest's kernel: Debian's cloud kernel, downloaded by name and unpacked in the cache, or one of the user's own."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.cache import LabError, appearing, cache, program

SERIES: Final = "6.1"
PACKAGE: Final = re.compile(r"^linux-image-6\.1\.0-(\d+)-cloud-amd64$", re.M)
VERSION: Final = re.compile(rb"(\d+\.\d+[^\0 ]*) \([^\0]*\) #[^\0]*")


@dataclass(frozen=True)
class Kernel:
    """A kernel to boot.

    Attributes:
        image: the bzImage.
        modules: directory with its modules, searched to its depth.
        release: as ``uname -r`` prints it.
        version: as the package or the image says.
    """

    image: Path
    modules: Path
    release: str
    version: str

    @property
    def series(self) -> tuple[int, int]:
        """Major and minor version."""
        major, minor = re.split(r"[.-]", self.release)[:2]
        return int(major), int(minor)


def find(image: Path | None = None, modules: Path | None = None) -> Kernel:
    """The user's kernel, or Debian's newest of the series, downloaded once.

    Raises:
        LabError: there is none, and none can be had.
    """
    if (image is None) != (modules is None):
        raise LabError("lab: --kernel and --modules; allowed: both or none")
    if image is not None and modules is not None:
        for path in (image, modules):
            if not path.exists():
                raise LabError(f"lab: {path}: no such file; allowed: a bzImage and the directory of its modules")
        release, version = banner(image)
        return Kernel(image, modules, release, version)
    known = sorted((cache() / "kernels").glob("linux-image-*"), key=_number)
    return _unpacked(known[-1] if known else _downloaded())


def banner(image: Path) -> tuple[str, str]:
    """Release and version of a bzImage, from its header (Documentation/x86/boot.rst: kernel_version)."""
    data = image.read_bytes()
    if data[0x202:0x206] != b"HdrS" and data[0x202:0x204] != b"Hd":
        raise LabError(f"lab: {image}: no bzImage; allowed: a kernel for x86-64")
    at = int.from_bytes(data[0x20E:0x210], "little") + 0x200
    text = data[at : data.index(b"\0", at)].decode("ascii", "replace")
    return text.split()[0], text


def _number(path: Path) -> int:
    found = PACKAGE.match(path.name)
    return int(found[1]) if found else 0


def _unpacked(place: Path) -> Kernel:
    image = next((place / "boot").glob("vmlinuz-*"))
    release, version = banner(image)
    return Kernel(image, place / "lib" / "modules" / release, release, version)


def _downloaded() -> Path:
    """Debian's package, unpacked in the cache; it is not installed as the host's kernel."""
    advice = f"give --kernel and --modules, or run this on Debian with a linux-image-{SERIES}*-cloud-amd64 package within reach of apt-get download"
    search = _run("apt-cache", "apt", ["search", "--names-only", "^linux-image-6.1.0-.*-cloud-amd64$"], advice)
    names = sorted({f"linux-image-6.1.0-{number}-cloud-amd64" for number in PACKAGE.findall(re.sub(r" - .*", "", search))}, key=lambda n: _number(Path(n)))
    if not names:
        raise LabError(f"lab: no package linux-image-{SERIES}*-cloud-amd64; run apt-get update, or {advice}")
    target = cache() / "kernels" / names[-1]
    target.parent.mkdir(exist_ok=True)
    with appearing(target) as place:
        _run("apt-get", "apt", ["download", "-qq", names[-1]], advice, place.parent)
        package = next(place.parent.glob("*.deb"))
        _run("dpkg-deb", "dpkg", ["-x", str(package), str(place)], advice)
    return target


def _run(command: str, package: str, arguments: list[str], advice: str, where: Path | None = None) -> str:
    result = subprocess.run([program(command, package), *arguments], cwd=where, capture_output=True, text=True, check=False)
    if result.returncode:
        last = (result.stderr.strip().splitlines() or ["failed"])[-1]
        raise LabError(f"lab: {command} {arguments[0]}: {last}; {advice}")
    return result.stdout
