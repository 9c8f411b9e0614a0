"""How much of which list is scanned: costs, active against inactive, anonymous against file.

Kernel: mm/vmscan.c:prepare_scan_control(), get_scan_count(), inactive_is_low(), shrink_active_list(); mm/swap.c:lru_note_cost(), v6.1 and v6.12.
Differs: no anon/file proportion by idle age.
"""

from __future__ import annotations

from typing import Any, Final

from core import lru
from core.jit import inlined, jit
from core.mmzone import ACTIVE_FILE, ACTIVE_LIST, INACTIVE, INACTIVE_FILE, LISTS
from core.page import ACCESSED, ACTIVE, PRESENT, WORKINGSET
from core.reclaim import SWAP_CLUSTER_MAX
from core.region import EXEC, MAPPED

PAGES_PER_GIB: Final = 1 << 18


@jit
def note_cost(m: Any, n: int, is_file: int, io: int, rotated: int) -> None:
    """lru_note_cost() of node ``n``: what this type costs; both halve when their sum exceeds a quarter of the lists.

    A write or a refault counts as much as 32 pages scanned in vain; from 5.8 to 6.1 scans in vain count nothing.
    """
    node = m.nodes[n]
    pages = io if 508 <= m.vm[0].version < 602 else io * SWAP_CLUSTER_MAX + rotated
    if is_file:
        node.file_cost += pages
    else:
        node.anon_cost += pages
    if node.anon_cost + node.file_cost > node_lru(m, n) // 4:
        node.anon_cost //= 2
        node.file_cost //= 2


@inlined
def node_lru(m: Any, n: int) -> int:
    """Pages on the lists of node ``n``."""
    pages = 0
    for z in range(m.nodes[n].zone_first, m.nodes[n].zone_last + 1):
        pages += m.zones[z].nr_lru
    return int(pages)


@jit
def inactive_is_low(m: Any, n: int, is_file: int) -> bool:
    """inactive_is_low() of node ``n``: the active list is more than sqrt(10 * GB) times the inactive one (1 below 1 GB)."""
    inactive = m.queues[n * LISTS + is_file * INACTIVE_FILE].nr
    active = m.queues[n * LISTS + is_file * INACTIVE_FILE + ACTIVE_LIST].nr
    gb = (inactive + active) * m.vm[0].page_scale // PAGES_PER_GIB
    ratio = integer_sqrt(10 * gb) if gb > 0 else 1
    return bool(inactive * ratio < active)


@jit
def integer_sqrt(n: int) -> int:
    """Largest r with r * r <= n."""
    r = 0
    while (r + 1) * (r + 1) <= n:
        r += 1
    return r


@jit
def prepare_scan_control(m: Any, n: int, sc: Any) -> None:
    """Which lists of node ``n`` may be deactivated, whether cache is enough (cache_trim_mode), whether hardly any file page is left."""
    node = m.nodes[n]
    first = n * LISTS
    sc.deactivate = 3
    if not sc.force_deactivate:
        anon = node.activate_anon != node.refaults_anon or inactive_is_low(m, n, 0)
        files = node.activate_file != node.refaults_file or inactive_is_low(m, n, 1)
        sc.deactivate = (1 if anon else 0) | (2 if files else 0)
    inactive_file = m.queues[first + INACTIVE_FILE].nr
    sc.cache_trim = 1 if inactive_file * m.vm[0].page_scale >> sc.priority and not sc.deactivate & 2 and not sc.no_cache_trim else 0
    high = 0
    free = 0
    for z in range(node.zone_first, node.zone_last + 1):
        high += m.zones[z].wmark_high + m.zones[z].wmark_boost
        free += m.zones[z].nr_free
    file = inactive_file + m.queues[first + ACTIVE_FILE].nr
    tiny = file + free <= high and not sc.deactivate & 1 and m.queues[first + INACTIVE].nr * m.vm[0].page_scale >> sc.priority
    sc.file_tiny = 1 if tiny else 0


@jit
def get_scan_count(m: Any, f: Any, sc: Any) -> None:
    """How many pages of each list of node ``f.node`` to scan at this priority, into ``f.scan``."""
    vm = m.vm[0]
    node = m.nodes[f.node]
    anon, file = 1, 1
    denominator = 1
    if not sc.may_swap or vm.swap_free == 0:
        anon = 0
    elif sc.priority == 0 and vm.swappiness > 0:
        anon = 1
    elif sc.file_tiny:
        file = 0
    elif sc.cache_trim:
        anon = 0
    else:
        total = node.anon_cost + node.file_cost
        anon = vm.swappiness * (3 * total + 1) // (total + node.anon_cost + 1)
        file = (200 - vm.swappiness) * (3 * total + 1) // (total + node.file_cost + 1)
        denominator = max(anon + file, 1)
    for which in range(4):
        part = file if which >= INACTIVE_FILE else anon
        queue = m.queues[f.node * LISTS + which]
        real = (queue.nr * vm.page_scale >> sc.priority) * part // denominator + queue.scan_carry
        f.scan[which] = real // vm.page_scale
        queue.scan_carry = real % vm.page_scale
        f.goal[which] = f.scan[which]


@jit
def shrink_active(m: Any, a: int, n: int, which: int, pages: int) -> None:
    """shrink_active_list() on list ``which`` of node ``n``: everything goes inactive but referenced program text."""
    vm = m.vm[0]
    rotated = 0
    active = n * LISTS + which
    for _ in range(min(pages, m.queues[active].nr)):  # each page once, though it may go back to the same list
        p = lru.pop_tail(m, active)
        m.zones[m.page[p].zone].pages_scanned += 1  # to v4.6
        m.actors[a].local_ns += vm.scan_ns
        attr = m.page[p].attr
        refs = referenced_active(m, p)
        if refs and attr & EXEC:
            lru.add_head(m, p, active)
            rotated += 1
        else:
            m.flags[p] &= 255 ^ ACTIVE
            m.page[p].attr |= WORKINGSET
            vm.pgdeactivate += 1
            lru.add_head(m, p, active - ACTIVE_LIST)
    if rotated > 0:
        m.nodes[n].nonresident_age += rotated
        note_cost(m, n, 1 if which == ACTIVE_FILE else 0, 0, rotated)


@inlined
def referenced_active(m: Any, p: int) -> bool:
    """folio_referenced() on an active page: clears the young bit, leaves PG_referenced."""
    if m.page[p].attr & MAPPED and m.flags[p] & PRESENT and m.flags[p] & ACCESSED:
        m.flags[p] &= 255 ^ ACCESSED
        return True
    return False
