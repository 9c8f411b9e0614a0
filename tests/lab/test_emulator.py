"""Which QEMU is used, and what is refused to an old one."""

from pathlib import Path

import pytest

from lab import emulator
from lab.cache import LabError


def fake(folder: Path, printed: str) -> Path:
    program = folder / "qemu"
    program.write_text(f"#!/bin/sh\necho '{printed}'\n")
    program.chmod(0o755)
    return program


def test_two_cpus_need_a_qemu_that_is_fair_to_both(tmp_path: Path) -> None:
    old = emulator.find(fake(tmp_path, "QEMU emulator version 7.2.22 (Debian 1:7.2)"))
    old.check(1)
    with pytest.raises(LabError, match=r"machine.cpus: 2; allowed: 1 with QEMU 7\.2\.22; 2 need QEMU 8\.1"):
        old.check(2)
    emulator.find(fake(tmp_path, "QEMU emulator version 8.1.0")).check(2)
    emulator.find(fake(tmp_path, "QEMU emulator version 10.0.2 (Debian)")).check(2)


def test_what_is_no_qemu_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"--qemu: .*missing; allowed: a qemu-system-x86_64"):
        emulator.find(tmp_path / "missing")
    with pytest.raises(LabError, match="prints no version"):
        emulator.find(fake(tmp_path, "hello"))
    (tmp_path / "text").write_text("x")
    with pytest.raises(LabError, match="Permission denied"):
        emulator.find(tmp_path / "text")
