"""One run of the guest under QEMU: started, watched and ended. Guest time is counted in instructions, so the host's load does not matter."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import signal
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.cache import LabError
from lab.emulator import Emulator
from lab.emulator import find as find_emulator
from lab.kernel import Kernel
from lab.plan import Plan

REPORT_AT: Final = 2048
REPORT: Final = struct.Struct("<9q256s")
FIELDS: Final = ("heartbeat", "stage", "end", "error", "elapsed_ns", "n_samples", "tasks_killed", "first_kill_ns", "free_min")
COMMAND_LINE: Final = (
    "console=ttyS0 quiet loglevel=1 panic=-1 rdinit=/init nokaslr mitigations=off transparent_hugepage=never psi=1 "
    "tsc=reliable clocksource=tsc no_timer_check nowatchdog audit=0 lsm= random.trust_cpu=off cryptomgr.notests"
)
PANIC: Final = b"Kernel panic"
POLL_S: Final = 0.05
PR_SET_PDEATHSIG: Final = 1

# How a run ended; the first four are the guest's own words (guest/lab.h).
HORIZON: Final = "horizon"
DONE: Final = "done"
HANG: Final = "hang"
FAILED: Final = "failed"
PANICKED: Final = "panic"
TIMEOUT: Final = "timeout"
DIED: Final = "qemu"
ENDS: Final = {1: HORIZON, 2: DONE, 3: HANG, 4: FAILED}


@dataclass(frozen=True)
class Ending:
    """What is left of a run.

    Attributes:
        how: one of the constants above.
        why: for people, when the guest failed.
        memory: the shared memory at the end.
        report: fields of ``struct report``.
        console: what the guest's kernel printed.
        host_s: how long it took, s.
    """

    how: str
    why: str
    memory: bytes
    report: dict[str, int]
    console: bytes
    host_s: float


def command(emulator: Emulator, kernel: Kernel, image: Path, shared: Path, size: int, memory_mib: int, cpus: int) -> list[str]:
    """QEMU's command line."""
    return [
        emulator.path,
        *("-accel", "tcg,thread=single", "-icount", "shift=2,sleep=off", "-m", f"{memory_mib}M", "-smp", str(cpus)),
        *("-kernel", str(kernel.image), "-initrd", str(image), "-append", COMMAND_LINE),
        *("-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot"),
        *("-seed", "1", "-rtc", "base=2026-01-01T00:00:00,clock=vm", "-device", "isa-debug-exit,iobase=0xf4,iosize=4"),
        *("-object", f"memory-backend-file,id=plan,share=on,mem-path={shared},size={size}", "-device", "ivshmem-plain,memdev=plan"),
    ]


def boot(kernel: Kernel, image: Path, plan: Plan, memory_mib: int, cpus: int, timeout_s: float, emulator: Emulator | None = None) -> Ending:
    """Run the plan in a guest, to one of its ends.

    Raises:
        LabError: QEMU is not there or does not start.
    """
    began = time.monotonic()
    emulator = emulator or find_emulator()
    emulator.check(cpus)
    with tempfile.TemporaryDirectory(prefix="highwater-lab-") as folder:
        shared = Path(folder) / "plan"
        shared.write_bytes(plan.memory)
        console = Path(folder) / "console"
        line = command(emulator, kernel, image, shared, len(plan.memory), memory_mib, cpus)
        with console.open("wb") as out, shared.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
            guest = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, preexec_fn=_die_with_parent)
            try:
                how = _wait(guest, memory, began + timeout_s)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    guest.kill()
                guest.wait()
            left = bytes(memory)
        printed = console.read_bytes()
    values = REPORT.unpack_from(left, REPORT_AT)
    report = dict(zip(FIELDS, values[:-1], strict=True))
    why = values[-1].split(b"\0")[0].decode("utf-8", "replace")
    if how == DIED:
        how = ENDS.get(report["end"], PANICKED if PANIC in printed else DIED)
    if how == DIED:
        text = [row for row in printed.decode("utf-8", "replace").splitlines() if row.strip()] or [f"exit code {guest.returncode}"]
        raise LabError(f"lab: QEMU ended at once: {text[-1]}")
    return Ending(how, why, left, report, printed, time.monotonic() - began)


def _wait(guest: subprocess.Popen[bytes], memory: mmap.mmap, until: float) -> str:
    while time.monotonic() < until:
        try:
            guest.wait(POLL_S)
        except subprocess.TimeoutExpired:
            continue
        return DIED
    return TIMEOUT


def _die_with_parent() -> None:
    """In the child: the guest ends with the process that started it, however that ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:
        os._exit(1)
