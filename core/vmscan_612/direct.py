"""Direct reclaim: do_try_to_free_pages(), v6.12."""

from __future__ import annotations

from typing import Any, Final

from core.jit import jit
from core.reclaim import (
    DEF_PRIORITY,
    SWAP_CLUSTER_MAX,
)
from core.sched import (
    pop,
)
from core.vmscan_612.node import enter_shrink_node

START: Final = 0
SHRUNK: Final = 1


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
        return enter_shrink_node(m, a)
    f.nr_reclaimed += f.ret
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
    return enter_shrink_node(m, a)


@jit
def direct_done(m: Any, a: int, f: Any) -> int:
    """snapshot_refaults(), and the congestion mark is cleared."""
    vm = m.vm[0]
    vm.refaults_anon = vm.activate_anon
    vm.refaults_file = vm.activate_file
    vm.node_congested = 0
    return pop(m, a, f.nr_reclaimed)
