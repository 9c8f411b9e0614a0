"""How much of which list: mm/vmscan.c:get_scan_count(), inactive_is_low(), shrink_active_list(), v6.1 and v6.12; mm/swap.c:lru_note_cost()."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

from tests.twin.actor import Actor
from tests.twin.node import Node
from tests.twin.reclaim import BATCH, ScanControl, isolated

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel

ANON, FILE = False, True
INACTIVE, ACTIVE = False, True
ORDER = ((ANON, INACTIVE), (ANON, ACTIVE), (FILE, INACTIVE), (FILE, ACTIVE))
PAGES_PER_GIB = 1 << 18


def lru_note_cost(k: Kernel, node: Node, file: bool, io: int, rotated: int) -> None:
    """Writes or reads that reclaiming this type cost, and pages scanned in vain (6.2 on; before 5.8 the nearest thing to recent_rotated); old costs fade."""
    cost = node.cost
    cost[file] += io if 508 <= k.version < 602 else io * BATCH + rotated
    if cost[ANON] + cost[FILE] > node.lru_pages // 4:
        cost[ANON] //= 2
        cost[FILE] //= 2


def inactive_is_low(k: Kernel, node: Node, file: bool) -> bool:
    """The active list is too long beside the inactive one."""
    inactive, active = node.nr(file, INACTIVE), node.nr(file, ACTIVE)
    gb = (inactive + active) * k.scale.real // PAGES_PER_GIB
    return inactive * (isqrt(10 * gb) if gb else 1) < active


def prepare_scan_control(k: Kernel, node: Node, sc: ScanControl) -> None:
    """What may be deactivated, and whether one type is enough."""
    for file in (ANON, FILE):
        refaulted = node.activated[file] != node.activated_seen[file]
        sc.may_deactivate[file] = sc.force_deactivate or refaulted or inactive_is_low(k, node, file)
    enough_cache = node.nr(FILE, INACTIVE) * k.scale.real >> sc.priority > 0
    sc.cache_trim_mode = enough_cache and not sc.may_deactivate[FILE] and not sc.no_cache_trim_mode
    high = sum(zone.marks.high + zone.boost for zone in node.zones)
    free = sum(zone.free for zone in node.zones)
    few = node.nr(FILE, INACTIVE) + node.nr(FILE, ACTIVE) + free <= high
    sc.file_is_tiny = few and not sc.may_deactivate[ANON] and node.nr(ANON, INACTIVE) * k.scale.real >> sc.priority > 0


def get_scan_count(k: Kernel, node: Node, sc: ScanControl) -> dict[tuple[bool, bool], int]:
    """Folios of each list to scan."""
    swappiness = k.values["swappiness"]
    share = {ANON: 1, FILE: 1}
    of = 1
    if k.swap.free == 0 or not sc.may_swap:
        share[ANON] = 0
    elif sc.priority == 0 and swappiness:
        pass
    elif sc.file_is_tiny:
        share[FILE] = 0
    elif sc.cache_trim_mode:
        share[ANON] = 0
    else:
        total = sum(node.cost.values())
        anon_cost, file_cost = total + node.cost[ANON], total + node.cost[FILE]
        share[ANON] = swappiness * (anon_cost + file_cost + 1) // (anon_cost + 1)
        share[FILE] = (200 - swappiness) * (anon_cost + file_cost + 1) // (file_cost + 1)
        of = max(share[ANON] + share[FILE], 1)
    plan = {}
    for which in ORDER:
        pages = (node.nr(*which) * k.scale.real >> sc.priority) * share[which[0]] // of + node.scan_carry[which]
        plan[which], node.scan_carry[which] = divmod(pages, k.scale.real)
    return plan


def shrink_active_list(k: Kernel, actor: Actor, node: Node, file: bool, folios: int) -> None:
    """Everything goes inactive but program text in use."""
    rotated = 0
    for page in isolated(node.lists[file, ACTIVE].take_oldest(folios)):
        actor.clock += k.machine.scan_ns
        used, page.young = page.mapped and page.young, False if page.mapped else page.young
        if used and page.executable:
            rotated += 1
        else:
            page.active = False
            page.workingset = True
            k.count["pgdeactivate"] += 1
        node.lists[file, page.active].add(page)
    if rotated:
        node.nonresident_age += rotated
        lru_note_cost(k, node, file, 0, rotated)


def age_anon(k: Kernel, actor: Actor, node: Node) -> None:
    """kswapd_age_node(): let anonymous pages be referenced before they are wanted."""
    if k.swap.slots and inactive_is_low(k, node, ANON):
        shrink_active_list(k, actor, node, ANON, k.batch)
