"""How much of which list is scanned: costs, active against inactive, anonymous against file.

Kernel: mm/vmscan.c:prepare_scan_control(), get_scan_count(), inactive_is_low(), shrink_active_list(); mm/swap.c:lru_note_cost(), v6.12.
Differs: no anon/file proportion by idle age.
"""

from __future__ import annotations

from typing import Any, Final

from core import lru
from core.dirty import free_pages, lru_pages
from core.jit import inlined, jit
from core.state import ACTIVE_FILE, INACTIVE, INACTIVE_FILE
from core.streams import ACCESSED, ACTIVE, EXEC, MAPPED, PRESENT

PAGES_PER_GIB: Final = 1 << 18


@jit
def note_cost(m: Any, is_file: int, pages: int) -> None:
    """lru_note_cost(): reclaiming this type cost so much; both halve when their sum exceeds a quarter of the lists."""
    vm = m.vm[0]
    if is_file:
        vm.file_cost += pages
    else:
        vm.anon_cost += pages
    if vm.anon_cost + vm.file_cost > lru_pages(m) // 4:
        vm.anon_cost //= 2
        vm.file_cost //= 2


@jit
def inactive_is_low(m: Any, is_file: int) -> bool:
    """inactive_is_low(): the active list is more than sqrt(10 * GB) times the inactive one (1 below 1 GB)."""
    inactive = m.queues[is_file * 2].nr
    active = m.queues[is_file * 2 + 1].nr
    gb = (inactive + active) // PAGES_PER_GIB
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
def prepare_scan_control(m: Any, sc: Any) -> None:
    """Which lists may be deactivated, whether cache is enough (cache_trim_mode), whether hardly any file page is left."""
    vm = m.vm[0]
    sc.deactivate = 3
    if not sc.force_deactivate:
        anon = vm.activate_anon != vm.refaults_anon or inactive_is_low(m, 0)
        files = vm.activate_file != vm.refaults_file or inactive_is_low(m, 1)
        sc.deactivate = (1 if anon else 0) | (2 if files else 0)
    inactive_file = m.queues[INACTIVE_FILE].nr
    sc.cache_trim = 1 if inactive_file >> sc.priority and not sc.deactivate & 2 else 0
    high = 0
    for z in range(len(m.zones)):
        high += m.zones[z].wmark_high
    file = inactive_file + m.queues[ACTIVE_FILE].nr
    tiny = file + free_pages(m) <= high and not sc.deactivate & 1 and m.queues[INACTIVE].nr >> sc.priority
    sc.file_tiny = 1 if tiny else 0


@jit
def get_scan_count(m: Any, f: Any, sc: Any) -> None:
    """How many pages of each list to scan at this priority, into ``f.scan``."""
    vm = m.vm[0]
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
        total = vm.anon_cost + vm.file_cost
        anon = vm.swappiness * (total + total + vm.anon_cost + vm.file_cost + 1) // (total + vm.anon_cost + 1)
        file = (200 - vm.swappiness) * (total + total + vm.anon_cost + vm.file_cost + 1) // (total + vm.file_cost + 1)
        denominator = max(anon + file, 1)
    for which in range(4):
        part = file if which >= INACTIVE_FILE else anon
        f.scan[which] = (m.queues[which].nr >> sc.priority) * part // denominator
        f.goal[which] = f.scan[which]


@jit
def shrink_active(m: Any, a: int, which: int, pages: int) -> None:
    """shrink_active_list(): everything goes inactive but referenced program text."""
    vm = m.vm[0]
    rotated = 0
    for _ in range(min(pages, m.queues[which].nr)):  # each page once, though it may go back to the same list
        p = lru.pop_tail(m, which)
        m.actors[a].local_ns += vm.scan_ns
        attr = m.page[p].attr
        refs = referenced_active(m, p)
        if refs and attr & EXEC:
            lru.add_head(m, p, which)
            rotated += 1
        else:
            m.flags[p] &= 255 ^ ACTIVE
            vm.pgdeactivate += 1
            lru.add_head(m, p, which - 1)
    if rotated > 0:
        note_cost(m, 1 if which == ACTIVE_FILE else 0, rotated)


@inlined
def referenced_active(m: Any, p: int) -> bool:
    """folio_referenced() on an active page: clears the young bit, leaves PG_referenced."""
    if m.page[p].attr & MAPPED and m.flags[p] & PRESENT and m.flags[p] & ACCESSED:
        m.flags[p] &= 255 ^ ACCESSED
        return True
    return False
