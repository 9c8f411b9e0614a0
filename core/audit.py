"""Conservation: every page is somewhere, exactly once, at all times.

``balanced`` adds up counters and costs little, so it runs at every sixteenth turn of an actor and at the end of each run; ``counted`` looks at every page, at
the end of each run. An audited run does both at each event.
"""

from __future__ import annotations

from typing import Any, Final

from core.blkdev import SWAP
from core.frames import needed_for_dirty
from core.jit import by_reference, entry, inlined, jit, outlined
from core.mmzone import NO_LIST
from core.page import CACHED, DIRTY, NEVER, PRESENT, SLOT, WRITEBACK, ZERO
from core.region import ANON, MAPPED

OK: Final = 0
LOST_PAGE: Final = 1
NEGATIVE: Final = 2
KERNEL_PAGES: Final = 3
LISTS_WRONG: Final = 4
COUNTERS_WRONG: Final = 5
FLAGS_WRONG: Final = 6
SWAP_WRONG: Final = 7
CLOCK_BACK: Final = 8
STUCK_CLOCK: Final = 9
UNNOTICED: Final = 10

NAMES: Final = {
    LOST_PAGE: "pages are not conserved",
    NEGATIVE: "a page count is negative",
    KERNEL_PAGES: "kernel pages are not conserved",
    LISTS_WRONG: "LRU lists and counters disagree",
    COUNTERS_WRONG: "page flags and counters disagree",
    FLAGS_WRONG: "a page has impossible flags",
    SWAP_WRONG: "swap slots and counters disagree",
    CLOCK_BACK: "the clock went back",
    STUCK_CLOCK: "the clock stands still",
    UNNOTICED: "an actor has become ready unnoticed",
}


@inlined
def balanced(m: Any, boot_pages: int) -> int:
    """Do the counters add up? OK or what is wrong."""
    vm = m.vm[0]
    pages = vm.nr_in_hand
    kernel = 0
    signs = 0
    for z in range(len(m.zones)):
        zone = m.zones[z]
        signs |= zone.nr_free | zone.nr_lru | zone.nr_isolated | zone.nr_kernel
        pages += zone.nr_free + zone.nr_lru + zone.nr_isolated + zone.nr_kernel
        kernel += zone.nr_kernel
    if signs < 0:
        return NEGATIVE
    if pages != vm.nr_total:
        return LOST_PAGE
    if kernel != boot_pages + vm.nr_slab + vm.nr_radix + vm.nr_io_held + vm.nr_task_kernel + vm.nr_backlog + vm.nr_burst + vm.nr_prealloc:
        return KERNEL_PAGES
    return OK


@jit
def preallocated(m: Any, anon_dirty: int, file_dirty: int) -> bool:
    """Policy ``preallocated``: every dirty page has what its write needs, and nothing else is held."""
    pages = 0
    for dev in range(2):
        d = m.devs[dev]
        if d.dirty_milli != (anon_dirty if dev == SWAP else file_dirty) * d.w_alloc_milli or d.prealloc != needed_for_dirty(d):
            return False
        pages += d.prealloc
    for a in range(len(m.actors)):
        pages += m.actors[a].preload
    return bool(pages == m.vm[0].nr_prealloc)


@entry
def recount(m: Any) -> int:
    """``counted`` for Python."""
    return counted(by_reference(m))


@outlined
def counted(m: Any) -> int:
    """Count every page anew; OK or what is wrong."""
    vm = m.vm[0]
    lru = 0
    file_lru = 0
    isolated = 0
    dirty = 0
    writeback = 0
    anon_mapped = 0
    file_mapped = 0
    file = 0
    swapcache = 0
    slots = 0
    anon_dirty = 0
    for p in range(len(m.page)):
        pg = m.page[p]
        flags = m.flags[p]
        attr = pg.attr
        if attr & SLOT:
            slots += 1
            if m.slots[pg.slot] != p + 1:
                return SWAP_WRONG
        if not attr & CACHED:
            if flags & NEVER or pg.list != NO_LIST or (flags & PRESENT and not attr & ZERO) or flags & (DIRTY | WRITEBACK):
                return FLAGS_WRONG
            continue
        if pg.list != NO_LIST:
            lru += 1
            file_lru += 0 if attr & ANON else 1
        else:
            isolated += 1
        if flags & WRITEBACK:
            writeback += 1
        if attr & ANON:
            swapcache += 1 if attr & SLOT else 0
            anon_mapped += 1 if flags & PRESENT else 0
            anon_dirty += 1 if flags & DIRTY else 0
            continue
        file += 1
        dirty += 1 if flags & DIRTY else 0
        file_mapped += 1 if flags & PRESENT and attr & MAPPED else 0
    nr_lru = 0
    nr_isolated = 0
    pending = 0
    for z in range(len(m.zones)):
        pending += m.zones[z].nr_write_pending
        nr_lru += m.zones[z].nr_lru
        file_lru -= m.zones[z].nr_file_lru
        nr_isolated += m.zones[z].nr_isolated
    queued = 0
    for which in range(len(m.queues)):
        queued += m.queues[which].nr
    if file_lru != 0 or lru != nr_lru or lru != queued or isolated != nr_isolated:
        return LISTS_WRONG
    if dirty != vm.nr_dirty or writeback != vm.nr_writeback or pending != dirty + writeback or file != vm.nr_file:
        return COUNTERS_WRONG
    if anon_mapped != vm.nr_anon_mapped or file_mapped != vm.nr_file_mapped or swapcache != vm.nr_swapcache:
        return COUNTERS_WRONG
    if vm.prealloc and not preallocated(m, anon_dirty, dirty):
        return KERNEL_PAGES
    if slots != vm.swap_slots - vm.swap_free:
        return SWAP_WRONG
    return OK
