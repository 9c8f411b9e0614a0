"""Refaults: mm/workingset.c:workingset_refault(), v6.1 and v6.12."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.twin.list_balance import ACTIVE, ANON, FILE, INACTIVE, lru_note_cost
from tests.twin.page import Page

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel


def workingset_refault(k: Kernel, page: Page) -> bool:
    """Was it evicted so lately that it would still be there, had the lists of that node been longer by the active ones?"""
    file = not page.anon
    kind = "file" if file else "anon"
    node, clock = page.shadow
    distance = node.nonresident_age - clock
    k.count[f"workingset_refault_{kind}"] += 1
    others = [(FILE, ACTIVE)]
    others += [] if file else [(FILE, INACTIVE)]
    if k.swap.free > 0:
        others += [(ANON, ACTIVE), (ANON, INACTIVE)] if file else [(ANON, ACTIVE)]
    was_active, page.workingset = page.workingset, False
    if distance > sum(node.nr(*which) for which in others):
        return False
    back = k.node_of(page)
    counts = node if k.version < 605 else back
    counts.nonresident_age += 1
    counts.activated[file] += 1
    k.count[f"workingset_activate_{kind}"] += 1
    if was_active:
        page.workingset = True
        lru_note_cost(k, back, file, 1, 0)
    return True
