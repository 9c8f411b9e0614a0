"""Kernel threads beyond one kswapd a node and the flusher, which a policy asks for by having the tunable that sizes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core import gfp
from core.actor import DEPTH
from core.sched import KSWAPD_612, KSWAPD_2623, LAUNDRY_THREAD
from core.state import Memory
from core.units import KIB_PER_PAGE, in_scale
from core.watermark import ERA_2_6_23

CLASSES: Final = (gfp.KERNEL, gfp.NOFS, gfp.NOIO)  # what the first, second and third kswapd of a CPU may do


def more_kswapds(values: Mapping[str, int], cpus: int, nodes: int) -> int:
    """kswapds beyond one a node: ``kswapds_per_cpu`` in all, none without it."""
    return max(values.get("kswapds_per_cpu", 0) * cpus - nodes, 0)


def count(values: Mapping[str, int], cpus: int, nodes: int) -> int:
    """How many threads more."""
    return more_kswapds(values, cpus, nodes) + int("background_launder_rate" in values)


def start(memory: Memory, values: Mapping[str, int], cpus: int) -> None:
    """Set up the last actors: kswapds like those there are, and the laundry thread."""
    vm = memory.vm[0]
    nodes = len(memory.nodes)
    actors = len(memory.actors)
    vm.nr_more_kswapds = more_kswapds(values, cpus, nodes)
    vm.more_kswapds = actors - count(values, cpus, nodes)
    for i in range(int(vm.nr_more_kswapds)):
        a = int(vm.more_kswapds) + i
        memory.actors[a].memalloc = 1
        memory.actors[a].is_kswapd = 1
        memory.actors[a].node = i % nodes
        frame = memory.frames[a * DEPTH]
        frame.proc = KSWAPD_2623 if vm.era == ERA_2_6_23 else KSWAPD_612
        frame.gfp = CLASSES[(i // nodes + 1) % values["kswapds_per_cpu"] % len(CLASSES)]
    vm.launderd = -1
    if "background_launder_rate" in values:
        vm.launderd = actors - 1
        scale = int(vm.page_scale)
        vm.launder_rate = max(in_scale(values["background_launder_rate"] // KIB_PER_PAGE // 10, scale), 1)
        vm.launder_max = in_scale(values["background_launder_max"] // KIB_PER_PAGE, scale)
        memory.actors[actors - 1].memalloc = 1
        memory.frames[(actors - 1) * DEPTH].proc = LAUNDRY_THREAD
