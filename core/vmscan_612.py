"""Reclaim of 6.x (6.12): four LRU lists a node, refault distance, file pages left to the flusher, event-driven throttles.

Kernel: mm/vmscan.c:shrink_folio_list(), folio_check_references(), get_scan_count(), prepare_scan_control(), shrink_lruvec(), shrink_node(),
        do_try_to_free_pages(), balance_pgdat(), reclaim_throttle(), v6.12; mm/workingset.c:workingset_refault(), v6.12.
Differs: one node, no memory cgroups, no MGLRU, no anon/file proportion by idle age; kswapd's highest zone is always the last one.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp, lru
from core.allocator import HOPELESS, allow_direct_reclaim
from core.dirty import free_pages, lru_pages, wake_flusher
from core.frames import unmap
from core.jit import inlined, jit
from core.pageout import pageout
from core.reclaim import (
    ACTIVATE,
    DEF_PRIORITY,
    FREE,
    KEEP,
    SET_ASIDE,
    SWAP_CLUSTER_MAX,
    WRITE,
    add_to_swap,
    evict,
    isolate,
    keep,
    put_back,
    set_aside,
    shrink_slab,
)
from core.sched import (
    CONTINUE,
    SHRINK_LIST_612,
    SHRINK_NODE_612,
    WAIT_NOPROGRESS,
    WAIT_PFMEMALLOC,
    WAIT_TIMER,
    WAIT_WORK,
    WAIT_WRITEBACK,
    give_way,
    pop,
    push,
    sleep,
    wake,
)
from core.state import ACTIVE_FILE, ACTIVE_LIST, DEPTH, GONE, INACTIVE, INACTIVE_FILE, READING, SLOT
from core.streams import ACCESSED, ACTIVE, ANON, DIRTY, EXEC, MAPPED, PRESENT, RECLAIM, REFERENCED, WRITEBACK
from core.units import INFINITY, JIFFY, MS
from core.watermark import MARK_HIGH, watermark_ok

PAGES_PER_GIB: Final = 1 << 18

START: Final = 0
LISTS_LEFT: Final = 1
SHRUNK: Final = 2
WROTE: Final = 3
NODE_DONE: Final = 4
THROTTLED: Final = 5
ASLEEP: Final = 6
NAPPING: Final = 7
PRIORITY: Final = 8


# --- one batch: shrink_folio_list() --------------------------------------------------------------------------------------------------------


@inlined
def note_dirty(m: Any, f: Any, p: int) -> None:
    """folio_check_dirty_writeback() and the counts made from it; anonymous folios do not count."""
    if m.page[p].attr & ANON:
        return
    flags = m.flags[p]
    if flags & (DIRTY | WRITEBACK):
        f.nr_dirty += 1
        if not flags & WRITEBACK:
            f.nr_unqueued_dirty += 1
    if flags & WRITEBACK and flags & RECLAIM:
        f.nr_congested += 1


@inlined
def fate(m: Any, pol: Any, a: int, sc: Any, f: Any, p: int) -> int:
    """What becomes of page ``p`` at the tail: FREE, KEEP, ACTIVATE, WRITE or SET_ASIDE."""
    vm = m.vm[0]
    pg = m.page[p]
    actor = m.actors[a]
    actor.local_ns += vm.scan_ns
    is_kswapd = 1 if a == vm.kswapd else 0
    if pg.attr & READING:
        return KEEP
    sc.nr_scanned += 1
    note_dirty(m, f, p)
    if m.flags[p] & WRITEBACK:
        if is_kswapd and m.flags[p] & RECLAIM and vm.node_writeback:
            f.nr_immediate += 1
        else:
            m.flags[p] |= RECLAIM
            f.nr_file_writeback += 1
        return ACTIVATE
    if pg.attr & GONE:
        return FREE
    mapped = pg.attr & MAPPED and m.flags[p] & PRESENT
    young = mapped and m.flags[p] & ACCESSED
    marked_ref = m.flags[p] & REFERENCED
    reclaim_clean = False
    if young:
        m.flags[p] = (m.flags[p] & (255 ^ ACCESSED)) | REFERENCED
        if marked_ref or pg.attr & EXEC:
            return ACTIVATE
        return KEEP
    if marked_ref and not pg.attr & ANON:
        m.flags[p] &= 255 ^ REFERENCED
        reclaim_clean = True
    if pg.attr & ANON and not pg.attr & SLOT and (not sc.gfp & gfp.IO or not add_to_swap(m, p)):
        return ACTIVATE
    if mapped:
        actor.local_ns += vm.unmap_ns
        unmap(m, p)
    if not m.flags[p] & DIRTY:
        return FREE
    if pg.attr & ANON:
        if not sc.gfp & gfp.IO or not sc.may_writepage:
            return KEEP
        return int(pol.dirty_page(is_kswapd, 1, 0, 0, sc.priority, m.tunables))
    if reclaim_clean:
        return KEEP
    marked = 1 if m.flags[p] & RECLAIM else 0
    return int(pol.dirty_page(is_kswapd, 0, marked, vm.node_dirty, sc.priority, m.tunables))


@jit
def step_shrink_list(m: Any, pol: Any, a: int, f: Any) -> int:
    """Go through the isolated folios of the frame, then settle the batch; returns pages freed."""
    sc = m.frames[a * DEPTH + f.sc]
    if f.phase == WROTE:
        f.phase = START
        f.nr_pageout += f.ret
        if not f.ret:
            activate(m, f, f.page)
        keep(m, f, f.page)
    while f.iso_head >= 0:
        p = f.iso_head
        f.iso_head = int(m.page[p].link)
        what = fate(m, pol, a, sc, f, p)
        if what == FREE:
            evict(m, p)
            f.nr_reclaimed += 1
        elif what == WRITE:
            f.page = p
            f.phase = WROTE
            return pageout(m, a, p, 1)
        elif what == SET_ASIDE:
            set_aside(m, sc, p)
        else:
            if what == ACTIVATE:
                if m.flags[p] & DIRTY and not m.flags[p] & WRITEBACK and not m.page[p].attr & ANON:
                    m.flags[p] |= RECLAIM
                    m.vm[0].nr_vmscan_immediate_reclaim += 1
                activate(m, f, p)
            keep(m, f, p)
    put_back(m, f.keep_head)
    return settle(m, a, f, sc)


@inlined
def activate(m: Any, f: Any, p: int) -> None:
    """The folio goes back active."""
    vm = m.vm[0]
    if not m.flags[p] & ACTIVE:
        m.flags[p] |= ACTIVE
        vm.pgactivate += 1
        vm.nonresident_age += 1
        f.nr_rotated += 1


@jit
def settle(m: Any, a: int, f: Any, sc: Any) -> int:
    """The end of shrink_inactive_list(): costs, counts, and the flusher is woken when all it met was dirty and unqueued."""
    vm = m.vm[0]
    cost = f.nr_pageout * SWAP_CLUSTER_MAX + f.nr_rotated
    note_cost(m, f.is_file, cost)
    if a == vm.kswapd:
        vm.pgsteal_kswapd += f.nr_reclaimed
    else:
        vm.pgsteal_direct += f.nr_reclaimed
    if f.nr_unqueued_dirty == f.nr_taken and f.nr_taken > 0:
        wake_flusher(m, vm.nr_dirty, m.actors[a].local_ns)
    sc.nr_dirty += f.nr_dirty
    sc.nr_congested += f.nr_congested
    sc.nr_unqueued_dirty += f.nr_unqueued_dirty
    sc.nr_file_writeback += f.nr_file_writeback
    sc.nr_immediate += f.nr_immediate
    sc.nr_taken += f.nr_taken
    if f.is_file:
        sc.nr_file_taken += f.nr_taken
    return pop(m, a, f.nr_reclaimed)


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


# --- balance of the lists ------------------------------------------------------------------------------------------------------------------


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
    for _ in range(pages):
        p = lru.pop_tail(m, which)
        if p < 0:
            break
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
    note_cost(m, 1 if which == ACTIVE_FILE else 0, rotated)


@inlined
def referenced_active(m: Any, p: int) -> bool:
    """folio_referenced() on an active page: clears the young bit, leaves PG_referenced."""
    if m.page[p].attr & MAPPED and m.flags[p] & PRESENT and m.flags[p] & ACCESSED:
        m.flags[p] &= 255 ^ ACCESSED
        return True
    return False


# --- the node: shrink_lruvec(), shrink_node() ----------------------------------------------------------------------------------------------


@jit
def step_shrink_node(m: Any, a: int, f: Any) -> int:
    """shrink_node() of the one node: scan by get_scan_count(), then flags and throttles; returns pages freed."""
    vm = m.vm[0]
    sc = m.frames[a * DEPTH + f.sc]
    if f.phase == START:
        sc.nr_dirty = 0
        sc.nr_congested = 0
        sc.nr_unqueued_dirty = 0
        sc.nr_file_writeback = 0
        sc.nr_immediate = 0
        sc.nr_taken = 0
        sc.nr_file_taken = 0
        f.total_scanned = sc.nr_scanned
        prepare_scan_control(m, sc)
        get_scan_count(m, f, sc)
        f.proportional = 1 if a != vm.kswapd and sc.priority == DEF_PRIORITY else 0
        f.zone = 0
        f.phase = LISTS_LEFT
    if f.phase == SHRUNK:
        f.nr_reclaimed += f.ret
        f.zone += 1
        f.phase = LISTS_LEFT
        return give_way(m, a)
    if f.phase == THROTTLED:
        return pop(m, a, f.nr_reclaimed)
    while f.scan[INACTIVE] > 0 or f.scan[ACTIVE_FILE] > 0 or f.scan[INACTIVE_FILE] > 0:
        if f.zone == 4:
            f.zone = 0
            if enough(m, f, sc):
                break
            continue
        if shrink_one(m, a, f, sc):
            return CONTINUE
        f.zone += 1
    if inactive_is_low(m, 0) and vm.swap_free > 0 and sc.may_swap:
        shrink_active(m, a, ACTIVE_LIST, SWAP_CLUSTER_MAX)
    before = vm.nr_slab
    shrink_slab(m, 0, 0, sc.priority)
    f.nr_reclaimed += before - vm.nr_slab
    return node_done(m, a, f, sc)


@jit
def shrink_one(m: Any, a: int, f: Any, sc: Any) -> bool:
    """One batch of list ``f.zone``; True if a frame was pushed for it."""
    vm = m.vm[0]
    which = f.zone
    pages = min(f.scan[which], SWAP_CLUSTER_MAX)
    if pages <= 0:
        return False
    f.scan[which] -= pages
    if which in (ACTIVE_LIST, ACTIVE_FILE):
        if sc.deactivate & (2 if which == ACTIVE_FILE else 1):
            shrink_active(m, a, which, pages)
        else:
            sc.skipped_deactivate = 1
        return False
    depth = m.actors[a].depth
    s = push(m, a, SHRINK_LIST_612)
    s.sc = f.sc
    s.is_file = 1 if which == INACTIVE_FILE else 0
    s.nr_dirty = 0
    s.nr_unqueued_dirty = 0
    s.nr_congested = 0
    s.nr_file_writeback = 0
    s.nr_immediate = 0
    s.nr_pageout = 0
    s.nr_rotated = 0
    s.nr_taken = isolate(m, s, which, pages)
    if s.nr_taken == 0:
        m.actors[a].depth = depth
        return False
    if a == vm.kswapd:
        vm.pgscan_kswapd += s.nr_taken
    else:
        vm.pgscan_direct += s.nr_taken
    f.phase = SHRUNK
    return True


@jit
def enough(m: Any, f: Any, sc: Any) -> bool:
    """After a round over the lists: reclaimed enough? Then drop the smaller type and scan the other in proportion."""
    if f.nr_reclaimed < sc.nr_to_reclaim or f.proportional:
        return False
    file = f.scan[INACTIVE_FILE] + f.scan[ACTIVE_FILE]
    anon = f.scan[INACTIVE] + f.scan[ACTIVE_LIST]
    if file == 0 or anon == 0:
        return True
    small = INACTIVE if file > anon else INACTIVE_FILE
    other = INACTIVE_FILE - small
    left = min(file, anon)
    percentage = left * 100 // (f.goal[small] + f.goal[small + 1] + 1)
    f.scan[small] = 0
    f.scan[small + 1] = 0
    for which in range(other, other + 2):
        scanned = f.goal[which] - f.scan[which]
        f.scan[which] = max(f.goal[which] * (100 - percentage) // 100 - scanned, 0)
    f.proportional = 1
    return False


@jit
def node_done(m: Any, a: int, f: Any, sc: Any) -> int:
    """kswapd marks the node; reclaimers that got nowhere are throttled."""
    vm = m.vm[0]
    now = m.actors[a].local_ns
    is_kswapd = a == vm.kswapd
    if f.nr_reclaimed > 0:
        vm.kswapd_failures = 0
    f.phase = THROTTLED
    if is_kswapd:
        if sc.nr_file_writeback and sc.nr_file_writeback == sc.nr_taken:
            vm.node_writeback = 1
        if sc.nr_unqueued_dirty and sc.nr_unqueued_dirty == sc.nr_file_taken:
            vm.node_dirty = 1
        if sc.nr_immediate:
            return throttle_writeback(m, a, now)
    if sc.nr_dirty and sc.nr_dirty == sc.nr_congested and is_kswapd:
        vm.node_congested = 1
    if not is_kswapd and vm.node_congested and not skip_throttle(m):
        return sleep(m, a, WAIT_TIMER, 0, now + JIFFY)
    if f.nr_reclaimed > (sc.nr_scanned - f.total_scanned) >> 3:
        wake(m, WAIT_NOPROGRESS, -1, now)
    elif not is_kswapd and sc.priority == 1 and f.nr_reclaimed == 0 and not skip_throttle(m):
        return sleep(m, a, WAIT_NOPROGRESS, 0, now + JIFFY)
    return pop(m, a, f.nr_reclaimed)


@jit
def throttle_writeback(m: Any, a: int, now: int) -> int:
    """reclaim_throttle(VMSCAN_THROTTLE_WRITEBACK): until enough writes are done, at most 100 ms."""
    vm = m.vm[0]
    if vm.waiting[WAIT_WRITEBACK] == 0:
        vm.throttle_written_start = vm.nr_written
        vm.nr_throttled_writeback = 0
    vm.nr_throttled_writeback += 1
    return sleep(m, a, WAIT_WRITEBACK, 0, now + 100 * MS)


@jit
def skip_throttle(m: Any) -> bool:
    """skip_throttle_noprogress(): kswapd is hopeless, or little of what is reclaimable waits for writes."""
    vm = m.vm[0]
    if vm.kswapd_failures >= HOPELESS:
        return True
    reclaimable = m.queues[INACTIVE_FILE].nr + m.queues[ACTIVE_FILE].nr
    if vm.swap_free > 0:
        reclaimable += m.queues[INACTIVE].nr + m.queues[ACTIVE_LIST].nr
    return bool(2 * vm.nr_writeback <= reclaimable)


@jit
def enter_shrink_node(m: Any, a: int) -> int:
    """Push shrink_node() with the scan_control of the present frame."""
    depth = m.actors[a].depth
    s = push(m, a, SHRINK_NODE_612)
    s.sc = depth
    return CONTINUE


# --- direct reclaim: do_try_to_free_pages() ------------------------------------------------------------------------------------------------


@jit
def step_direct(m: Any, a: int, f: Any) -> int:
    """Returns the pages reclaimed; 0 is no progress."""
    if f.phase == START:
        f.priority = DEF_PRIORITY
        f.may_writepage = 1
        f.may_swap = 1
        f.nr_to_reclaim = SWAP_CLUSTER_MAX
        f.force_deactivate = 0
        f.skipped_deactivate = 0
        f.phase = SHRUNK
        return enter_shrink_node(m, a)
    f.nr_reclaimed += f.ret
    if f.nr_reclaimed >= f.nr_to_reclaim:
        return direct_done(m, a, f)
    f.priority -= 1
    if f.priority < 0:
        if f.nr_reclaimed == 0 and f.skipped_deactivate and not f.force_deactivate:
            f.priority = DEF_PRIORITY
            f.force_deactivate = 1
            f.skipped_deactivate = 0
        else:
            return direct_done(m, a, f)
    return enter_shrink_node(m, a)


@jit
def direct_done(m: Any, a: int, f: Any) -> int:
    """snapshot_refaults(), and the congestion mark is cleared."""
    vm = m.vm[0]
    vm.refaults_anon = vm.activate_anon
    vm.refaults_file = vm.activate_file
    vm.node_congested = 0
    return pop(m, a, f.nr_reclaimed)


# --- kswapd: balance_pgdat() ---------------------------------------------------------------------------------------------------------------


@jit
def balanced(m: Any) -> bool:
    """pgdat_balanced(): some zone is above high."""
    for z in range(len(m.zones)):
        if watermark_ok(m.zones[z], MARK_HIGH, 0, m.vm[0].era):
            return True
    return False


@jit
def step_kswapd(m: Any, a: int, f: Any) -> int:
    """kswapd: balance from priority 12 to 1 until a zone is above high; sixteen failures in a row and it gives up."""
    vm = m.vm[0]
    now = m.actors[a].local_ns
    if f.phase == START:
        f.phase = NAPPING
        return sleep(m, a, WAIT_WORK, 0, now + 100 * MS)
    if f.phase == NAPPING:
        f.phase = ASLEEP
        if balanced(m) or vm.kswapd_failures >= HOPELESS:
            return sleep(m, a, WAIT_WORK, 0, INFINITY)
    if f.phase == ASLEEP:
        vm.pageoutrun += 1
        f.priority = DEF_PRIORITY
        f.gfp = gfp.KERNEL
        f.may_swap = 1
        f.may_writepage = 1
        f.force_deactivate = 0
        f.result = 0
        f.phase = PRIORITY
    if f.phase == NODE_DONE:
        pass_done(m, f, now)
    if f.phase == PRIORITY:
        if balanced(m):
            return kswapd_done(m, a, f)
        f.nr_to_reclaim = 0
        for z in range(len(m.zones)):
            f.nr_to_reclaim += max(m.zones[z].wmark_high, SWAP_CLUSTER_MAX)
        f.nr_scanned = 0
        f.phase = NODE_DONE
        return enter_shrink_node(m, a)
    if f.result == 0:
        vm.kswapd_failures += 1
    return kswapd_done(m, a, f)


@jit
def pass_done(m: Any, f: Any, now: int) -> None:
    """After shrink_node(): wake who waits for the reserve, lower the priority unless enough was scanned and something freed."""
    f.result += f.ret
    if allow_direct_reclaim(m):
        wake(m, WAIT_PFMEMALLOC, -1, now)
    raise_priority = f.nr_scanned < f.nr_to_reclaim
    if raise_priority or f.ret == 0:
        f.priority -= 1
    f.phase = PRIORITY if f.priority >= 1 else THROTTLED


@jit
def kswapd_done(m: Any, a: int, f: Any) -> int:
    """snapshot_refaults(), clear the node's marks, nap for 100 ms before the real sleep."""
    vm = m.vm[0]
    now = m.actors[a].local_ns
    vm.refaults_anon = vm.activate_anon
    vm.refaults_file = vm.activate_file
    if balanced(m):
        vm.node_congested = 0
        vm.node_dirty = 0
        vm.node_writeback = 0
        f.phase = START
        wake(m, WAIT_PFMEMALLOC, -1, now)
        return CONTINUE
    if vm.kswapd_failures >= HOPELESS:
        wake(m, WAIT_PFMEMALLOC, -1, now)
        f.phase = START
        return CONTINUE
    f.phase = ASLEEP
    return give_way(m, a)


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
