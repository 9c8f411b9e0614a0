"""A token file is made readable for its owner alone, and refused when it is not."""

import os
from pathlib import Path

import pytest

from cluster.errors import LaunchError
from cluster.secret import ensure_token


def test_a_token_is_made_once(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = ensure_token(tmp_path / "ray" / "auth_token")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    token = path.read_text()
    assert len(token) == 64
    assert ensure_token(path).read_text() == token


def test_a_token_that_others_can_read_or_that_is_empty_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "auth_token"
    path.write_text("secret")
    path.chmod(0o644)
    with pytest.raises(LaunchError, match="mode 0644; allowed: 0600"):
        ensure_token(path)
    path.chmod(0o600)
    path.write_text("")
    with pytest.raises(LaunchError, match="empty"):
        ensure_token(path)
