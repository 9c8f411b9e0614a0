"""Job: one sweep file and the command that runs it, with a name that is the same for the same content."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import LaunchError, require

MAX_SWEEP_BYTES = 512 * 1024  # a ConfigMap holds 1 MiB; no sweep file comes near


@dataclass(frozen=True)
class Job:
    """A sweep to launch.

    Attributes:
        path: the sweep file as the user wrote it.
        text: its content.
        arguments: what follows the sweep file on highwater's command line.
        attempt: counts submissions of the same content, from 1.
    """

    path: Path
    text: str
    arguments: tuple[str, ...] = ()
    attempt: int = 1

    def __post_init__(self) -> None:
        require(1 <= self.attempt <= 9999, "attempt", self.attempt, "1 to 9999")
        for word in (str(self.path), *self.arguments):
            require(_printable(word), "argument", word, "no control characters")

    @property
    def label(self) -> str:
        """The file's stem as a DNS label of at most 20 characters: lower case, digits and dashes."""
        # KubeRay allows 47 characters for the whole name, of which 24 are taken at most.
        label = re.sub(r"[^a-z0-9]+", "-", self.path.stem.lower()).strip("-")[:20].strip("-")
        return label or "sweep"

    @property
    def digest(self) -> str:
        """Eight hex digits of what the job does: the sweep's text and the arguments."""
        content = "\0".join((self.text, *self.arguments))
        return hashlib.sha256(content.encode()).hexdigest()[:8]

    @property
    def name(self) -> str:
        """The submission id. Submitting the same thing twice is refused by whoever already has this id."""
        return f"highwater-{self.label}-{self.digest}-{self.attempt}"

    def command(self, sweep: str) -> tuple[str, ...]:
        """The command line that runs the sweep file found at `sweep` on the cluster around it; it resumes by itself."""
        sweep = f"./{sweep}" if sweep.startswith("-") else sweep
        return ("highwater", "run", sweep, "--address", "auto", *self.arguments)


def load_job(path: Path, arguments: tuple[str, ...] = (), attempt: int = 1) -> Job:
    """Read a sweep file; what it says is checked by highwater where it runs.

    Raises:
        LaunchError: the file cannot be read, is no UTF-8 text or is too large.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LaunchError(f"{path}: {error.strerror or error}") from None
    if len(data) > MAX_SWEEP_BYTES:
        raise LaunchError(f"{path}: {len(data)} bytes; allowed: at most {MAX_SWEEP_BYTES}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise LaunchError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None
    return Job(path, text, arguments, attempt)


def _printable(word: str) -> bool:
    return not any(ord(character) < 32 or ord(character) == 127 for character in word)
