"""Kernel threads beyond one kswapd and the flusher, which some policies ask for by a tunable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core import gfp
from core.sched import LAUNDRY_THREAD
from core.state import DEPTH, Memory
from core.units import KIB_PER_PAGE

CLASSES: Final = (gfp.KERNEL, gfp.NOFS, gfp.NOIO)  # what the first, second and third kswapd of a CPU may do


def kswapds(values: Mapping[str, int], cpus: int) -> int:
    """kswapds of the machine: one, or ``kswapds_per_cpu`` for each CPU."""
    return max(values.get("kswapds_per_cpu", 0) * cpus, 1)


def count(values: Mapping[str, int], cpus: int) -> int:
    """How many threads more."""
    return kswapds(values, cpus) - 1 + int("background_launder_rate" in values)


def start(memory: Memory, values: Mapping[str, int], cpus: int, kswapd: Any) -> None:
    """Set up the last actors: kswapds like the one whose frame is ``kswapd``, and the laundry thread."""
    vm = memory.vm[0]
    actors = len(memory.actors)
    vm.nr_more_kswapds = kswapds(values, cpus) - 1
    vm.more_kswapds = actors - count(values, cpus)
    for i in range(vm.nr_more_kswapds):
        a = int(vm.more_kswapds) + i
        memory.actors[a].memalloc = 1
        memory.actors[a].is_kswapd = 1
        frame = memory.frames[a * DEPTH]
        frame.proc = kswapd.proc
        frame.gfp = CLASSES[(i + 1) % values["kswapds_per_cpu"] % len(CLASSES)]
    vm.launderd = -1
    if "background_launder_rate" in values:
        vm.launderd = actors - 1
        vm.launder_rate = max(values["background_launder_rate"] // KIB_PER_PAGE // 10, 1)
        vm.launder_max = values["background_launder_max"] // KIB_PER_PAGE
        memory.actors[actors - 1].memalloc = 1
        memory.frames[(actors - 1) * DEPTH].proc = LAUNDRY_THREAD
