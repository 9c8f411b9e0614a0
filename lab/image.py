"""The guest's image: an initramfs with our program as process 1 and the modules that it loads, built once for each content."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from lab.cache import LabError, appearing, cache, program
from lab.kernel import Kernel

SOURCES: Final = Path(__file__).resolve().parent / "guest"
CFLAGS: Final = ("-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-static", "-s", "-fno-pie", "-no-pie")
# The parameters of each: no disk that nobody asked for; one RAM disk of one page, for the swap signature.
MODULES: Final = {"null_blk": "nr_devices=0", "brd": "rd_nr=1 rd_size=4", "dm-mod": ""}
DEPENDS: Final = re.compile(rb"\0depends=([^\0]*)\0")


def build(kernel: Kernel) -> Path:
    """The image for ``kernel``: from the cache, or made now.

    Raises:
        LabError: the compiler or a module is not there.
    """
    files = [*order(kernel)]
    sha = hashlib.sha256(" ".join((*CFLAGS, kernel.release)).encode())
    for path in [*sources(), *(path for path, _ in files)]:
        sha.update(path.name.encode() + path.read_bytes())
    target = cache() / f"image-{sha.hexdigest()[:16]}.cpio"
    if not target.is_file():
        with appearing(target) as made:
            made.write_bytes(archive(_contents(files)))
    return target


def sources() -> list[Path]:
    """The files of the guest's program."""
    return sorted(SOURCES.glob("*.[ch]"))


def compile_program(target: Path) -> None:
    """Compile the guest's program.

    Raises:
        LabError: no compiler, no static C library, or it does not compile.
    """
    command = [program("gcc", "gcc libc6-dev"), *CFLAGS, "-o", str(target), *(str(path) for path in sources() if path.suffix == ".c")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        lines = [line for line in result.stderr.splitlines() if "error" in line or "cannot find" in line] or ["failed"]
        raise LabError(f"lab: gcc: {lines[0].strip()}; allowed: gcc with a static C library: apt-get install gcc libc6-dev")


def order(kernel: Kernel) -> Iterator[tuple[Path, str]]:
    """Modules with their parameters, dependencies first. What a module needs is written in it; a package has no modules.dep before it is installed."""
    known = {path.name.removesuffix(".ko").replace("_", "-"): path for path in kernel.modules.rglob("*.ko")}
    seen: set[str] = set()

    def visit(name: str, parameters: str) -> Iterator[tuple[Path, str]]:
        name = name.replace("_", "-")
        if name in seen:
            return
        seen.add(name)
        if name not in known:
            raise LabError(f"lab: {kernel.modules}: no {name}.ko; allowed: the modules {', '.join(MODULES)} of the kernel, not compressed")
        found = DEPENDS.search(known[name].read_bytes())
        for needed in found[1].decode().split(",") if found else ():
            if needed:
                yield from visit(needed, "")
        yield known[name], parameters

    for name, parameters in MODULES.items():
        yield from visit(name, parameters)


def _contents(files: Iterable[tuple[Path, str]]) -> Iterator[tuple[str, int, bytes]]:
    binary = cache() / ".init"
    with appearing(binary) as made:
        compile_program(made)
        init = made.read_bytes()
    for folder in ("dev", "proc", "sys", "modules"):
        yield folder, 0o040755, b""
    yield "init", 0o100755, init
    lines = []
    for path, parameters in files:
        yield f"modules/{path.name}", 0o100644, path.read_bytes()
        lines.append(f"{path.name} {parameters}".strip())
    yield "modules/order", 0o100644, "".join(f"{line}\n" for line in lines).encode()


def archive(contents: Iterable[tuple[str, int, bytes]]) -> bytes:
    """A cpio archive ("newc", Documentation/driver-api/early-userspace/buffer-format.rst) of names, modes and data."""
    parts = []
    entries = [*contents, ("TRAILER!!!", 0, b"")]
    for number, (name, mode, data) in enumerate(entries, 1):
        raw = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + raw
        parts += [head, b"\0" * (-len(head) % 4), data, b"\0" * (-len(data) % 4)]
    return b"".join(parts)
