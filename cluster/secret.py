"""The token that every Ray node and client of a cluster shares."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cluster.errors import LaunchError


def ensure_token(path: Path) -> Path:
    """Make sure that a token file exists which only its owner can read.

    Ray's own generator leaves the file readable for everybody, so it is made here, at once with mode 0600.

    Returns:
        The path, absolute.

    Raises:
        LaunchError: the file is readable by others, empty, or cannot be made.
    """
    path = path.expanduser().absolute()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _checked(path)
    except OSError as error:
        raise LaunchError(f"{path}: {error.strerror or error}") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
    return path


def _checked(path: Path) -> Path:
    status = path.stat()
    if status.st_mode & 0o077:
        mode = f"{status.st_mode & 0o777:04o}"
        raise LaunchError(f"{path}: mode {mode}; allowed: 0600, for others can read the token now")
    if status.st_size == 0:
        raise LaunchError(f"{path}: empty; remove it and a new token is made")
    return path
