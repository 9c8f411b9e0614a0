"""One file a policy. To add one, copy postponed.py and change what it decides; nothing else needs an edit.

Policies of your own need not lie here: every directory named in $HIGHWATER_POLICY_PATH is looked through as well.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from core.jit import policy_directories
from core.policy import Policy

__path__ = [str(directory) for directory in policy_directories()]


def names() -> tuple[str, ...]:
    """All policies: the files of the directories.

    Raises:
        ValueError: two files of one name.
    """
    files: dict[str, Path] = {}
    for directory in policy_directories():
        for path in sorted(directory.glob("[!_]*.py")):
            if path.stem in files:
                raise ValueError(f"policy {path.stem}: in two files, {files[path.stem]} and {path}; allowed: one")
            files[path.stem] = path
    return tuple(sorted(files))


def load(name: str) -> Policy:
    """The policy in <name>.py.

    Raises:
        ValueError: no such policy, naming the known ones; a file that is no policy, naming the file.
    """
    if name not in names():
        raise ValueError(f"unknown policy {name!r}; known: {', '.join(names())}")
    try:
        policy = importlib.import_module(f"core.policies.{name}").POLICY
    except (SyntaxError, ImportError, AttributeError, NameError, TypeError) as error:
        raise ValueError(f"policy {name}: {type(error).__name__}: {error}") from error
    if not isinstance(policy, Policy) or policy.name != name:
        raise ValueError(f"policy {name}: POLICY is {policy!r:.60}; allowed: a Policy whose name is its file's, {name!r}")
    return policy
