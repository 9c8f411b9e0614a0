"""The search space of a study: a policy's tunables, narrowed by the sweep file, and what a kernel makes of their combinations.

Some combinations mean nothing, or the same as others. They are not asked: what a sampler proposes is moved to the nearest meaningful one
(``Space.settled``) before it is run, and the sampler is told that one.

    background < limit      with dirty_background_ratio >= dirty_ratio, or bytes for both, the kernel takes half of the limit (domain_dirty_limits(),
                            v6.12; get_dirty_limits(), v2.6.23), so that is what is asked; dirty_bytes are two pages at least
    min < low < high        in every zone; with very few pages of min they coincide
    high + reserve          at most half of RAM, or nothing else fits
    ratio or bytes          of a pair like dirty_ratio and dirty_bytes only one can be searched: writing one sets the other to 0
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sweep.config import Range, Search

if TYPE_CHECKING:
    from core import Machine, Policy

MIN: Final = "min_free_kbytes"
SCALE: Final = "watermark_scale_factor"
RESERVE: Final = "reserve_kbytes"
BACKGROUND: Final = "dirty_background_ratio"
LIMIT: Final = "dirty_ratio"
EITHER: Final = (("dirty_ratio", "dirty_bytes"), ("dirty_background_ratio", "dirty_background_bytes"))
DIRTY: Final = ((BACKGROUND, LIMIT), ("dirty_background_bytes", "dirty_bytes"))  # above background somebody writes, above the limit all wait


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


def dimensions(policy: Policy, search: Search, fixed: Mapping[str, int] | None = None) -> tuple[Dimension, ...]:
    """The searched tunables of ``policy`` in its order; ranges of tunables that it does not have, or that are ``fixed``, are left out."""
    ranges = search.params | search.eras.get(policy.era, {})
    searched = ((tunable.name, ranges[tunable.name]) for tunable in policy.tunables if tunable.name in ranges and tunable.name not in (fixed or {}))
    return tuple(Dimension(name, r.low, r.high, r.log) for name, r in searched)


def check_ranges(policies: Sequence[Policy], search: Search) -> None:
    """Refuse a searched name that no policy has, an era that none is of, or a range that leaves a policy's domain.

    Raises:
        ValueError: ``search.key: value; allowed: ...`` (the caller adds the file).
    """
    _check("params", policies, search.params, {p.name: search.eras.get(p.era, {}) for p in policies})
    for era, ranges in search.eras.items():
        those = [policy for policy in policies if policy.era == era]
        if not those:
            raise ValueError(f"search.eras.{era}: no policy of this era; allowed: {', '.join(sorted({p.era for p in policies}))}")
        _check(f"eras.{era}", those, ranges, {})
    for names in EITHER:
        if all(name in search.params or any(name in ranges for ranges in search.eras.values()) for name in names):
            raise ValueError(f"search.params.{names[1]}: together with {names[0]}; allowed: one of them, the kernel sets the other to 0")


def _check(key: str, policies: Sequence[Policy], ranges: Mapping[str, Range], instead: Mapping[str, Mapping[str, Range]]) -> None:
    domains = {name: [(p.name, t.low, t.high) for p in policies for t in p.tunables if t.name == name] for name in ranges}
    for name, found in domains.items():
        if not found:
            known = sorted({tunable.name for policy in policies for tunable in policy.tunables})
            raise ValueError(f"search.{key}.{name}: unknown to {', '.join(p.name for p in policies)}; allowed: {', '.join(known)}")
        for policy, low, high in found:
            if name in instead.get(policy, {}):
                continue
            for end in ("low", "high"):
                value = getattr(ranges[name], end)
                if not low <= value <= high:
                    raise ValueError(f"search.{key}.{name}.{end}: {value}; allowed: {low} to {high} (policy {policy})")


def crossed(values: Mapping[str, int], background: str, limit: str) -> bool:
    """Whether a background limit is not below its limit; where one of them is 0, the other of its pair holds."""
    return 0 < values.get(limit, 0) <= values.get(background, 0)


def idle_kbytes(policy: Policy, machine: Machine, values: Mapping[str, int]) -> int:
    """Memory that a setting keeps free, kB: what kswapd fills up to, the high watermarks, and the strict reserve below min.

    Args:
        policy: whose era says how watermarks are computed.
        machine: with its zones.
        values: of every tunable.
    """
    from core.units import KIB_PER_PAGE

    return sum(mark.high for mark in _marks(policy, machine, values)) * KIB_PER_PAGE + values.get(RESERVE, 0)


def _marks(policy: Policy, machine: Machine, values: Mapping[str, int]) -> tuple[Marks, ...]:
    from core.watermark import setup_watermarks

    zones = [pages * machine.page_scale for node in machine.node_zones for pages in node]
    return setup_watermarks(zones, values[MIN], values.get(SCALE, 0), policy.mechanics)


if TYPE_CHECKING:
    from core.watermark import Marks


class Space:
    """The dimensions of a study on its machine."""

    def __init__(self, policy: Policy, machine: Machine, dims: Sequence[Dimension], fixed: Mapping[str, int] | None = None) -> None:
        """``dims``: of the study; the other tunables have their defaults, but for those that are ``fixed``."""
        self.dimensions = tuple(dims)
        self._policy, self._machine = policy, machine
        self._by_name = {dimension.name: dimension for dimension in dims}
        self._defaults = policy.resolve(machine, fixed or {})
        self._most_kbytes = machine.ram_mib * 1024 // 2

    def problem(self, params: Mapping[str, int]) -> str:
        """Which relation does not hold, as ``search.params.name: value; allowed: ...``; empty if all do."""
        from core.pairs import written

        values = written(self._defaults, params)
        for background, limit in DIRTY:
            if any(name in self._by_name for name in (background, limit)) and crossed(values, background, limit):
                return f"search.params.{background}: {values[background]}; allowed: below {limit} = {values[limit]}"
        if any(name in self._by_name for name in (MIN, SCALE, RESERVE)):
            if self._is_flat(values):
                return f"search.params.{MIN}: {values[MIN]}; allowed: values that make min < low < high in every zone"
            if idle_kbytes(self._policy, self._machine, values) > self._most_kbytes:
                name = next(name for name in (SCALE, RESERVE, MIN) if name in self._by_name)
                return f"search.params.{name}: {values[name]}; allowed: high watermarks and reserve of at most half of RAM, {self._most_kbytes} kB"
        return ""

    def settled(self, params: Mapping[str, int]) -> dict[str, int]:
        """The nearest params in which the relations hold; the same params if they do already."""
        found = dict(params)
        for background, limit in DIRTY:
            self._settle_dirty(found, background, limit)
        self._settle_watermarks(found)
        return found

    def _settle_dirty(self, found: dict[str, int], background: str, limit: str) -> None:
        from core.pairs import DIRTY_BYTES_MIN, written

        if 0 < found.get("dirty_bytes", 0) < DIRTY_BYTES_MIN:
            found["dirty_bytes"] = DIRTY_BYTES_MIN
        values = written(self._defaults, found)
        if not crossed(values, background, limit):
            return
        if background in found:
            low = self._by_name[background].low
            found[background] = max(min(values[limit] // 2, self._by_name[background].high), low)
            values |= found
        if limit in found and crossed(values, background, limit):
            found[limit] = min(max(values[background] + 1, self._by_name[limit].low), self._by_name[limit].high)

    def _settle_watermarks(self, found: dict[str, int]) -> None:
        if MIN in found and self._is_flat(self._defaults | found):
            self._move(found, MIN, lambda values: not self._is_flat(values), up=True)
        for name in (SCALE, RESERVE, MIN):
            if name in found and not self._fits(self._defaults | found):
                self._move(found, name, self._fits, up=False)

    def _fits(self, values: Mapping[str, int]) -> bool:
        return idle_kbytes(self._policy, self._machine, values) <= self._most_kbytes

    def _is_flat(self, values: Mapping[str, int]) -> bool:
        return any(not mark.min < mark.low < mark.high for mark in _marks(self._policy, self._machine, values))

    def _move(self, found: dict[str, int], name: str, holds: Callable[[Mapping[str, int]], bool], *, up: bool) -> None:
        """Move one value as little as needed; to the end of its range if that is not enough. Both relations are monotone in it."""
        dimension = self._by_name[name]
        near, far = found[name], dimension.high if up else dimension.low
        if not holds(self._defaults | found | {name: far}):
            found[name] = far
            return
        while abs(far - near) > 1:
            middle = (near + far) // 2
            near, far = (near, middle) if holds(self._defaults | found | {name: middle}) else (middle, far)
        found[name] = far
