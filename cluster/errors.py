"""What a user did wrong, in one line."""

from __future__ import annotations


class LaunchError(ValueError):
    """A launch that cannot be made as asked; the text names the option, its value and what is allowed."""


def require(condition: bool, option: str, value: object, allowed: str) -> None:
    """Raise LaunchError("option: value; allowed: ...") unless the condition holds."""
    if not condition:
        raise LaunchError(f"{option}: {value!r}; allowed: {allowed}")
