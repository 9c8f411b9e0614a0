"""Rule: how the recommended value of a key follows from RAM and devices, over the machines of a sweep that has such an axis; or that it does not.

Each machine (a tier) gets its own recommendation with its safe region. A key has no need of a rule where one value is safe in every tier that sets it. Else a
power of RAM is fitted to the middles of the safe regions, on a logarithmic scale, and stated where the interval of the exponent is clear of 0.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import special

from sweep.candidates import Candidates
from sweep.devices import class_of
from sweep.errors import ConfigError

if TYPE_CHECKING:
    from sweep.advise import Wish
    from sweep.recommendation import Recommendation
    from sweep.results import Results
    from sweep.retest import Bench

MIN_TIERS: Final = 3  # fewer give no interval of an exponent
SURE: Final = 0.95
BASE_MIB: Final = 1024


@dataclass(frozen=True)
class Tier:
    """A machine of the sweep."""

    ram_mib: int
    devices: str

    def __str__(self) -> str:
        return f"{self.ram_mib} MiB, {self.devices}"


@dataclass(frozen=True)
class Safe:
    """The safe region of a key in a tier, and what was recommended."""

    tier: Tier
    low: int
    value: int
    high: int

    @property
    def middle(self) -> float:
        """Of the region, on a logarithmic scale."""
        return 0.5 * (math.log(max(self.low, 1)) + math.log(max(self.high, 1)))

    def holds(self, value: float) -> bool:
        """Is the value safe there?"""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Fit:
    """value = factor * (RAM / 1 GiB) ** exponent, with the interval of the exponent."""

    factor: float
    exponent: float
    low: float
    high: float

    def at(self, ram_mib: int) -> float:
        """The value on a machine of that size."""
        return float(self.factor * (ram_mib / BASE_MIB) ** self.exponent)


def rules(results: Results, wish: Wish, shared: Bench) -> Iterator[str]:
    """Lines, all of them comments of a sysctl.d file.

    Raises:
        ConfigError: the sweep has one machine only.
    """
    from sweep.advise import answer
    from sweep.recommend import POLICY

    tiers = tiers_of(results, wish.policy or POLICY, wish.cells)
    if len(tiers) == 1:
        raise ConfigError(f"--rule: sweep {results.name}: all cells are of one machine; allowed: a sweep with an axis of RAM or devices")
    found: dict[Tier, Recommendation] = {}
    for tier, cells in tiers.items():
        found[tier] = answer(results, replace(wish, cells=cells, has_region=True, has_published=False), shared)
    yield f"# Rule over {len(tiers)} machines of sweep {results.name}, policy {wish.policy or POLICY}, OOM bound {100 * wish.bound:.3g} %"
    for tier, one in found.items():
        yield f"# {tier}: " + (f"keep the default: {one.reason}" if one.keep_default else "; ".join(reach.text for reach in one.region))
    regions: dict[str, list[Safe]] = defaultdict(list)
    for tier, one in found.items():
        for reach in one.region:
            regions[reach.name].append(Safe(tier, reach.low, reach.value, reach.high))
    for name, safes in sorted(regions.items()):
        yield f"# vm.{name}: {statement(safes)} ({len(safes)} of {len(tiers)} machines set it)"
    if not regions:
        yield "# no rule: no machine of the sweep is better off than with the kernel's defaults"


def tiers_of(results: Results, policy: str, cells: Sequence[int | str] | None) -> dict[Tier, list[int | str]]:
    """The cells of each machine, by RAM and class of the devices; smallest first."""
    candidates = Candidates(results, policy)
    labels = results.cells["label"].to_dict()
    wanted = {str(cell) for cell in cells} if cells else None
    found: dict[Tier, list[int | str]] = defaultdict(list)
    for cell in sorted(int(str(index)) for index in results.cells.index):
        if wanted is None or {str(cell), str(labels[cell])} & wanted:
            machine = candidates.machine(cell)
            swap = class_of(machine.swap) if machine.swap_mib else "none"
            found[Tier(machine.ram_mib, f"files on {class_of(machine.file)}, swap {swap}")].append(cell)
    return dict(sorted(found.items(), key=lambda item: (item[0].ram_mib, item[0].devices)))


def statement(safes: Sequence[Safe]) -> str:
    """What the safe regions of a key say, in words."""
    low, high = max(safe.low for safe in safes), min(safe.high for safe in safes)
    if len(safes) == 1:
        return f"no rule: one machine alone sets it, {safes[0].value} on {safes[0].tier}"
    if low <= high:
        return f"no rule is needed: {low} to {high} is safe on all of them"
    by_devices = _split(safes, "devices")
    if by_devices:
        return f"it depends on the devices: {by_devices}"
    fit = fitted(safes)
    if fit is None:
        return f"no rule: the safe regions do not meet, and fewer than {MIN_TIERS} sizes of RAM show no trend"
    shown = f"exponent {fit.exponent:.2f} [{fit.low:.2f}, {fit.high:.2f}]"
    if fit.low <= 0 <= fit.high:
        return f"no rule: the safe regions do not meet and have no trend with RAM ({shown})"
    inside = sum(safe.holds(round(fit.at(safe.tier.ram_mib))) for safe in safes)
    return f"= {fit.factor:.3g} x (RAM / 1 GiB)^{fit.exponent:.2f}, {shown}; inside {inside} of {len(safes)} safe regions"


def _split(safes: Sequence[Safe], by: str) -> str:
    """Ranges by the class of devices, if each class has one that is safe on all its machines; else empty."""
    groups: dict[str, list[Safe]] = defaultdict(list)
    for safe in safes:
        groups[getattr(safe.tier, by)].append(safe)
    ranges = {key: (max(s.low for s in group), min(s.high for s in group)) for key, group in groups.items()}
    if len(groups) < 2 or any(low > high for low, high in ranges.values()):
        return ""
    alone = {key: " (one machine alone)" if len(group) == 1 else "" for key, group in groups.items()}
    return "; ".join(f"{low} to {high} with {key}{alone[key]}" for key, (low, high) in sorted(ranges.items()))


def fitted(safes: Sequence[Safe]) -> Fit | None:
    """The power of RAM that fits best, least squares on logarithms; None with fewer than MIN_TIERS sizes of RAM."""
    if len({safe.tier.ram_mib for safe in safes}) < MIN_TIERS:
        return None
    x = np.array([math.log(safe.tier.ram_mib / BASE_MIB) for safe in safes])
    y = np.array([safe.middle for safe in safes])
    spread = float(((x - x.mean()) ** 2).sum())
    exponent = float(((x - x.mean()) * (y - y.mean())).sum()) / spread
    origin = float(y.mean() - exponent * x.mean())
    free = len(safes) - 2
    error = math.sqrt(float(((y - origin - exponent * x) ** 2).sum()) / free / spread)
    half = float(special.stdtrit(free, 0.5 + SURE / 2)) * error
    return Fit(math.exp(origin), exponent, exponent - half, exponent + half)
