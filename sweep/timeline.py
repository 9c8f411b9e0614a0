"""A run's time line: the same run in slices, looked at between them.

The engine stops at its horizon before it does anything else, so a run whose horizon is moved on step by step is the same run; the digest of its
outcome proves it each time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core import Machine, Outcome, Policy, Streams, engine, sched, simulator
from core.actor import DEPTH
from core.outcome import END_HORIZON

LEVELS: Final = ("nr_dirty", "nr_writeback", "nr_laundry", "swap_free")  # of vm, pages
HELD: Final = ("nr_io_held", "nr_prealloc")  # of vm, kernel pages that writes hold
DIRECT: Final = (sched.DIRECT_2623, sched.DIRECT_612)
COUNTERS: Final = ("stall_ns_total", "nr_stalls", "oom_kill", "pgscan_direct", "pswpout", "ops_done", "reserve_used")  # of vm, ever growing


@dataclass(frozen=True)
class Timeline:
    """What a run looked like at each moment.

    Attributes:
        outcome: of the run.
        seconds: the moments.
        columns: nr_free, LEVELS, COUNTERS, below_min (pages of the reserve in use: how far the zones are below their min marks), held (kernel
            pages that writes hold) and in_direct_reclaim (tasks); pages, nanoseconds or counts.
        watermarks: min, low and high, all zones, pages.
        tasks: how many there are.
        swap_slots: of all devices, pages.
    """

    outcome: Outcome
    seconds: NDArray[np.float64]
    columns: dict[str, NDArray[np.int64]]
    watermarks: dict[str, int]
    tasks: int
    swap_slots: int

    @property
    def fatal(self) -> int | None:
        """The last moment before the first kill; None if nobody was killed."""
        killed = self.columns["oom_kill"].nonzero()[0]
        return max(int(killed[0]) - 1, 0) if len(killed) else None


def timeline(
    machine: Machine, policy: Policy, params: Mapping[str, int], streams: Streams, moments: int = 400, until_ns: int = 0, also: Sequence[int] = ()
) -> Timeline:
    """Run it and look at it between its slices.

    Args:
        machine, policy, params, streams: those of ``simulate``.
        moments: how often to look, evenly spaced.
        until_ns: when the run is known to end, so that the moments lie before that; 0: not known.
        also: further moments, ns, such as the one before somebody is killed.
    """
    memory, boot_pages = simulator.booted(machine, policy, params, streams)
    vm = memory.vm[0]
    decisions = policy.decisions()
    rows: list[dict[str, int]] = []
    scale = machine.page_scale
    last = min(until_ns or streams.horizon_ns, streams.horizon_ns)
    stops = {last * moment // moments for moment in range(1, moments + 1)} | {moment for moment in also if 0 < moment < last}
    for stop in sorted(stops | {streams.horizon_ns}):
        vm.horizon_ns = stop
        vm.ended = 0 if vm.ended == END_HORIZON else vm.ended
        if vm.ended == 0:
            engine.run(memory, decisions, boot_pages)
            rows.append(_look(memory, scale))
    vm.horizon_ns = streams.horizon_ns
    marks = {name: scale * sum(int(zone[f"wmark_{name}"]) for zone in memory.zones) for name in ("min", "low", "high")}
    columns = {name: np.array([row[name] for row in rows], np.int64) for name in rows[0]}
    return Timeline(simulator._outcome(memory), columns.pop("now") / 1e9, columns, marks, int(vm.n_tasks), scale * int(vm.swap_slots))


def _look(memory: Any, scale: int) -> dict[str, int]:
    vm = memory.vm[0]
    found = {"now": int(vm.horizon_ns if vm.ended == END_HORIZON else vm.now), "nr_free": scale * sum(int(zone.nr_free) for zone in memory.zones)}
    found |= {name: scale * int(vm[name]) for name in LEVELS}
    found |= {name: int(vm[name]) for name in COUNTERS}
    found["below_min"] = scale * sum(max(int(zone.wmark_min) - int(zone.nr_free), 0) for zone in memory.zones)
    found["held"] = scale * sum(int(vm[name]) for name in HELD)
    return found | {"in_direct_reclaim": sum(_is_in_direct_reclaim(memory, a) for a in range(int(vm.n_tasks)))}


def _is_in_direct_reclaim(memory: Any, a: int) -> bool:
    """Whether task ``a`` is in try_to_free_pages(), however deep below it."""
    actor = memory.actors[a]
    frames = memory.frames[a * DEPTH : a * DEPTH + int(actor.depth) + 1]
    return not actor.dead and any(int(proc) in DIRECT for proc in frames["proc"])
