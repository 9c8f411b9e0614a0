"""A task at work: the fast walk over touches whose page is as they need it, and what happens when it is not.

Kernel: mm/memory.c:do_anonymous_page(), do_swap_page(), do_wp_page(); mm/filemap.c; mm/swap.c:mark_page_accessed(), v2.6.23 and v6.12.
Differs: a swap slot is given up at the first write after swap-in, not when swap is half full.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp, lru, prealloc
from core.allocator import alloc, alloc_slow
from core.balance_dirty import balance_dirty, ratelimit_pages
from core.blkdev import FILE, SWAP
from core.clean_floor import stops_at_floor, wait_for_floor
from core.device import READ_IO, lru_list, submit_by
from core.file_readahead import may_read_ahead, read_ahead, read_on, reads_ahead
from core.flusher import fsync
from core.fragmentation import fell_back
from core.frames import ALL_ATTR, drop_slot, enter_swapcache, forget, give, give_kernel, map_page
from core.jit import inlined, jit, prefetch
from core.mmzone import MGLRU, NO_LIST
from core.oom import exit_memory
from core.operations import ALLOC, DISCARD, FILE_READ, FILE_WRITE, FREE, FSYNC, JUMP, NEED, PAGE_MASK, RECEIVE, RUN, SLEEP, THINK, WRITE
from core.page import ACCESSED, ACTIVE, AHEAD, CACHED, DIRTY, EVICTED, GONE, PRESENT, READING, REFERENCED, SLOT, WRITEBACK, ZERO
from core.readahead import found_in_swapcache, read_swapped, returned
from core.region import ANON, MAPPED
from core.sched import CONTINUE, WAIT_PAGE, WAIT_SLEEP, WAIT_TIMER, YIELD, give_way, sleep
from core.units import INFINITY, MS
from core.watermark import ERA_2_6_23, MARK_MIN, MARK_NONE

FETCH: Final = 0
PAGE_CAME: Final = 1
KERNEL_CAME: Final = 2
DONE: Final = 3

NEED_PAGE: Final = 2  # beside CONTINUE and YIELD

LOOK_AHEAD: Final = 96  # touches
AT_ONCE: Final = 32  # touches: so many together
FLAGS_AHEAD: Final = 24  # touches from there to those whose flags are fetched


@jit
def step(m: Any, a: int, f: Any) -> int:
    """Run the task until it blocks, its time is up, or it enters the kernel."""
    if m.actors[a].memdie:
        if f.phase in (PAGE_CAME, KERNEL_CAME) and f.ret > 0:
            m.vm[0].nr_in_hand -= 1
            give(m, f.ret - 1)
        return die(m, a)
    if m.actors[a].late_ns > 0:
        until = m.actors[a].local_ns + m.actors[a].late_ns
        m.actors[a].late_ns = 0
        return sleep(m, a, WAIT_TIMER, 0, until)
    if f.phase == PAGE_CAME:
        f.phase = FETCH
        if f.ret == 0:
            return give_way(m, a)
        z = f.ret - 1
    else:
        verdict = walk(m, a, f)
        if verdict != NEED_PAGE:
            return verdict
        z = alloc(m, a, gfp.KERNEL)
        if z < 0:
            f.phase = PAGE_CAME
            return alloc_slow(m, a, gfp.KERNEL)
    return install(m, a, f.page, z)


@inlined
def walk(m: Any, a: int, f: Any) -> int:
    """Go on with the stream; NEED_PAGE if page ``f.page`` has no frame."""
    actor = m.actors[a]
    if f.phase == KERNEL_CAME:
        f.phase = FETCH
        kernel_page_came(m, a, f)
    if f.phase == DONE:
        f.phase = FETCH
        advance(m, a, 0)
    depth = actor.depth
    verdict = CONTINUE
    while verdict == CONTINUE and actor.depth == depth:
        fast(m, a)
        if actor.local_ns >= actor.limit_ns:
            return give_way(m, a)
        word = m.ops[actor.pc]
        code = word >> 40 & 255
        p = word & PAGE_MASK
        if code == RUN:
            p += actor.run
            code = word >> 48 & 255
        elif code > FILE_WRITE:
            return other(m, a, f, word, code)
        f.page = p
        verdict = touch(m, a, p, code)
    return verdict


@inlined
def fast(m: Any, a: int) -> None:
    """Walk over touches as long as their pages have the flags they need and time is left."""
    actor = m.actors[a]
    pc = actor.pc
    now = actor.local_ns
    limit = actor.limit_ns
    costs = a * 4
    done = 0
    while now < limit:
        word = m.ops[pc]
        p = word & PAGE_MASK
        missing = word >> 32 & (255 ^ m.flags[p]) & 255
        if missing & (255 ^ ACCESSED) == 0:
            m.flags[p] |= missing  # the processor sets the young bit by itself; stored always, for nobody could foresee whether it is set
            now += m.touch_ns[costs + (word >> 40 & 3)]
            pc += 1
            done += 1
        elif word >> 40 & 255 == RUN:
            first = (word & PAGE_MASK) + actor.run
            inner = word >> 48 & 3
            need = NEED[inner] if inner != FILE_WRITE or m.vm[0].version < 407 else PRESENT | DIRTY
            cost = m.touch_ns[costs + inner]
            left = min(m.ops[pc + 1] - actor.run, (limit - now + cost - 1) // cost)
            walked = 0
            while walked < left and m.flags[first + walked] & need == need:
                walked += 1
            now += walked * cost
            done += walked
            actor.run += walked
            if actor.run < m.ops[pc + 1]:
                break
            actor.run = 0
            if actor.reads_files:
                note_reads(m, actor, pc, pc + 2)
            pc += 2
            if inner == FILE_READ:
                actor.next_read = first + walked
        else:
            break
    if done > 0:
        vm = m.vm[0]
        vm.ops_done += done
        vm.progress_ns = now
        vm.last_op_ns = max(vm.last_op_ns, now)
    actor.pc = pc
    actor.local_ns = now


@inlined
def advance(m: Any, a: int, ns: int) -> None:
    """The present operation is done and took ``ns``."""
    vm = m.vm[0]
    actor = m.actors[a]
    word = m.ops[actor.pc]
    actor.local_ns += ns
    vm.ops_done += 1
    vm.progress_ns = actor.local_ns
    vm.last_op_ns = max(vm.last_op_ns, actor.local_ns)
    code = word >> 40 & 255
    if code <= FILE_WRITE:
        actor.pc += 1
    elif code != RUN:
        if actor.reads_files:
            note_reads(m, actor, actor.pc, actor.pc + 2)
        actor.pc += 2
    else:
        actor.run += 1
        if actor.run == m.ops[actor.pc + 1]:
            actor.run = 0
            if actor.reads_files:
                note_reads(m, actor, actor.pc, actor.pc + 2)
            actor.pc += 2


# --- touches -------------------------------------------------------------------------------------------------------------------------------


@inlined
def touch(m: Any, a: int, p: int, code: int) -> int:
    """The page is not as the touch needs it; NEED_PAGE if it has no frame."""
    vm = m.vm[0]
    pg = m.page[p]
    actor = m.actors[a]
    if code == FILE_READ and pg.attr & (AHEAD | GONE) == AHEAD:
        read_on(m, a, p)
    if pg.attr & READING:
        return sleep(m, a, WAIT_PAGE, p, INFINITY)
    if pg.attr & GONE:  # its old contents are still being written
        return sleep(m, a, WAIT_TIMER, 0, actor.local_ns + MS)
    dirtied = (code in (WRITE, FILE_WRITE)) and not m.flags[p] & DIRTY
    if not pg.attr & CACHED:
        if pg.attr & ANON and not pg.attr & SLOT and code != WRITE:
            if not pg.attr & ZERO:
                vm.pgfault += 1
                actor.local_ns += vm.minor_fault_ns
                pg.attr |= ZERO
            m.flags[p] |= PRESENT | ACCESSED
            return CONTINUE
        if (pg.attr & ANON or code == FILE_WRITE) and stops_at_floor(m, a):
            return wait_for_floor(m, a)
        if vm.prealloc and pg.attr & ANON and prealloc.missing(m, a, p) > 0:  # a read too: if its swap copy goes meanwhile, the page is new
            return prealloc.enter(m, a, p)
        if pg.attr & MAPPED:
            vm.pgfault += 1
        return NEED_PAGE
    if dirtied and vm.prealloc and prealloc.missing(m, a, p) > 0:
        return prealloc.enter(m, a, p)
    if pg.attr & MAPPED and not m.flags[p] & PRESENT:
        vm.pgfault += 1
        actor.local_ns += vm.minor_fault_ns
        if pg.attr & SLOT:
            found_in_swapcache(m, a, p)
        map_page(m, p)
    if dirtied and not pg.attr & ANON and stops_at_floor(m, a):
        return wait_for_floor(m, a)
    if dirtied:
        make_dirty(m, a, p)
    if code in (FILE_READ, FILE_WRITE):
        if code == FILE_READ or vm.version < 407:  # "mm: filemap: only do access activations on reads"
            mark_accessed(m, p)
        advance(m, a, m.touch_ns[a * 4 + code])
        if code == FILE_READ:
            actor.next_read = p + 1
    else:
        m.flags[p] |= ACCESSED
    if dirtied and actor.dirtied > 0 and actor.dirtied >= ratelimit_pages(m, a):
        return balance_dirty(m, a)
    return CONTINUE


@inlined
def make_dirty(m: Any, a: int, p: int) -> None:
    """set_page_dirty(); an anonymous page gives up its swap slot, for the copy there is stale."""
    vm = m.vm[0]
    pg = m.page[p]
    if pg.attr & ANON:
        if pg.attr & SLOT and not m.flags[p] & WRITEBACK:
            drop_slot(m, p)
    else:
        vm.nr_dirty += 1
        vm.nr_dirtied += 1
        m.zones[pg.zone].nr_write_pending += 1
        vm.bw_dirtied += 1
        m.actors[a].dirtied += 1
        pg.stamp = max(m.actors[a].local_ns, 1)
    m.flags[p] |= DIRTY
    if vm.prealloc:
        prealloc.hold(m, a, p)


@jit
def mark_accessed(m: Any, p: int) -> None:
    """mark_page_accessed(): the second access activates."""
    flags = m.flags[p]
    if not flags & REFERENCED:
        m.flags[p] = flags | REFERENCED
    elif flags & ACTIVE:
        return
    elif m.vm[0].lru == MGLRU:
        m.flags[p] = flags | ACTIVE  # folio_inc_refs(): it stays where it is
    elif m.page[p].list != NO_LIST:
        lru.remove(m, p)
        m.flags[p] = (flags & (255 ^ REFERENCED)) | ACTIVE
        lru.add_head(m, p, lru_list(m, p))
        m.vm[0].pgactivate += 1
        if m.vm[0].era != ERA_2_6_23:
            m.nodes[m.zones[m.page[p].zone].node].nonresident_age += 1


@inlined
def install(m: Any, a: int, p: int, z: int) -> int:
    """The page in hand becomes page ``p``: zeroed, filled by a whole-page write, or read from its device."""
    vm = m.vm[0]
    pg = m.page[p]
    vm.nr_in_hand -= 1
    if pg.attr & (CACHED | GONE):  # somebody was faster
        give(m, z)
        return CONTINUE
    m.flags[p] = 0
    active = False
    if pg.attr & EVICTED:
        active = returned(m, p, z)
    pg.zone = z
    attr = (pg.attr & (ALL_ATTR ^ (EVICTED | ZERO))) | CACHED
    pg.attr = attr
    if attr & ANON:
        active = active or vm.era == ERA_2_6_23  # lru_cache_add_active()
    if active:
        m.flags[p] = ACTIVE
    lru.add_head(m, p, lru_list(m, p))
    if attr & ANON and not attr & SLOT:
        return new_anon(m, a, p)
    word = m.ops[m.actors[a].pc]
    code = word >> 40 & 255
    if code == RUN:
        code = word >> 48 & 255
    if attr & ANON:
        vm.pswpin += 1
        if not enter_swapcache(m, MARK_MIN, gfp.KERNEL) and not enter_swapcache(m, MARK_NONE, gfp.KERNEL):
            vm.nr_swapcache += 1
        return start_read(m, a, SWAP, p, attr, vm.swap_faults)
    vm.nr_file += 1
    if code == FILE_WRITE:
        map_page(m, p)
        return CONTINUE
    ahead = False
    if code == FILE_READ:
        note_reads(m, m.actors[a], m.actors[a].pc, m.actors[a].pc)
        if word >> 40 & 255 == RUN and m.actors[a].run > 0:
            m.actors[a].next_read = p  # the fast walk does not note it within a run
        ahead = reads_ahead(m, a, p, word >> 40 & 255 == RUN)
    verdict = start_read(m, a, FILE, p, attr, 1 if ahead and may_read_ahead(m) else vm.page_scale)
    if ahead:
        read_ahead(m, a, p)
    return verdict


@jit
def note_reads(m: Any, actor: Any, end: int, to: int) -> None:
    """Bring ``next_read`` up to date with the touches before ``end`` that the fast walk has passed without a look; the next ones begin at ``to``."""
    pc = end - 1
    while pc >= actor.unseen_pc:
        if m.ops[pc] >> 40 & 255 == FILE_READ:
            actor.next_read = (m.ops[pc] & PAGE_MASK) + 1
            break
        pc -= 1
    actor.unseen_pc = to


@inlined
def new_anon(m: Any, a: int, p: int) -> int:
    """do_anonymous_page() for a write: a zeroed page that belongs to the task."""
    actor = m.actors[a]
    actor.local_ns += m.vm[0].minor_fault_ns
    m.flags[p] |= ACCESSED | DIRTY
    map_page(m, p)
    if m.vm[0].prealloc:
        prealloc.hold(m, a, p)
    m.page[p].owner = a
    actor.rss += 1
    return CONTINUE


@inlined
def start_read(m: Any, a: int, dev: int, p: int, attr: int, faults: int) -> int:
    """Submit the read of page ``p``, which stands for ``faults`` one after another, and wait for it.

    Its ``attr`` is stored whole: end_read() would have to wait for a part of the field.
    """
    vm = m.vm[0]
    actor = m.actors[a]
    if attr & MAPPED:
        vm.pgmajfault += 1
    actor.local_ns += vm.major_fault_ns
    m.page[p].attr = attr | READING
    if dev == SWAP:
        actor.local_ns += vm.swapin_ns
        read_swapped(m, a, p, faults)
    else:
        submit_by(m, a, dev, READ_IO, p, 0, faults)
    actor.late_ns = (faults - 1) * m.devs[dev].latency_ns
    look_ahead(m, a, p)
    return sleep(m, a, WAIT_PAGE, p, INFINITY)


@inlined
def look_ahead(m: Any, a: int, p: int) -> None:
    """After a miss of page ``p`` others will follow: have the processor fetch the records of those pages meanwhile. Looks at each touch once."""
    actor = m.actors[a]
    if m.ops[actor.pc] >> 40 & 255 > FILE_WRITE:
        return  # a run: its literal follows
    pc = actor.pc + 1
    end = min(pc + LOOK_AHEAD, len(m.ops) - FLAGS_AHEAD)
    if pc <= actor.looked <= end:
        if end - actor.looked < AT_ONCE:
            return  # loops of a few turns cost more than they do
        pc = actor.looked
    while pc < end:
        word = m.ops[pc]
        if word >> 40 & 255 > FILE_WRITE:
            break
        prefetch(m.flags, m.ops[pc + FLAGS_AHEAD] & PAGE_MASK)  # no touch perhaps, but a literal: then it is a hint without use
        q = word & PAGE_MASK
        missing = word >> 32 & 255 & (255 ^ m.flags[q])
        prefetch(m.page, p + (q - p) * (missing + 255 >> 8))  # ``q`` or again ``p``: half of these branches would be predicted wrong
        pc += 1
    actor.looked = pc


# --- other operations ----------------------------------------------------------------------------------------------------------------------


@jit
def other(m: Any, a: int, f: Any, word: int, code: int) -> int:
    """Everything that is not a touch."""
    actor = m.actors[a]
    literal = m.ops[actor.pc + 1]
    if code == THINK:
        ns = min(literal - actor.run, MS)
        actor.run += ns
        actor.local_ns += ns
        if actor.run == literal:
            actor.run = 0
            advance(m, a, 0)
        return CONTINUE
    if code == SLEEP:
        f.phase = DONE
        return sleep(m, a, WAIT_SLEEP, 0, actor.local_ns + literal)
    if code == ALLOC:
        return alloc_kernel(m, a, f, word >> 48 & 255, literal)
    if code == FREE:
        pages = min(literal, actor.kernel_pages)
        give_kernel(m, pages)
        actor.kernel_pages -= pages
        m.vm[0].nr_task_kernel -= pages
        advance(m, a, 100 * (pages * m.vm[0].page_scale + 1))
        return CONTINUE
    if code == RECEIVE:
        vm = m.vm[0]
        packets = min(literal, vm.nr_backlog)
        give_kernel(m, packets)
        vm.nr_backlog -= packets
        advance(m, a, 100 + vm.copy_ns * packets)
        return CONTINUE
    if code == FSYNC:
        f.phase = DONE
        return fsync(m, a, word & PAGE_MASK, literal)
    if code == DISCARD:
        first = word & PAGE_MASK
        for p in range(first, first + literal):
            forget(m, p)
        advance(m, a, 100 * literal * m.vm[0].page_scale)
        return CONTINUE
    if code == JUMP:
        if actor.reads_files:
            note_reads(m, actor, actor.pc, actor.first + literal)
        actor.pc = actor.first + literal
        actor.local_ns += 1
        return CONTINUE
    return die(m, a)


@jit
def alloc_kernel(m: Any, a: int, f: Any, flags: int, pages: int) -> int:
    """Take kernel pages one by one; an allocation that may not wait and fails ends the operation."""
    actor = m.actors[a]
    vm = m.vm[0]
    while actor.run < pages:
        z = alloc(m, a, flags)
        if z < 0:
            f.phase = KERNEL_CAME
            f.gfp = flags
            return alloc_slow(m, a, flags)
        vm.nr_in_hand -= 1
        hold(m, a, z, flags)
    actor.run = 0
    advance(m, a, 100 * (pages * vm.page_scale + 1))
    return CONTINUE


@jit
def hold(m: Any, a: int, z: int, flags: int) -> None:
    """The task holds one more kernel page, of zone ``z``, allocated with gfp ``flags``."""
    m.zones[z].nr_kernel += 1
    m.vm[0].nr_task_kernel += 1
    m.actors[a].kernel_pages += 1
    m.actors[a].run += 1
    if flags & gfp.FALLBACK:
        fell_back(m, z, m.actors[a].local_ns)


@jit
def kernel_page_came(m: Any, a: int, f: Any) -> None:
    """Back from the slow path of ``alloc_kernel``."""
    if f.ret > 0:
        m.vm[0].nr_in_hand -= 1
        hold(m, a, f.ret - 1, f.gfp)
    else:
        m.actors[a].run = 0
        advance(m, a, 100)


@jit
def die(m: Any, a: int) -> int:
    """exit(), of its own will or killed."""
    vm = m.vm[0]
    actor = m.actors[a]
    exit_memory(m, a)
    actor.dead = 1
    actor.ready_ns = INFINITY
    vm.progress_ns = actor.local_ns
    vm.last_op_ns = max(vm.last_op_ns, actor.local_ns)
    return YIELD
