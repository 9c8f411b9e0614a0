"""Fidelity: the simulator, run afresh, against what the kernel did; errors, ranks and verdicts."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from core.units import SECOND
from lab.cache import LabError
from lab.campaign import RESULTS, load_campaign, points, results_of
from lab.point import Point, run_simulator
from lab.results import Row, load

Metrics = Mapping[str, int]
Reading = Callable[[Metrics], float]


def _sum(*names: str, without: str = "") -> Reading:
    return lambda metrics: float(sum(metrics[name] for name in names) - metrics.get(without, 0))


# What is compared, and below which count both sides are the same: a handful of pages says nothing.
COMPARED: Final[Mapping[str, tuple[Reading, float]]] = {
    "operations done": (_sum("ops_done"), 100),
    # Pages of zones that a reclaimer was not sent for count as scanned in 6.1, though they are passed over (isolate_lru_folios(): pgskip_*).
    "scanned": (_sum("pgscan_kswapd", "pgscan_direct", without="pgskip"), 500),
    "scanned by kswapd": (_sum("pgscan_kswapd", without="pgskip"), 500),
    "scanned directly": (_sum("pgscan_direct"), 500),
    "stolen": (_sum("pgsteal_kswapd", "pgsteal_direct"), 500),
    "stolen by kswapd": (_sum("pgsteal_kswapd"), 500),
    "stolen directly": (_sum("pgsteal_direct"), 500),
    "written": (_sum("nr_written"), 500),
    "swapped out": (_sum("pswpout"), 500),
    "swapped in": (_sum("pswpin"), 500),
    "refaults": (_sum("workingset_refault_anon", "workingset_refault_file"), 500),
    "allocation stalls": (_sum("allocstall"), 20),
    "dirty pages at the end": (_sum("nr_dirty"), 200),
    "lowest free memory": (_sum("nr_free_min_seen"), 50),
}


# Workloads with figures of their own: what they are for shows in few points, and in the median of all points not at all.
FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {"writebytes128": ("operations done", "written", "dirty pages at the end")}


@dataclass(frozen=True)
class Compared:
    """One point on both sides.

    Attributes:
        row: what the guest did.
        simulated: what the simulator did, under the same names.
    """

    row: Row
    simulated: dict[str, int]

    @property
    def sim_failed(self) -> bool:
        """A task was killed, or nothing moved any more, in the simulator."""
        return self.simulated["oom_kills"] > 0 or self.simulated["deadlock"] > 0

    @property
    def throughputs(self) -> tuple[float, float]:
        """Operations per second of the guest and of the simulator."""
        guest, sim = self.row.metrics, self.simulated
        return guest["ops_done"] * SECOND / max(guest["elapsed_ns"], 1), sim["ops_done"] * SECOND / max(sim["elapsed_ns"], 1)

    def error(self, name: str) -> float | None:
        """(simulator - kernel) / kernel of a compared metric; None where both are next to nothing."""
        reading, least = COMPARED[name]
        guest, sim = reading(self.row.metrics), reading(self.simulated)
        if guest < least and sim < least:
            return None
        return (sim - guest) / max(guest, least)


@dataclass(frozen=True)
class Fidelity:
    """The judgement over all points of a campaign.

    Attributes:
        campaign: its name.
        title: as its file has it.
        compared: the points, in its order.
        missing: points of the campaign that have no result.
    """

    campaign: str
    compared: tuple[Compared, ...]
    missing: int
    title: str = ""

    def errors(self, name: str) -> list[float]:
        """Relative errors of a metric where it is defined."""
        return [error for each in self.compared if (error := each.error(name)) is not None]

    def median_error(self, name: str) -> float:
        """Median of the absolute relative errors; 0 if none is defined."""
        return statistics.median([abs(error) for error in self.errors(name)] or [0.0])

    @property
    def spearman(self) -> float:
        """Rank correlation of throughput over all points."""
        return rank_correlation([each.throughputs for each in self.compared])

    @property
    def spearman_within(self) -> dict[str, float]:
        """The same within each workload."""
        families: dict[str, list[tuple[float, float]]] = {}
        for each in self.compared:
            families.setdefault(each.row.family, []).append(each.throughputs)
        return {family: rank_correlation(pairs) for family, pairs in families.items() if len(pairs) > 2}

    @property
    def confusion(self) -> dict[tuple[bool, bool], int]:
        """Points by (failed in the kernel, failed in the simulator)."""
        found = dict.fromkeys(((a, b) for a in (False, True) for b in (False, True)), 0)
        for each in self.compared:
            found[each.row.failed, each.sim_failed] += 1
        return found

    @property
    def oom_right(self) -> float:
        """Share of the points with the right verdict."""
        confusion = self.confusion
        return (confusion[True, True] + confusion[False, False]) / max(len(self.compared), 1)

    @property
    def oom_times(self) -> list[tuple[str, float, float]]:
        """Point, and time of the first kill on both sides, s, where both killed."""
        name = "time_to_first_oom_ns"
        both = [each for each in self.compared if each.row.metrics[name] > 0 and each.simulated[name] > 0]
        return [(each.row.point, each.row.metrics[name] / SECOND, each.simulated[name] / SECOND) for each in both]

    def worst(self, count: int) -> list[Compared]:
        """The points whose operations are furthest off, by ratio."""

        def off(each: Compared) -> float:
            return abs(math.log(max(each.simulated["ops_done"], 1) / max(each.row.metrics["ops_done"], 1)))

        return sorted(self.compared, key=off, reverse=True)[:count]

    @property
    def figures(self) -> dict[str, float]:
        """All that bars are set for; errors: lower is better, the others: higher."""
        within = list(self.spearman_within.values())
        found = {f"median error: {name}": self.median_error(name) for name in COMPARED}
        for family in FAMILIES:
            one = replace(self, compared=tuple(each for each in self.compared if each.row.family == family))
            found |= {f"median error: {name} of {family}": one.median_error(name) for name in FAMILIES[family] if one.errors(name)}
        found["rank correlation, all points"] = self.spearman
        found["rank correlation within workloads, median"] = statistics.median(within) if within else 0.0
        found["right OOM verdicts"] = self.oom_right
        return found


def judge(path: Path, report: Callable[[int, int], None] = lambda done, total: None, folder: Path = RESULTS) -> Fidelity:
    """Run the simulator over the results of a campaign.

    Raises:
        LabError: there are no results, or they are of other points.
    """
    campaign = load_campaign(path)
    rows = load(results_of(campaign, folder))
    todo = list(points(campaign, path))
    found = []
    for done, point in enumerate(todo):
        report(done, len(todo))
        if point.name in rows:
            found.append(compare(point, rows[point.name]))
    if not found:
        raise LabError(f"{results_of(campaign, folder)}: no results; run `highwater lab campaign {campaign.name}`")
    return Fidelity(campaign.name, tuple(found), len(todo) - len(found), campaign.title)


def compare(point: Point, row: Row) -> Compared:
    """One point.

    Raises:
        LabError: the row is of another machine, workload or setting.
    """
    if row.config != point.config_hash:
        raise LabError(f"lab: results of point {row.point} are of another machine, workload or setting; run its campaign again")
    return Compared(row, run_simulator(point, row.start_free).asdict())


def rank_correlation(pairs: Sequence[tuple[float, float]]) -> float:
    """Spearman's, ties at their mean rank; 0 if a side is constant."""
    first, second = _ranks([a for a, _ in pairs]), _ranks([b for _, b in pairs])
    if len(set(first)) < 2 or len(set(second)) < 2:
        return 0.0
    return statistics.correlation(first, second)


def _ranks(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    return [ordered.index(value) + (ordered.count(value) - 1) / 2 for value in values]


def broken(figures: Mapping[str, float], bars: Mapping[str, float]) -> Iterator[str]:
    """What is worse than its bar, in words."""
    for name, bar in bars.items():
        value = figures[name]
        if value > bar if name.startswith("median error") else value < bar:
            yield f"{name}: {value:.3f}; bar: {bar:.3f}"
