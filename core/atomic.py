"""Reclaim by allocations that may not wait: clean page cache is taken from the inactive lists with interrupts off.

Source: C. Lameter, "[RFC 0/9] Reclaim during GFP_ATOMIC allocs", 14 Aug 2007, <20070814153021.446917377@sgi.com>.
"""

from __future__ import annotations

from typing import Any

from core import gfp, lru
from core.allocator import take_reserve
from core.frames import try_alloc
from core.jit import inlined, jit, outlined
from core.mmzone import INACTIVE, INACTIVE_FILE, LISTS, MGLRU
from core.page import DIRTY, PRESENT, READING, WRITEBACK
from core.reclaim import evict
from core.region import ANON, MAPPED
from core.vmscan_mglru.gens import gen_list
from core.watermark import ERA_2_6_23, MARK_MIN, watermark_ok


@inlined
def clean_file(m: Any, p: int) -> bool:
    """Clean, unmapped page cache that is neither locked nor under writeback."""
    attr = m.page[p].attr
    mapped = attr & MAPPED and m.flags[p] & PRESENT
    return not (attr & (ANON | READING) or m.flags[p] & (DIRTY | WRITEBACK) or mapped)


@inlined
def enough(m: Any, flags: int) -> bool:
    """Would an allocation of gfp ``flags`` pass now?"""
    for z in range(len(m.zones)):
        if watermark_ok(m.zones[z], MARK_MIN, flags, m.vm[0].era):
            return True
    return False


@outlined
def scan(m: Any, pol: Any, flags: int) -> int:
    """Free what an allocation of gfp ``flags`` needs, at most 32 pages; returns pages scanned, for the caller to pay ``scan_ns`` each without giving way.

    What cannot be taken goes to the young end of its list, as in shrink_inactive_list().
    """
    vm = m.vm[0]
    budget = pol.atomic_scan(flags, m.tunables)
    scanned = 0
    freed = 0
    for lruvec in range(len(m.queues) // LISTS - 1, -1, -1):
        which = lruvec * LISTS + (INACTIVE if vm.era == ERA_2_6_23 else INACTIVE_FILE)
        if vm.lru == MGLRU:
            which = gen_list(lruvec, 1, m.nodes[lruvec].min_seq[1])
        left = min(m.queues[which].nr, budget - scanned)
        while left > 0 and freed < vm.batch:
            p = lru.pop_tail(m, which)
            left -= 1
            scanned += 1
            zone = m.zones[m.page[p].zone]
            zone.pages_scanned += 1
            if not clean_file(m, p):
                lru.add_head(m, p, which)
                continue
            zone.nr_isolated += 1
            evict(m, p)
            freed += 1
            if enough(m, flags):
                left = 0
                budget = scanned
    vm.pgscan_direct += scanned
    vm.pgsteal_direct += freed
    vm.atomic_reclaimed += freed
    vm.irqs_off_ns_max = max(vm.irqs_off_ns_max, scanned * vm.scan_ns)
    return scanned


@jit
def rescue(m: Any, pol: Any, a: int, flags: int) -> int:
    """Actor ``a`` may not wait and its allocation is about to fail: scan, try once more. The zone, or -1."""
    scanned = scan(m, pol, flags)
    if scanned == 0:
        return -1
    m.actors[a].local_ns += scanned * m.vm[0].scan_ns
    z = try_alloc(m, MARK_MIN, flags)
    if z < 0 and m.actors[a].memalloc > 0 and not flags & gfp.NOMEMALLOC:
        z = take_reserve(m, m.actors[a], flags)
    return int(z)
