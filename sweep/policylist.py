"""The policies in words: all of them in a few lines each, or one with everything it says about itself."""

from __future__ import annotations

import importlib
import inspect
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from core import Policy, Tunable, policies
from sweep.errors import ConfigError

WIDTH: Final = 120


def listing() -> Iterator[str]:
    """Every policy with its own tunables, by era, and the tunables that the policies of an era share."""
    known = [_loaded(name) for name in policies.names()]
    for era in dict.fromkeys(policy.era for policy in known):
        family = [policy for policy in known if policy.era == era]
        common = [t for t in _undefaulted(family) if all(t.name in {own.name for own in policy.tunables} for policy in family)]
        yield f"with the mechanics of {era}"
        for policy in family:
            yield from ("", f"  {policy.name}: {policy.title}", *_wrapped(policy.source, 6))
            yield from _lines([t for t in policy.own if t not in common], 6)
            yield from _wrapped(", ".join(f"{name}: default {value} here" for name, value in policy.defaults.items()), 6)
        yield from ("", f"  tunables of all policies with the mechanics of {era}", *_lines(common, 6), "")
    yield "highwater policies NAME tells more about one"


def _undefaulted(family: Sequence[Policy]) -> Sequence[Tunable]:
    """The tunables of a policy that gives none a default of its own, if there is one."""
    return next((policy for policy in family if not policy.defaults), family[0]).tunables


def details(name: str) -> Iterator[str]:
    """One policy: title, source, era, tunables, and the docstring of its file.

    Raises:
        ConfigError: no such policy, or its file is none.
    """
    policy = _loaded(name)
    yield f"{policy.name}: {policy.title}"
    yield f"era: {policy.era}"
    yield from _wrapped(f"source: {policy.source}", 0)
    yield from ("", inspect.getdoc(importlib.import_module(f"core.policies.{name}")) or "no description")
    yield from ("", "tunables", *_lines(policy.tunables, 2))


def _loaded(name: str) -> Policy:
    try:
        return policies.load(name)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _lines(tunables: Sequence[Tunable], indent: int) -> Iterator[str]:
    for tunable in tunables:
        default = "computed" if tunable.default is None else tunable.default
        unit = f" {tunable.unit}" if tunable.unit else ""
        sysctl = " (sysctl)" if tunable.sysctl else ""
        yield from _wrapped(f"{tunable.name}: {tunable.low} to {tunable.high}{unit}, default {default}{sysctl}: {tunable.summary}", indent)


def _wrapped(text: str, indent: int) -> list[str]:
    begin = " " * indent
    return textwrap.wrap(text, WIDTH, initial_indent=begin, subsequent_indent=begin + "    ", break_long_words=False, break_on_hyphens=False)
