"""One file a policy. To add one, copy inline.py and change what it decides; nothing else needs an edit."""

from __future__ import annotations

import importlib
import pkgutil

from core.policy import Policy


def names() -> tuple[str, ...]:
    """All policies: the files of this directory."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def load(name: str) -> Policy:
    """The policy in core/policies/<name>.py.

    Raises:
        ValueError: no such policy; names the known ones.
    """
    if name not in names():
        raise ValueError(f"unknown policy {name!r}; known: {', '.join(names())}")
    policy = importlib.import_module(f"core.policies.{name}").POLICY
    assert isinstance(policy, Policy)
    return policy
