"""Refaults: mm/workingset.c:workingset_refault(), v6.12."""

from __future__ import annotations

from typing import Any

from core.jit import jit
from core.state import ACTIVE_FILE, ACTIVE_LIST, INACTIVE, INACTIVE_FILE
from core.streams import ANON
from core.vmscan_612.balance import note_cost


@jit
def refault(m: Any, p: int) -> bool:
    """workingset_refault(): does the page come back active? Its shadow is used up."""
    vm = m.vm[0]
    pg = m.page[p]
    anon = pg.attr & ANON
    distance = vm.nonresident_age - pg.stamp
    workingset = m.queues[ACTIVE_FILE].nr
    if anon:
        workingset += m.queues[INACTIVE_FILE].nr + m.queues[ACTIVE_LIST].nr
        vm.workingset_refault_anon += 1
    else:
        vm.workingset_refault_file += 1
        if vm.swap_free > 0:
            workingset += m.queues[INACTIVE].nr + m.queues[ACTIVE_LIST].nr
    if distance > workingset:
        return False
    vm.nonresident_age += 1
    if anon:
        vm.activate_anon += 1
        vm.workingset_activate_anon += 1
    else:
        vm.activate_file += 1
        vm.workingset_activate_file += 1
    note_cost(m, 0 if anon else 1, 1)
    return True
