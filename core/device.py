"""Block devices: requests in order of arrival, merged when they continue one another; congestion; completions.

Because a device serves in order and its latency is constant, a page's completion time is known when it is submitted: one event a page, no dispatch.
Kernel: block/ll_rw_blk.c (queue of 128, congested at 113, cleared below 103), v2.6.23; mm/page-writeback.c:test_clear_page_writeback().
        __freed_request() clears the congestion of its queue whenever a request is freed below 103, and clear_bdi_congested() wakes congestion_wait() each time:
        a nap of reclaim lasts until the next write request is done, or its full time if no write is in flight.
"""

from __future__ import annotations

from typing import Any, Final

from core import lru
from core.blkdev import FILE, IO_CAP, SWAP
from core.dirty import floor_broken
from core.frames import ALL_ATTR, bury, give_kernel, map_page
from core.jit import inlined, jit
from core.mmzone import ACTIVE_LIST, INACTIVE, INACTIVE_FILE, LISTS, MGLRU, NO_LIST
from core.page import ACCESSED, ACTIVE, AHEAD, DIRTY, GONE, READING, RECLAIM, WRITEBACK
from core.region import ANON, MAPPED
from core.sched import WAIT_CONGESTION, WAIT_FLOOR, WAIT_PAGE, WAIT_POOL, WAIT_REQUEST, WAIT_WORK, WAIT_WRITEBACK, WAIT_WRITEOUT, ready_by, wake
from core.units import INFINITY, MS
from core.vmscan_mglru.gens import newcomer_list, rotate_to_oldest
from core.watermark import ERA_2_6_23

READ_IO: Final = 0
WRITE_IO: Final = 1
FILE_BLOCKS: Final = 1 << 40  # where files begin on a device shared with swap


@inlined
def block_of(m: Any, dev: int, p: int) -> int:
    """Where page ``p`` lies on its device."""
    if dev == SWAP:
        return int(m.page[p].slot)
    return int(FILE_BLOCKS + p)


@inlined
def merges(m: Any, dev: int, write: int, block: int) -> bool:
    """The block continues the last request of its direction (elv_merge)."""
    d = m.devs[dev]
    return bool(d.last_block[write] + 1 == block and d.last_pages[write] < d.max_request)


@inlined
def queue_full(m: Any, dev: int, write: int, p: int) -> bool:
    """No request is free for a page that does not extend the last one (get_request_wait)."""
    d = m.devs[dev]
    if d.io_head[write] - d.io_tail[write] >= IO_CAP - 1:
        return True
    return bool(d.nr[write] >= d.nr_requests and not merges(m, dev, write, block_of(m, dev, p)))


@inlined
def submit(m: Any, dev: int, write: int, p: int, held: int, now: int, faults: int) -> None:
    """Queue one page; ``held`` kernel pages (negative: mempool elements) are freed when its write ends; ``faults`` (1: one request) seek each for itself."""
    d = m.devs[dev]
    spindle = m.devs[d.spindle]
    block = block_of(m, dev, p)
    opens = 0 if merges(m, dev, write, block) else 1
    if opens:
        d.nr[write] += 1
        d.last_pages[write] = 0
        if d.nr[write] >= d.congestion_on and write:
            d.congested = 1
    d.last_block[write] = block
    d.last_pages[write] += 1
    start = max(now, spindle.busy_until)
    if block != spindle.head_block and d.seek_ns > 0:
        # A short hop costs what passes under the head meanwhile; the elevator sorts those within its queue.
        hop = abs(block - spindle.head_block)  # times page_ns_read it may be more than an int64 holds
        start += (hop * d.page_ns_read if hop <= d.seek_ns // d.page_ns_read else d.seek_ns) * faults
        m.vm[0].nr_seeks += faults
    spindle.head_block = block + 1
    if spindle.refill_ns > 0:
        spindle.busy_until = passes(m, dev, write, opens, now)
        note_due(m, dev, write)
    else:
        spindle.busy_until = start + (d.page_ns_write if write else d.page_ns_read)
    entry = m.io[dev * 2 + write, d.io_head[write] & (IO_CAP - 1)]
    entry.done_ns = spindle.busy_until + d.latency_ns
    entry.page = p
    entry.opens = opens
    entry.held = held
    d.io_head[write] += 1
    if d.io_head[write] - d.io_tail[write] == 1:
        note_due(m, dev, write)
    if d.network and not d.down:
        receiver = m.vm[0].network
        ready_by(m, receiver, max(entry.done_ns, d.resume_ns, m.actors[receiver].local_ns))


@inlined
def submit_by(m: Any, a: int, dev: int, write: int, p: int, held: int, faults: int) -> None:
    """``submit`` by actor ``a``, whose CPU a request costs beside its pages: blk_mq_submit_bio(), the interrupt and the end of its completion."""
    actor = m.actors[a]
    if m.vm[0].request_ns > 0 and not merges(m, dev, write, block_of(m, dev, p)):
        actor.local_ns += m.vm[0].request_ns * faults
    submit(m, dev, write, p, held, actor.local_ns, faults)


@jit
def passes(m: Any, dev: int, write: int, opens: int, now: int) -> int:
    """When a page passes the throttle: at once, while something is left of the fill; a request that does not fit in waits as a whole and ends the fill."""
    d = m.devs[dev]
    spindle = m.devs[d.spindle]
    cost = d.page_ns_write if write else d.page_ns_read
    fill = now // spindle.refill_ns * spindle.refill_ns
    if spindle.fill_ns < fill:
        spindle.fill_ns = fill
        spindle.fill_left = spindle.refill_ns
    if spindle.fill_left < cost:
        spindle.fill_ns += spindle.refill_ns
        spindle.fill_left = spindle.refill_ns
        at = d.io_head[write] - 1
        while not opens and at >= d.io_tail[write]:
            entry = m.io[dev * 2 + write, at & (IO_CAP - 1)]
            if entry.done_ns < now + d.latency_ns:  # has passed
                break
            entry.done_ns = spindle.fill_ns + d.latency_ns
            spindle.fill_left -= cost
            opens = entry.opens
            at -= 1
    spindle.fill_left -= cost
    return int(max(now, spindle.fill_ns, spindle.busy_until))


@inlined
def note_due(m: Any, dev: int, write: int) -> None:
    """Bring ``due_ns`` of one queue up to date: a time after any event if nothing is in flight or answers complete it (network.py)."""
    d = m.devs[dev]
    due = INFINITY
    if d.io_tail[write] < d.io_head[write] and not d.network:
        due = m.io[dev * 2 + write, d.io_tail[write] & (IO_CAP - 1)].done_ns
    m.vm[0].due_ns[dev * 2 + write] = due


@inlined
def next_completion(m: Any) -> int:
    """Time of the earliest completion, ns; a time after any event if nothing is in flight."""
    due = m.vm[0].due_ns
    return int(min(min(due[0], due[1]), min(due[2], due[3])))


@inlined
def complete(m: Any, now: int) -> None:
    """Finish the page that is due at ``now``; of several the swap device's come first, and reads before writes."""
    due = m.vm[0].due_ns
    if due[0] == now:
        end(m, SWAP, READ_IO, now)
    elif due[1] == now:
        end(m, SWAP, WRITE_IO, now)
    elif due[2] == now:
        end(m, FILE, READ_IO, now)
    else:
        end(m, FILE, WRITE_IO, now)


@jit
def finish(m: Any, dev: int, write: int, now: int) -> None:
    """The oldest page in flight in one direction is done."""
    end(m, dev, write, now)


@inlined
def end(m: Any, dev: int, write: int, now: int) -> None:
    """``finish`` without the call."""
    d = m.devs[dev]
    entry = m.io[dev * 2 + write, d.io_tail[write] & (IO_CAP - 1)]
    p = int(entry.page)
    held = int(entry.held)
    d.io_tail[write] += 1
    if m.vm[0].n_nodes > 1:  # who asked for it is gone: what its end frees, the node of the page gets
        m.vm[0].home = m.nodes[m.zones[m.page[p].zone].node].zone_last
    if d.io_tail[write] == d.io_head[write]:  # begin again at the front, which is in the cache
        d.io_tail[write] = 0
        d.io_head[write] = 0
    note_due(m, dev, write)
    if write:
        end_write(m, dev, p, held, now)
    else:
        end_read(m, p, now)
    close_request(m, dev, write, now)


@jit
def answer_due(m: Any, dev: int, write: int) -> int:
    """When the server answers the oldest page in flight in one direction; a time after any event if there is none or the server is down."""
    d = m.devs[dev]
    if not d.network or d.down or d.io_tail[write] == d.io_head[write]:
        return INFINITY
    return int(max(m.io[dev * 2 + write, d.io_tail[write] & (IO_CAP - 1)].done_ns, d.resume_ns))


@inlined
def close_request(m: Any, dev: int, write: int, now: int) -> None:
    """A page is done; if it was its request's last, the request is free again."""
    d = m.devs[dev]
    empty = d.io_tail[write] == d.io_head[write]
    if not empty and not m.io[dev * 2 + write, d.io_tail[write] & (IO_CAP - 1)].opens:
        return
    d.nr[write] -= 1
    if empty:
        d.last_block[write] = -2  # nothing left to merge with
    if write and d.nr[1] < d.congestion_off:
        d.congested = 0
        wake(m, WAIT_CONGESTION, -1, now)  # at each such request, congested before or not
    wake(m, WAIT_REQUEST, dev, now)


@inlined
def end_read(m: Any, p: int, now: int) -> None:
    """The page is up to date: its readers go on."""
    pg = m.page[p]
    pg.attr &= ALL_ATTR ^ READING
    if pg.attr & GONE and pg.list != NO_LIST:
        lru.remove(m, p)
        bury(m, p)
    elif not pg.attr & (GONE | AHEAD):
        map_page(m, p)
        if pg.attr & MAPPED:
            m.flags[p] |= ACCESSED
    wake(m, WAIT_PAGE, p, now)


@inlined
def end_write(m: Any, dev: int, p: int, held: int, now: int) -> None:
    """end_page_writeback(): free what the write needed, rotate the page if reclaim waits for it, wake who waits."""
    vm = m.vm[0]
    d = m.devs[dev]
    pg = m.page[p]
    n = m.zones[pg.zone].node
    if held > 0:
        give_kernel(m, held)
        vm.nr_io_held -= held
        d.w_held -= held
    elif held < 0:
        d.w_pool_used += held
        wake(m, WAIT_POOL, dev, now)
    if held != 0:
        vm.writeout_admitted -= abs(held)
        wake(m, WAIT_WRITEOUT, -1, now)
    vm.nr_writeback -= 1
    m.zones[pg.zone].nr_write_pending -= 1
    if dev == FILE:
        vm.nr_file_writeback -= 1
        vm.bw_written += 1
        if vm.nr_file_writeback == 0 and vm.bw_due_ns == 0:
            writeback_ended(m, now)
    vm.nr_written += 1
    rotate = m.flags[p] & RECLAIM
    m.flags[p] &= 255 ^ (WRITEBACK | RECLAIM)
    if pg.attr & GONE and pg.list != NO_LIST:
        lru.remove(m, p)
        bury(m, p)
    elif rotate and pg.list != NO_LIST:
        rotate_reclaimable(m, p)
    wake(m, WAIT_PAGE, p, now)
    if vm.waiting[WAIT_FLOOR] and not floor_broken(m):
        wake(m, WAIT_FLOOR, -1, now)
    if vm.waiting[WAIT_WRITEBACK]:
        m.nodes[n].throttled_written += 1
        if m.nodes[n].throttled_written > vm.batch:
            wake(m, WAIT_WRITEBACK, n, now)


@jit
def writeback_ended(m: Any, now: int) -> None:
    """wb_inode_writeback_end(): the estimate of the bandwidth is brought up to date after 200 ms; 6.x."""
    vm = m.vm[0]
    if vm.era == ERA_2_6_23:
        return
    vm.bw_due_ns = now + 200 * MS
    if m.actors[vm.flusher].wait == WAIT_WORK:
        ready_by(m, vm.flusher, vm.bw_due_ns)


@inlined
def rotate_reclaimable(m: Any, p: int) -> None:
    """rotate_reclaimable_page(): the write that reclaim asked for is done, free the page at the next scan."""
    vm = m.vm[0]
    if m.flags[p] & DIRTY:
        return
    vm.pgrotated += 1
    if vm.lru == MGLRU:
        rotate_to_oldest(m, p)
        return
    pg = m.page[p]
    which = int(pg.list)
    if m.flags[p] & ACTIVE:
        if vm.era == ERA_2_6_23:
            vm.pgrotated -= 1
            return
        m.flags[p] &= 255 ^ ACTIVE
        which = which // LISTS * LISTS + (INACTIVE if pg.attr & ANON else INACTIVE_FILE)
    lru.remove(m, p)
    lru.add_tail(m, p, which)


@inlined
def lru_list(m: Any, p: int) -> int:
    """The list that page ``p`` belongs on by its flags."""
    pg = m.page[p]
    if m.vm[0].lru == MGLRU:
        return newcomer_list(m, p)
    which = m.zones[pg.zone].lruvec
    if m.flags[p] & ACTIVE:
        which += ACTIVE_LIST
    if not pg.attr & ANON and m.vm[0].era != ERA_2_6_23:
        which += INACTIVE_FILE
    return int(which)


@inlined
def write_congested(m: Any, dev: int) -> bool:
    """bdi_write_congested()."""
    return bool(m.devs[dev].congested)
