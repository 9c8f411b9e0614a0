"""A ward: a suspicious trial in a process of its own, so that only that process dies of it, and how it died is known exactly."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

from sweep.watch import OVERDUE, arm, disarm, expendable, why

if TYPE_CHECKING:
    from sweep.pieces import Alone
    from sweep.trial import TrialRow


def admit(patient: Alone) -> TrialRow | tuple[str, bool]:
    """The row of the trial, or why there is none and whether another try may help.

    A process that was killed may have been killed by somebody else, so that is worth another try; an error of its own or a trial that
    never ends is not.
    """
    child = subprocess.Popen([sys.executable, "-m", "sweep.ward"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment())
    try:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(pickle.dumps(patient))  # stays open: its end tells the child that we are gone
        child.stdin.flush()
        answer = child.stdout.read()
        child.wait()
    finally:
        child.kill()
        child.wait()
        child.stdin.close()  # type: ignore[union-attr]
        child.stdout.close()  # type: ignore[union-attr]
    if child.returncode != 0:
        return why(child.returncode, patient.limit_s), child.returncode not in OVERDUE
    result: TrialRow | str = pickle.loads(answer)  # noqa: S301 - from our own child
    return (result, False) if isinstance(result, str) else result


def _environment() -> dict[str, str]:
    """Ours, and the modules where we found them."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def reason_of(error: BaseException) -> str:
    """An error as one short line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _main() -> None:
    out = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no answer
    patient: Any = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own parent
    threading.Thread(target=_end_with_parent, daemon=True).start()
    expendable()
    try:
        answer: Any = patient.compute(arm)
    except Exception as error:
        answer = reason_of(error)
    disarm()
    with os.fdopen(out, "wb") as file:
        pickle.dump(answer, file)


def _end_with_parent() -> None:
    os.read(0, 1)  # not through sys.stdin: its lock, held at the interpreter's end, aborts the process
    os._exit(1)


if __name__ == "__main__":
    _main()
