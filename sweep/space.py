"""The search space of a study: a policy's tunables, narrowed by the sweep file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweep.config import Range

if TYPE_CHECKING:
    from core import Policy


@dataclass(frozen=True)
class Dimension:
    """One searched tunable: integers from ``low`` to ``high``, both included, on a logarithmic scale where ``log``."""

    name: str
    low: int
    high: int
    log: bool

    def holds(self, value: int) -> bool:
        """Whether ``value`` lies in the dimension."""
        return self.low <= value <= self.high


def dimensions(policy: Policy, ranges: Mapping[str, Range]) -> tuple[Dimension, ...]:
    """The searched tunables of ``policy`` in its order; ranges of tunables that it does not have are left out."""
    searched = ((tunable.name, ranges[tunable.name]) for tunable in policy.tunables if tunable.name in ranges)
    return tuple(Dimension(name, r.low, r.high, r.log) for name, r in searched)


def check_ranges(policies: Sequence[Policy], ranges: Mapping[str, Range]) -> None:
    """Refuse a searched name that no policy has, or a range that leaves a policy's domain.

    Raises:
        ValueError: ``name...: value; allowed: ...`` (the caller adds file and key).
    """
    domains = {name: [(p.name, t.low, t.high) for p in policies for t in p.tunables if t.name == name] for name in ranges}
    for name, found in domains.items():
        if not found:
            known = sorted({tunable.name for policy in policies for tunable in policy.tunables})
            raise ValueError(f"{name}: unknown to {', '.join(p.name for p in policies)}; allowed: {', '.join(known)}")
        for policy, low, high in found:
            for end in ("low", "high"):
                value = getattr(ranges[name], end)
                if not low <= value <= high:
                    raise ValueError(f"{name}.{end}: {value}; allowed: {low} to {high} (policy {policy})")
