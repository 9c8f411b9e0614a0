"""A worker's alarm clock: a trial that takes too long ends its process, whatever the process is doing.

The kernel's own SIGPROF and SIGALRM do it, with their default action: no code of ours has to run, so a loop in compiled code, which no
Python handler can reach, ends like any other. What counts is CPU time, so that a busy machine makes no trial poison; wall time is only
for what waits for ever without computing.
"""

from __future__ import annotations

import signal
import threading
from typing import Final

PATIENCE: Final = 10  # wall time for one second of CPU time: a machine may be so busy
OVERDUE: Final = (-signal.SIGPROF, -signal.SIGALRM)  # exit codes of a process that was ended by its alarm

_ARMED: list[bool] = [False]  # may this process be ended? Only a worker says so


def expendable() -> None:
    """Say that this process is a worker: `arm` may end it. Without this, `arm` does nothing."""
    _ARMED[0] = threading.current_thread() is threading.main_thread()


def arm(seconds: float | None) -> None:
    """End this process after ``seconds`` of CPU time unless armed anew or disarmed; None: no limit."""
    if _ARMED[0]:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, seconds or 0)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE * (seconds or 0))


def disarm() -> None:
    """No limit any more."""
    arm(None)


def why(code: int | None, limit_s: float | None) -> str:
    """An exit code of a worker, in words."""
    if code == -signal.SIGPROF and limit_s is not None:
        return f"no result within {limit_s:g} s of CPU time"
    if code == -signal.SIGALRM and limit_s is not None:
        return f"no result within {PATIENCE * limit_s:g} s"
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
        return f"its process was killed by {name}"
    return "its process went away" if code is None else f"its process ended with exit code {code}"
