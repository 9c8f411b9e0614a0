"""Refaults: mm/workingset.c:workingset_refault(), v6.12."""

from __future__ import annotations

from typing import Any

from core.jit import inlined
from core.state import ACTIVE_FILE, ACTIVE_LIST, INACTIVE, INACTIVE_FILE, LISTS
from core.streams import ANON
from core.vmscan_612.balance import note_cost


@inlined
def refault(m: Any, p: int, n: int) -> bool:
    """workingset_refault(): does the page, back on node ``n``, come back active? The node that evicted it measures the distance; the shadow is used up."""
    vm = m.vm[0]
    pg = m.page[p]
    anon = pg.attr & ANON
    old = int(m.zones[pg.zone].node)
    first = old * LISTS
    distance = m.nodes[old].nonresident_age - pg.stamp
    workingset = m.queues[first + ACTIVE_FILE].nr
    if anon:
        workingset += m.queues[first + INACTIVE_FILE].nr + m.queues[first + ACTIVE_LIST].nr
        vm.workingset_refault_anon += 1
    else:
        vm.workingset_refault_file += 1
        if vm.swap_free > 0:
            workingset += m.queues[first + INACTIVE].nr + m.queues[first + ACTIVE_LIST].nr
    if distance > workingset:
        return False
    node = m.nodes[n]
    node.nonresident_age += 1
    if anon:
        node.activate_anon += 1
        vm.workingset_activate_anon += 1
    else:
        node.activate_file += 1
        vm.workingset_activate_file += 1
    note_cost(m, n, 0 if anon else 1, 1)
    return True
