"""Writes of reclaim wait in the plug of the one that reclaims until it has gone through its lists: so their pages are back on the LRU when they are written.

A page whose write ends while it is isolated is not rotated (folio_rotate_reclaimable() wants PG_lru): without the plug reclaim on a fast device, or of
small batches, would find most of what it wrote at the young end again.
Kernel: mm/vmscan.c:shrink_lruvec(), lru_gen_shrink_lruvec(): blk_start_plug(), blk_finish_plug(), v3.1 on ("vmscan: add block plug for page reclaim");
        block/blk-mq.c:blk_add_rq_to_plug(); who sleeps unplugs, kernel/sched/core.c:sched_submit_work(), v6.1.
Differs: requests count in their queue from the end of the plug on; writes that need memory, and those to a network device, are not plugged.
"""

from __future__ import annotations

from typing import Any, Final

from core.blkdev import FILE, SWAP
from core.device import WRITE_IO, block_of, queue_full, submit_by
from core.jit import inlined, jit
from core.region import ANON

MAX_REQUESTS: Final = 32  # BLK_MAX_REQUEST_COUNT; 16 to v5.15
FLUSH_PAGES: Final = 32  # BLK_PLUG_FLUSH_SIZE: behind a request of 128 KiB no other is added, real pages


@inlined
def start_plug(m: Any, a: int) -> None:
    """blk_start_plug(): an outer plug stays the one."""
    if m.vm[0].version >= 301:
        m.actors[a].plugs += 1


@inlined
def finish_plug(m: Any, a: int) -> None:
    """blk_finish_plug()."""
    actor = m.actors[a]
    if actor.plugs > 0:
        actor.plugs -= 1
        if actor.plugs == 0 and actor.plug_nr > 0:
            flush_plug(m, a)


@jit
def flush_plug(m: Any, a: int) -> None:
    """blk_flush_plug(): all go to their devices now."""
    actor = m.actors[a]
    for i in range(actor.plug_nr):
        p = int(m.plugged[a, i])
        submit_by(m, a, SWAP if m.page[p].attr & ANON else FILE, WRITE_IO, p, 0, 1)
    actor.plug_nr = 0
    actor.plug_requests = 0


@inlined
def plugs(m: Any, a: int, dev: int) -> bool:
    """Does a write of actor ``a`` to ``dev`` wait in its plug?"""
    d = m.devs[dev]
    return bool(m.actors[a].plugs > 0 and d.w_alloc_milli == 0 and not d.network and not m.vm[0].prealloc)


@inlined
def extends_plug(m: Any, a: int, dev: int, p: int) -> bool:
    """blk_attempt_plug_merge(): the page continues the last request of the plug."""
    actor = m.actors[a]
    if actor.plug_nr == 0 or actor.plug_dev != dev or actor.plug_pages >= m.devs[dev].max_request:
        return False
    return bool(block_of(m, dev, p) == block_of(m, dev, int(m.plugged[a, actor.plug_nr - 1])) + 1)


@inlined
def no_request(m: Any, a: int, dev: int, p: int) -> bool:
    """A write of page ``p`` must wait for a request; those in the plug are taken too."""
    actor = m.actors[a]
    if actor.plug_nr == 0 or not plugs(m, a, dev):
        return queue_full(m, dev, WRITE_IO, p)
    return bool(m.devs[dev].nr[WRITE_IO] + actor.plug_requests >= m.devs[dev].nr_requests and not extends_plug(m, a, dev, p))


@jit
def add_to_plug(m: Any, a: int, dev: int, p: int) -> None:
    """blk_add_rq_to_plug(), or the page goes to the last request there."""
    vm = m.vm[0]
    actor = m.actors[a]
    if not extends_plug(m, a, dev, p):
        most = MAX_REQUESTS if vm.version >= 516 else MAX_REQUESTS // 2
        if actor.plug_nr > 0 and (actor.plug_requests >= most or actor.plug_pages * vm.page_scale >= FLUSH_PAGES):
            flush_plug(m, a)
        actor.plug_requests += 1
        actor.plug_pages = 0
        actor.plug_dev = dev
    m.plugged[a, actor.plug_nr] = p
    actor.plug_nr += 1
    actor.plug_pages += 1
