"""What reclaim does to one page in either era: swap slots, references, private lists, freeing; and the slab shrinker.

Kernel: mm/swap_state.c:add_to_swap(), mm/rmap.c:page_referenced(), mm/vmscan.c:shrink_slab(), v2.6.23 and v6.12.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp, lru
from core.device import lru_list
from core.frames import ALL_ATTR, bury, enter_swapcache, give_kernel, release
from core.jit import inlined, jit, outlined
from core.mmzone import MGLRU, NO_LIST
from core.page import ACCESSED, CACHED, DIRTY, EVICTED, GONE, LAUNDRY, PRESENT, READING, REFERENCED, SLOT, WORKINGSET, WRITEBACK
from core.region import ANON, MAPPED
from core.vmscan_mglru.feedback import shadow, tier_of
from core.vmscan_mglru.gens import put_rejected
from core.watermark import ERA_2_6_23, MARK_MIN

SWAP_CLUSTER_MAX: Final = 32  # real pages: compiled code takes vm.batch, but for weights
DEF_PRIORITY: Final = 12

SHRINK_BATCH: Final = 128  # objects
OBJECTS_PER_PAGE: Final = 20  # estimate: dentries and inodes
NO_SMALL_CACHE: Final = 1 << 62
OBJECTS_PER_FREED_PAGE: Final = 40  # estimate: half of the objects freed sit on pages that stay in use


@inlined
def referenced(m: Any, p: int) -> int:
    """page_referenced(): how many references since the last look, young bit and PG_referenced; clears both."""
    flags = m.flags[p]
    refs = 0
    if flags & PRESENT and m.page[p].attr & MAPPED and flags & ACCESSED:
        refs += 1
    if flags & REFERENCED:
        refs += 1
    m.flags[p] = flags & (255 ^ (ACCESSED | REFERENCED))
    return refs


@jit
def add_to_swap(m: Any, p: int) -> bool:
    """Give an anonymous page a swap slot and a place in the swap cache; False: no slot, or no memory for the tree node."""
    vm = m.vm[0]
    if vm.swap_free == 0:
        return False
    if not enter_swapcache(m, MARK_MIN, gfp.ATOMIC | gfp.NOMEMALLOC):
        return False
    slot = vm.swap_cursor
    while m.slots[slot]:
        slot += 1
        if slot == vm.swap_slots:
            slot = 0
    m.slots[slot] = p + 1
    vm.swap_cursor = slot + 1 if slot + 1 < vm.swap_slots else 0
    vm.swap_free -= 1
    m.page[p].slot = slot
    m.page[p].attr |= SLOT
    m.flags[p] |= DIRTY
    return True


@inlined
def isolate(m: Any, f: Any, which: int, pages: int) -> int:
    """Move up to ``pages`` pages from the old end of list ``which`` to the frame's private list; how many.

    ``lru.pop_tail`` for a batch: what it counts for each page is counted once for those that follow one another from the same zone.
    """
    q = m.queues[which]
    mask = m.rings.shape[1] - 1
    at = q.tail
    todo = min(pages, q.nr)
    taken = 0
    tail = f.iso_tail if f.iso_head >= 0 else -1
    z = 0
    of_zone = 0
    files = 0
    while taken < todo:
        p = int(m.rings[which, at & mask])
        lru.fetch_soon(m, which, at)
        pg = m.page[p]
        if pg.list == which and pg.pos == at:
            if pg.zone != z:
                count_isolated(m.zones[z], of_zone, files)
                z = int(pg.zone)
                of_zone = 0
                files = 0
            of_zone += 1
            files += 0 if pg.attr & ANON else 1
            pg.list = NO_LIST
            pg.link = -1
            if tail < 0:
                f.iso_head = p
            else:
                m.page[tail].link = p
            tail = p
            taken += 1
        at += 1
    count_isolated(m.zones[z], of_zone, files)
    q.tail = at if todo == pages else q.head
    q.nr -= taken
    f.iso_tail = tail
    return taken


@inlined
def count_isolated(zone: Any, pages: int, files: int) -> None:
    """``pages`` of ``zone``, among them ``files``, have left the LRU for somebody's private list."""
    zone.nr_lru -= pages
    zone.nr_file_lru -= files
    zone.nr_isolated += pages
    zone.pages_scanned += pages


@inlined
def keep(m: Any, f: Any, p: int) -> None:
    """Page ``p`` goes back to the LRU at the end of the batch."""
    m.page[p].link = -1
    if f.keep_head < 0:
        f.keep_head = p
    else:
        m.page[f.keep_tail].link = p
    f.keep_tail = p


@jit
def set_aside(m: Any, sc: Any, p: int) -> None:
    """Put page ``p`` on the reclaimer's laundry list; it stays isolated."""
    vm = m.vm[0]
    pg = m.page[p]
    pg.link = -1
    pg.attr |= LAUNDRY
    if sc.laundry_head < 0:
        sc.laundry_head = p
    else:
        m.page[sc.laundry_tail].link = p
    sc.laundry_tail = p
    sc.nr_laundry += 1
    m.zones[pg.zone].nr_laundry += 1
    vm.nr_laundry += 1
    vm.laundry_isolated += 1
    vm.laundry_max = max(vm.laundry_max, vm.nr_laundry)


@jit
def take_laundry(m: Any, f: Any, sc: Any) -> None:
    """The laundry becomes the list that frame ``f`` works on."""
    f.iso_head = sc.laundry_head
    f.iso_tail = sc.laundry_tail
    m.vm[0].nr_laundry -= sc.nr_laundry
    sc.laundry_head = -1
    sc.laundry_tail = -1
    sc.nr_laundry = 0


@jit
def put_back(m: Any, head: int) -> None:
    """Return a private list to the LRU, each page to the young end of the list that its flags name."""
    p = head
    z = 0
    of_zone = 0
    files = 0
    while p >= 0:
        pg = m.page[p]
        after = int(pg.link)
        if pg.attr & LAUNDRY:
            pg.attr ^= LAUNDRY
            m.zones[pg.zone].nr_laundry -= 1
        if pg.attr & GONE and not pg.attr & READING and not m.flags[p] & WRITEBACK:
            m.zones[pg.zone].nr_isolated -= 1
            bury(m, p)
        elif m.vm[0].lru == MGLRU:
            m.zones[pg.zone].nr_isolated -= 1
            put_rejected(m, p)
        else:
            if pg.zone != z:
                count_put_back(m.zones[z], of_zone, files)
                z = int(pg.zone)
                of_zone = 0
                files = 0
            of_zone += 1
            files += 0 if pg.attr & ANON else 1
            lru.enqueue(m, p, lru_list(m, p))
        p = after
    count_put_back(m.zones[z], of_zone, files)


@inlined
def count_put_back(zone: Any, pages: int, files: int) -> None:
    """``pages`` of ``zone``, among them ``files``, are on the LRU again."""
    zone.nr_isolated -= pages
    zone.nr_lru += pages
    zone.nr_file_lru += files


@inlined
def evict(m: Any, p: int) -> None:
    """Free an isolated clean page and leave a shadow, so that its return can be told as a refault."""
    pg = m.page[p]
    m.zones[pg.zone].nr_isolated -= 1
    if pg.attr & LAUNDRY:
        m.zones[pg.zone].nr_laundry -= 1
    if pg.attr & GONE:
        bury(m, p)
        return
    tier = tier_of(m.flags[p])
    workingset = pg.attr & WORKINGSET
    release(m, p)
    pg.attr = (pg.attr & (ALL_ATTR ^ (CACHED | LAUNDRY))) | EVICTED | workingset
    n = m.zones[pg.zone].node
    if m.vm[0].lru == MGLRU:
        pg.stamp = shadow(m, n, 0 if pg.attr & ANON else 1, tier)
        return
    node = m.nodes[n]
    pg.stamp = node.nonresident_age
    node.nonresident_age += 1


@outlined
def shrink_slab(m: Any, scanned: int, lru_pages: int, priority: int) -> int:
    """Shrink the reclaimable slab; objects scanned (0: nothing left to scan)."""
    vm = m.vm[0]
    objects = (vm.nr_slab - vm.slab_floor) * OBJECTS_PER_PAGE
    if objects <= 0:
        return 0
    if vm.era == ERA_2_6_23:
        delta = 4 * (scanned if scanned > 0 else vm.batch) // 2 * objects // (lru_pages + 1)  # nothing scanned: as if 32 had been
        done = scan_slab(m, min(vm.slab_carry + delta, 2 * objects), NO_SMALL_CACHE)
    else:
        delta = 4 * (objects >> priority) // 2
        done = scan_slab(m, min((vm.slab_carry >> priority) + delta, 2 * objects), objects)
    vm.slab_carry = min(max(vm.slab_carry + delta - done, 0), 2 * objects)
    vm.slabs_scanned += done
    return int(done)


@inlined
def scan_slab(m: Any, objects: int, small: int) -> int:
    """Scan ``objects`` objects in whole batches, and what is left too if it is ``small`` or more (do_shrink_slab(): all there are); how many."""
    vm = m.vm[0]
    done = 0
    while (objects - done >= vm.slab_batch or objects - done >= small) and vm.nr_slab > vm.slab_floor:
        batch = min(vm.slab_batch, objects - done)
        done += batch
        vm.slab_partial += batch
        pages = min(vm.slab_partial // OBJECTS_PER_FREED_PAGE, vm.nr_slab - vm.slab_floor)
        vm.slab_partial -= pages * OBJECTS_PER_FREED_PAGE
        vm.nr_slab -= pages
        give_kernel(m, pages)
    return int(done)
