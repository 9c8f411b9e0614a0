"""Page frames: taking them from a zone and giving them back, and what a page is while it has one."""

from __future__ import annotations

from typing import Any, Final

from core.blkdev import FILE, SWAP
from core.jit import inlined, jit
from core.lru import remove
from core.mmzone import NO_LIST
from core.page import CACHED, DIRTY, GONE, PRESENT, READING, SLOT, STATIC, WRITEBACK
from core.region import ANON, MAPPED
from core.watermark import watermark_ok

SLOTS_PER_PAGE: Final = 448  # a radix or xarray node indexes 64 slots and takes 576 bytes: seven to a page
ALL_ATTR: Final = 65535


@inlined
def take(m: Any, z: int) -> None:
    """Account one page taken from zone ``z``; the caller says what it becomes."""
    vm = m.vm[0]
    zone = m.zones[z]
    zone.nr_free -= 1
    vm.pgalloc += 1
    free = zone.nr_free
    if free < zone.wmark_low and vm.time_to_low_ns < 0:
        vm.time_to_low_ns = vm.now
    if len(m.zones) > 1:
        free = 0
        for i in range(len(m.zones)):
            free += m.zones[i].nr_free
    vm.nr_free_min_seen = min(vm.nr_free_min_seen, free)


@inlined
def zone_at(m: Any, place: int) -> int:
    """Zone at ``place`` of the running actor's zonelist: its home node's zones from high to low, then those of the other nodes."""
    z = m.vm[0].home - place
    return int(z if z >= 0 else z + len(m.zones))


@inlined
def try_alloc(m: Any, mark: int, gfp: int) -> int:
    """Take one page held to ``mark``, from the first zone of the zonelist that has one (get_page_from_freelist); the zone, or -1."""
    vm = m.vm[0]
    for i in range(len(m.zones)):
        z = zone_at(m, i)
        zone = m.zones[z]
        if watermark_ok(zone, mark, gfp, vm.era):
            take(m, z)
            return z
    return -1


@inlined
def give(m: Any, z: int) -> None:
    """Put one page back on zone ``z``'s free list (free_one_page)."""
    zone = m.zones[z]
    zone.nr_free += 1
    m.vm[0].pgfree += 1
    zone.pages_scanned = 0
    zone.all_unreclaimable = 0


@inlined
def take_kernel(m: Any, mark: int, gfp: int) -> bool:
    """Take one kernel page; False if the mark forbids it."""
    z = try_alloc(m, mark, gfp)
    if z < 0:
        return False
    m.zones[z].nr_kernel += 1
    return True


@jit
def give_kernel(m: Any, pages: int) -> None:
    """Free kernel pages: to the zones that have any, in the order of the zonelist."""
    for i in range(len(m.zones)):
        z = zone_at(m, i)
        zone = m.zones[z]
        while pages > 0 and zone.nr_kernel > 0:
            zone.nr_kernel -= 1
            give(m, z)
            pages -= 1


@inlined
def unmap(m: Any, p: int) -> None:
    """try_to_unmap(): the next access faults."""
    vm = m.vm[0]
    if m.flags[p] & PRESENT:
        m.flags[p] &= 255 ^ PRESENT
        if m.page[p].attr & ANON:
            vm.nr_anon_mapped -= 1
        elif m.page[p].attr & MAPPED:
            vm.nr_file_mapped -= 1


@inlined
def map_page(m: Any, p: int) -> None:
    """Make the page accessible: mapped, or up to date in the page cache."""
    vm = m.vm[0]
    if not m.flags[p] & PRESENT:
        m.flags[p] |= PRESENT
        if m.page[p].attr & ANON:
            vm.nr_anon_mapped += 1
        elif m.page[p].attr & MAPPED:
            vm.nr_file_mapped += 1


@inlined
def drop_slot(m: Any, p: int) -> None:
    """Free the page's swap slot (and its place in the swap cache)."""
    vm = m.vm[0]
    pg = m.page[p]
    if pg.attr & SLOT:
        pg.attr &= ALL_ATTR ^ SLOT
        m.slots[pg.slot] = 0
        vm.swap_free += 1
        if pg.attr & CACHED:
            leave_swapcache(m)


@inlined
def enter_swapcache(m: Any, mark: int, gfp: int) -> bool:
    """Index one more page in the swap cache; its tree node may need a page, and that allocation may fail."""
    vm = m.vm[0]
    if vm.nr_swapcache >= vm.nr_radix * SLOTS_PER_PAGE and not grow_radix(m, mark, gfp):
        return False
    vm.nr_swapcache += 1
    return True


@jit
def grow_radix(m: Any, mark: int, gfp: int) -> bool:
    """Take a page for a tree node of the swap cache."""
    if not take_kernel(m, mark, gfp):
        return False
    m.vm[0].nr_radix += 1
    return True


@inlined
def leave_swapcache(m: Any) -> None:
    """One page less in the swap cache."""
    vm = m.vm[0]
    vm.nr_swapcache -= 1
    if vm.nr_radix > 0 and vm.nr_swapcache <= (vm.nr_radix - 1) * SLOTS_PER_PAGE:
        vm.nr_radix -= 1
        give_kernel(m, 1)


@inlined
def needed_for_dirty(d: Any) -> int:
    """Pages that the writes of all dirty pages of device ``d`` will need."""
    return int((d.dirty_milli + 999) // 1000)


@jit
def cleaned_unwritten(m: Any, p: int) -> None:
    """A dirty page goes without having been written: free what was allocated for its write (policy ``preallocated``)."""
    d = m.devs[SWAP if m.page[p].attr & ANON else FILE]
    d.dirty_milli -= d.w_alloc_milli
    spare = d.prealloc - needed_for_dirty(d)
    d.prealloc -= spare
    m.vm[0].nr_prealloc -= spare
    give_kernel(m, spare)


@inlined
def release(m: Any, p: int) -> None:
    """Free the page's frame; page is on no list, not under I/O. Its swap copy, if any, stays."""
    vm = m.vm[0]
    pg = m.page[p]
    unmap(m, p)
    if m.flags[p] & DIRTY:
        if not pg.attr & ANON:
            vm.nr_dirty -= 1
            m.zones[pg.zone].nr_write_pending -= 1
        if vm.prealloc:
            cleaned_unwritten(m, p)
    m.flags[p] = 0
    if not pg.attr & ANON:
        vm.nr_file -= 1
    elif pg.attr & SLOT:
        leave_swapcache(m)
    pg.attr &= STATIC | SLOT
    give(m, pg.zone)


@jit
def forget(m: Any, p: int) -> None:
    """munmap or truncate: contents and swap copy are gone; the frame goes now, or when the isolation or the I/O ends."""
    pg = m.page[p]
    if pg.attr & ANON and (m.flags[p] & DIRTY or pg.attr & SLOT) and pg.owner >= 0:
        m.actors[pg.owner].rss -= 1
        pg.owner = -1
    if not pg.attr & CACHED:
        drop_slot(m, p)
        if m.flags[p] & PRESENT:
            m.flags[p] = 0  # the zero page
        pg.attr &= STATIC
        return
    unmap(m, p)
    if pg.list == NO_LIST or m.flags[p] & WRITEBACK or pg.attr & READING:
        pg.attr |= GONE
    else:
        remove(m, p)
        bury(m, p)


@jit
def bury(m: Any, p: int) -> None:
    """Free a page whose contents nobody wants any more; it is on no list and not under I/O."""
    drop_slot(m, p)
    release(m, p)
