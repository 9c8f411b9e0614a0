"""What can go wrong for a user; each class says when it is raised, and carries the exit code of the command line."""

from __future__ import annotations

from pathlib import Path


class HighwaterError(Exception):
    """Base of every error that the command line reports in one line; the message is that line."""

    exit_code = 2


class ConfigError(HighwaterError):
    """A configuration file, a trace or a command line option is wrong. Nothing has been run."""


class StoreError(HighwaterError):
    """A store of results cannot be opened, belongs to another sweep, or holds rows that were altered."""


class DiskError(StoreError):
    """The disk is full or cannot be written. What was committed before is intact, the sweep can be resumed."""

    exit_code = 74


class WorkerError(HighwaterError):
    """A batch of trials could not be computed: a defect of the simulator or of a worker, never an OOM outcome."""

    exit_code = 70


class TrackingError(HighwaterError):
    """MLflow cannot be reached or refuses. The results are safe in the store; publish again later."""

    exit_code = 69


class PoisonError(HighwaterError):
    """The sweep is complete but for trials that could not be computed; they are in the store with their reasons."""

    exit_code = 3


class ExpectationError(HighwaterError):
    """A scenario ran, and what it expects does not hold."""

    exit_code = 1


class DeterminismError(HighwaterError):
    """The same trial gave two different results."""

    exit_code = 70


class Interrupted(HighwaterError):
    """The user or the system asked to stop. What is committed stays; the sweep can be resumed."""

    exit_code = 75


def shown(value: object, limit: int = 60) -> str:
    """``value`` as one short printable piece of an error line."""
    text = value if isinstance(value, str) and value.isprintable() and value else repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def refusal(source: Path | str, key: str, value: object, allowed: str) -> ConfigError:
    """The one line for a wrong value: ``file: key.path: value; allowed: ...``."""
    place = f"{source}: {key}" if key else str(source)
    return ConfigError(f"{place}: {shown(value)}; allowed: {allowed}")
