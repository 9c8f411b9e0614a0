"""Refaults: mm/workingset.c:workingset_refault(), v6.1 and v6.12."""

from __future__ import annotations

from typing import Any

from core.frames import ALL_ATTR
from core.jit import inlined
from core.mmzone import ACTIVE_FILE, ACTIVE_LIST, INACTIVE, INACTIVE_FILE, LISTS
from core.page import WORKINGSET
from core.region import ANON
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
    before = pg.attr & WORKINGSET
    pg.attr &= ALL_ATTR ^ WORKINGSET
    workingset = m.queues[first + ACTIVE_FILE].nr
    if anon:
        workingset += m.queues[first + INACTIVE_FILE].nr
        vm.workingset_refault_anon += 1
    else:
        vm.workingset_refault_file += 1
    if vm.swap_free > 0:
        workingset += m.queues[first + ACTIVE_LIST].nr + (0 if anon else m.queues[first + INACTIVE].nr)
    if distance > workingset:
        return False
    node = m.nodes[old if vm.version < 605 else n]
    node.nonresident_age += 1
    if anon:
        node.activate_anon += 1
        vm.workingset_activate_anon += 1
    else:
        node.activate_file += 1
        vm.workingset_activate_file += 1
    if before:  # it was active before it was evicted
        pg.attr |= WORKINGSET
        note_cost(m, n, 0 if anon else 1, 1, 0)
    return True
