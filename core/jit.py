"""The gate to the compiler: the only file that imports numba, and every compiler option with its reason.

The engine is compiled once for all policies: a policy's decision functions enter as typed function pointers, so a new policy costs the
compilation of its own few lines. Numba's disk cache does not notice edits made in another file, therefore the cache directory is named by a
hash of all of core's sources and a changed file simply means another directory.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba import types
from numba.experimental.function_type import _get_wrapper_address

F = TypeVar("F", bound=Callable[..., Any])

config: Any = numba.config
njit: Any = numba.njit

JIT_ENABLED = not config.DISABLE_JIT


def sources_hash() -> str:
    """SHA-256 (16 hex digits) of the names and contents of core's sources and of the Numba version."""
    root = Path(__file__).parent
    sha = hashlib.sha256(numba.__version__.encode())
    for path in sorted(root.rglob("*.py")):
        sha.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return sha.hexdigest()[:16]


def cache_dir() -> Path:
    """Where compiled code is kept: $HIGHWATER_CACHE_DIR, else $XDG_CACHE_HOME/highwater, else ~/.cache/highwater; node-local disk."""
    named = os.environ.get("HIGHWATER_CACHE_DIR")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (Path(named) if named else home / "highwater") / f"numba-{sources_hash()}"


config.CACHE_DIR = str(cache_dir())


OPTIONS: dict[str, Any] = {"cache": True, "error_model": "numpy", "nogil": True, "_nrt": False}


def jit(function: F) -> F:
    """Compile in nopython mode for callers that are compiled themselves.

    No fastmath, no parallel: the same bits on every machine and interpreted. Without the wrappers that Python would call, which unbox the whole of Memory
    in every function and take most of the compiler's time; from Python use ``function.py_func`` or an ``entry``.
    """
    return cast(F, _plain_integers(njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **OPTIONS)(function)))


def inlined(function: F) -> F:
    """Compile as ``jit`` does, for small functions that are called often: the arrays of Memory take 112 words to pass, so a call costs more than they do."""
    return cast(F, _plain_integers(njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True, **OPTIONS)(function)))


def entry(function: F) -> F:
    """Compile a function that Python calls."""
    return cast(F, _plain_integers(njit(**OPTIONS)(function)))


def _plain_integers(dispatcher: Any) -> Any:
    """See every integer argument as int64. Otherwise each constant and each narrow field would compile a version of its own: 344 instead of 161 functions."""
    if not JIT_ENABLED:
        return dispatcher
    resolve = dispatcher.get_call_template

    def get_call_template(args: Any, kws: Any) -> Any:
        return resolve(tuple(types.int64 if isinstance(a, types.Integer | types.IntegerLiteral) else a for a in args), kws)

    dispatcher.get_call_template = get_call_template
    return dispatcher


decision = entry  # a policy's function: called through a pointer to its C wrapper


TUNABLES = types.Array(types.int64, 1, "C")


def signature(arguments: int) -> Any:
    """Type of a decision function: ``arguments`` int64 and the policy's own tunables (int64[:]) to int64."""
    return types.int64(*([types.int64] * arguments), TUNABLES)


class _Pointer(types.WrapperAddressProtocol):
    """A compiled function seen by the engine as a typed pointer, so that the engine does not depend on which function it is."""

    def __init__(self, dispatcher: Any, sig: Any) -> None:
        self.dispatcher, self.sig = dispatcher, sig

    def __wrapper_address__(self) -> int:
        return int(_get_wrapper_address(self.dispatcher, self.sig))

    def signature(self) -> Any:
        return self.sig


def pointer(function: Callable[..., int], arguments: int) -> Any:
    """``function`` as the engine takes it: a typed pointer when compiling, the plain function when interpreted."""
    if not JIT_ENABLED:
        return function
    dispatcher = function if hasattr(function, "py_func") else njit(function)
    return _Pointer(dispatcher, signature(arguments))
