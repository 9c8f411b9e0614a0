"""Direct reclaim: do_try_to_free_pages(), shrink_zones(), v6.12."""

from __future__ import annotations

from typing import Any, Final

from core.jit import inlined, jit
from core.reclaim import (
    DEF_PRIORITY,
    SWAP_CLUSTER_MAX,
)
from core.sched import (
    pop,
)
from core.vmscan_612.node import enter_shrink_node, snapshot_refaults

START: Final = 0
SHRUNK: Final = 1


@inlined
def node_at(m: Any, a: int, place: int) -> int:
    """Node at ``place`` of the actor's zonelist: its home, then the others in the order of frames.zone_at()."""
    n = m.actors[a].node - place
    return int(n if n >= 0 else n + len(m.nodes))


@jit
def step(m: Any, a: int, f: Any) -> int:
    """Returns the pages reclaimed; 0 is no progress."""
    if f.phase == START:
        f.priority = DEF_PRIORITY
        f.may_writepage = 0 if f.recursion else 1
        f.may_swap = 0 if f.recursion else 1
        f.nr_to_reclaim = SWAP_CLUSTER_MAX
        f.force_deactivate = 0
        f.skipped_deactivate = 0
        f.phase = SHRUNK
        f.count = 0
        return enter_shrink_node(m, a, node_at(m, a, 0))
    f.nr_reclaimed += f.ret
    f.count += 1
    if f.count < len(m.nodes):
        return enter_shrink_node(m, a, node_at(m, a, f.count))
    if f.nr_reclaimed >= f.nr_to_reclaim:
        return direct_done(m, a, f)
    f.priority -= 1
    if f.priority < 0:
        if f.nr_reclaimed == 0 and f.skipped_deactivate and not f.force_deactivate:
            f.priority = DEF_PRIORITY
            f.force_deactivate = 1
            f.skipped_deactivate = 0
        else:
            return direct_done(m, a, f)
    f.count = 0
    return enter_shrink_node(m, a, node_at(m, a, 0))


@jit
def direct_done(m: Any, a: int, f: Any) -> int:
    """snapshot_refaults(), and the congestion mark is cleared."""
    for n in range(len(m.nodes)):
        snapshot_refaults(m.nodes[n])
        m.nodes[n].congested = 0
    return pop(m, a, f.nr_reclaimed)
