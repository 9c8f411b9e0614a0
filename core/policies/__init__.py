"""One file a policy. To add one, copy postponed.py and change what it decides; nothing else needs an edit.

Policies of your own need not lie here: every directory named in $HIGHWATER_POLICY_PATH is looked through as well.
"""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from core.jit import policy_directories
from core.policy import Policy

__path__ = [str(directory) for directory in policy_directories()]


class _FromSource(SourceFileLoader):
    """Reads the source itself: bytecode is taken for current if the file has the old size and time."""

    def get_code(self, fullname: str) -> object:  # type: ignore[override]
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def names() -> tuple[str, ...]:
    """All policies: the files of the directories.

    Raises:
        ValueError: two files of one name.
    """
    return tuple(sorted(_files()))


def _files() -> dict[str, Path]:
    files: dict[str, Path] = {}
    for directory in policy_directories():
        for path in sorted(directory.glob("[!_]*.py")):
            if path.stem in files:
                raise ValueError(f"policy {path.stem}: in two files, {files[path.stem]} and {path}; allowed: one")
            files[path.stem] = path
    return files


def load(name: str) -> Policy:
    """The policy in <name>.py.

    Raises:
        ValueError: no such policy, naming the known ones; a file that is no policy, naming the file.
    """
    files = _files()
    if name not in files:
        raise ValueError(f"unknown policy {name!r}; known: {', '.join(sorted(files))}")
    try:
        policy = _module(f"core.policies.{name}", files[name]).POLICY
    except (SyntaxError, ImportError, AttributeError, NameError, TypeError) as error:
        raise ValueError(f"policy {name}: {type(error).__name__}: {error}") from error
    if not isinstance(policy, Policy) or policy.name != name:
        raise ValueError(f"policy {name}: POLICY is {policy!r:.60}; allowed: a Policy whose name is its file's, {name!r}")
    return policy


def _module(name: str, path: Path) -> ModuleType:
    """The module in ``path``, loaded once."""
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, path, loader=_FromSource(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
