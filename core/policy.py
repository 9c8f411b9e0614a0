"""What a reclaim policy is: one file that decides at fixed points (decisions.py), and the tunables it can be searched over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from core.decisions import ARGUMENTS, Decisions
from core.era import ERAS
from core.jit import pointer
from core.machine import Machine
from core.pairs import BYTES, zero_the_other
from core.units import KIB_PER_PAGE
from core.watermark import ERA_2_6_23, default_min_free_kbytes, recommended_min_free_kbytes


@dataclass(frozen=True)
class Tunable:
    """One integer that can be set.

    Attributes:
        name: the kernel's name if it has one.
        low, high: valid range, inclusive.
        default: the kernel's, or None if the kernel computes it from the machine.
        unit: "kB", "%", "pages" ...
        log: search on a logarithmic scale.
        summary: one line.
        sysctl: it can be written to /proc/sys/vm.
    """

    name: str
    low: int
    high: int
    default: int | None
    unit: str
    summary: str
    log: bool = False
    sysctl: bool = False


MIN_FREE: Final = Tunable("min_free_kbytes", 128, 1 << 30, None, "kB", "reserve below which ordinary allocations reclaim themselves", True, True)
RESERVE: Final = Tunable("reserve_kbytes", 0, 1 << 30, 0, "kB", "further reserve that only PF_MEMALLOC may enter (P. Zijlstra, 6 Aug 2007)")
WRITEOUT_CAP: Final = Tunable("writeout_cap_pages", 0, 1 << 24, 0, "pages", "most that writes in flight may hold; 0: any (D. Phillips, 5 Sep 2007)")
SWAPPINESS_2_6_23: Final = Tunable("swappiness", 0, 100, 60, "", "how readily mapped pages are deactivated", False, True)
SWAPPINESS: Final = Tunable("swappiness", 0, 200, 60, "", "relative cost of file against anonymous reclaim", False, True)
BOOST_FACTOR: Final = Tunable("watermark_boost_factor", 0, 150_000, 15_000, "1/10000 of high", "most that fragmentation adds to the watermarks", False, True)
SCALE_FACTOR: Final = Tunable("watermark_scale_factor", 1, 3000, 10, "1/10000 of a zone", "distance between the watermarks", True, True)

MOST_BYTES: Final = 1 << 40
DIRTY_BYTES: Final = Tunable("dirty_bytes", 0, MOST_BYTES, 0, "bytes", "dirty_ratio in bytes; 0: the ratio holds", False, True)
BACKGROUND_BYTES: Final = Tunable("dirty_background_bytes", 0, MOST_BYTES, 0, "bytes", "dirty_background_ratio in bytes; 0: the ratio holds", False, True)
CLUSTER: Final = Tunable("page_cluster", 0, 8, None, "log2 pages", "most that a swap-in reads at once", False, True)

PAGE_CLUSTER: Final = 3  # mm/swap.c:swap_setup()
PAGE_CLUSTER_OF_SMALL: Final = 2
SMALL_MIB: Final = 16  # of RAM
LRUS: Final = ("classic", "mglru")  # at the places of mmzone.CLASSIC and mmzone.MGLRU
SIZES: Final = (MIN_FREE.name, RESERVE.name)


def vm_tunables(era: int) -> tuple[Tunable, ...]:
    """The sysctls of an era, the strict reserve and the bound on writeout."""
    background, limit = (5, 10) if era == ERA_2_6_23 else (10, 20)
    common = (
        MIN_FREE,
        Tunable("dirty_background_ratio", 1, 99, background, "% of dirtyable memory", "the flusher writes above this", False, True),
        Tunable("dirty_ratio", 2, 100, limit, "% of dirtyable memory", "who dirties above this is throttled", False, True),
        RESERVE,
        WRITEOUT_CAP,
        CLUSTER,
    )
    if era == ERA_2_6_23:
        return (*common, SWAPPINESS_2_6_23)
    return (*common, SWAPPINESS, SCALE_FACTOR, BOOST_FACTOR, BACKGROUND_BYTES, DIRTY_BYTES)


@dataclass(frozen=True)
class Policy:
    """A reclaim policy.

    Attributes:
        name: its file's name.
        title: a few words.
        source: mail or kernel function and version.
        era: the mechanics around the decisions, a name of ``era.ERAS``.
        decides: decision functions by name (decisions.py); what is left out, its era decides.
        own: tunables of its own.
        lru: "classic" (active and inactive lists) or, in eras from 6.1 on, "mglru" (generations).
        version: of the kernel that it is, 100 times major plus minor, if not its era's; mechanics that came or went between two eras go by it.
        defaults: defaults of the common tunables where they are not the kernel's; a size is cut to a quarter of RAM where that is less.

    Raises:
        ValueError: an era, a decision or a common tunable that does not exist, naming what is allowed.
    """

    name: str
    title: str
    source: str
    era: str
    decides: Mapping[str, Callable[..., int]] = field(default_factory=dict)
    own: tuple[Tunable, ...] = ()
    defaults: Mapping[str, int] = field(default_factory=dict)
    lru: str = "classic"
    version: int = 0

    def __post_init__(self) -> None:
        if self.era not in ERAS:
            raise ValueError(f"policy {self.name}: era {self.era!r}; allowed: {', '.join(ERAS)}")
        for decision in self.decides:
            if decision not in ARGUMENTS:
                raise ValueError(f"policy {self.name}: decides {decision!r}; allowed: {', '.join(ARGUMENTS)}")
        allowed = ("classic",) if self.mechanics == ERA_2_6_23 else LRUS
        if self.lru not in allowed:
            raise ValueError(f"policy {self.name}: lru {self.lru!r}; allowed: {', '.join(allowed)}")
        common = {t.name: t for t in vm_tunables(self.mechanics)}
        for name, value in self.defaults.items():
            if name not in common:
                raise ValueError(f"policy {self.name}: defaults.{name}: unknown tunable; allowed: {', '.join(common)}")
            if not common[name].low <= value <= common[name].high:
                raise ValueError(f"policy {self.name}: defaults.{name}: {value}; allowed: {common[name].low} to {common[name].high}")

    @property
    def mechanics(self) -> int:
        """ERA_2_6_23 or ERA_6_12."""
        return ERAS[self.era].mechanics

    @property
    def kernel_version(self) -> int:
        """100 times major plus minor."""
        return self.version or ERAS[self.era].version

    @property
    def tunables(self) -> tuple[Tunable, ...]:
        """All that can be set: sysctls of the era, then the policy's own."""
        common = (replace(t, default=self.defaults.get(t.name, t.default)) for t in vm_tunables(self.mechanics))
        return (*common, *self.own)

    def resolve(self, machine: Machine, params: Mapping[str, int]) -> dict[str, int]:
        """Every tunable's value: from ``params``, else the kernel's default.

        Raises:
            ValueError: an unknown name, a value out of range or both of a pair (core/pairs.py), naming them and what is allowed.
        """
        known = {t.name: t for t in self.tunables}
        for name in params:
            if name not in known:
                raise ValueError(f"params.{name}: unknown tunable of policy {self.name}; allowed: {', '.join(known)}")
        values = {name: int(params.get(name, self._default(t, machine))) for name, t in known.items()}
        for name, value in values.items():
            low, high = known[name].low, known[name].high
            gives_way = value == 0 and any(values.get(in_bytes) for in_bytes, ratio in BYTES.items() if ratio == name)
            if not low <= value <= high and not gives_way:
                raise ValueError(f"params.{name}: {value}; allowed: {low} to {high}")
        most = machine.real_pages * KIB_PER_PAGE // 2
        for name in SIZES:
            if values[name] > most:
                raise ValueError(f"params.{name}: {values[name]}; allowed: at most half of RAM, {most}")
        return zero_the_other(values, params)

    def _default(self, tunable: Tunable, machine: Machine) -> int:
        if tunable.name in self.defaults and tunable.name in SIZES:
            return min(self.defaults[tunable.name], machine.real_pages * KIB_PER_PAGE // 4)
        if tunable.default is not None:
            return tunable.default
        if tunable.name == CLUSTER.name:
            return PAGE_CLUSTER_OF_SMALL if machine.ram_mib < SMALL_MIB else PAGE_CLUSTER
        default = default_min_free_kbytes(machine.real_pages, self.mechanics)
        if machine.thp and self.mechanics != ERA_2_6_23:
            default = max(default, recommended_min_free_kbytes([pages * machine.page_scale for node in machine.node_zones for pages in node]))
        return default

    def decisions(self) -> Decisions:
        """The decision functions as the engine takes them."""
        functions = {**ERAS[self.era].decisions, **self.decides}
        return Decisions(**{name: pointer(functions[name], len(arguments)) for name, arguments in ARGUMENTS.items()})
