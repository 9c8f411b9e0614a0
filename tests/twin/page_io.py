"""Writing one page out with the memory that this takes, and what happens when a read or write ends.

Kernel: mm/vmscan.c:pageout(), mm/mempool.c:mempool_alloc(), mm/page-writeback.c:test_clear_page_writeback(), block/ll_rw_blk.c, v2.6.23.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import gfp
from core.units import SECOND
from tests.twin.actor import NEVER, Actor, Sleep, Steps, Wait
from tests.twin.allocator import alloc_page
from tests.twin.device import BlockDevice, Held, Io, Queue
from tests.twin.lru import rotate_reclaimable_page
from tests.twin.page import Page, bury, map_page
from tests.twin.watermarks import Mark

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel


def pageout(k: Kernel, actor: Actor, page: Page, for_reclaim: bool) -> Steps:
    """Start the write of a dirty page; whether it is under way."""
    device = k.device_of(page)
    device.alloc_carry += device.device.w_alloc_milli
    need, device.alloc_carry = divmod(device.alloc_carry, 1000)
    if k.writeout.at_dirtying:
        need = 0
    yield from k.writeout.admit(actor, need)
    actor.admitted_writes += need > 0
    held = Held()
    ready = yield from ready_to_write(k, actor, device, page, need, held)
    actor.admitted_writes -= need > 0
    if not ready:
        release(k, device, held)
        k.writeout.leave(need, actor.clock)
        return False
    page.dirty = False
    page.writeback = True
    k.writeback.add(page)
    if page.anon:
        k.dirty_anon.remove(page)
        k.count["pswpout"] += 1
    else:
        k.dirty.remove(page)
    if for_reclaim:
        page.reclaim = True
        k.count["nr_vmscan_write"] += 1
    if k.writeout.at_dirtying:
        pages = k.writeout.spare(device)
        k.writeout.hold(held, pages)
        k.writeout.admitted += pages
    actor.clock += k.machine.submit_ns
    if actor.plug.takes(device):
        actor.plug.add(device, page, actor)
    else:
        device.submit_by(actor, page, True, held)
    return True


def ready_to_write(k: Kernel, actor: Actor, device: BlockDevice, page: Page, need: int, held: Held) -> Steps:
    """Get the memory and a free request; False: no memory, or somebody else was here meanwhile."""
    if need:
        got = yield from (from_mempool if device.device.w_pool else from_allocator)(k, actor, device, need, held)
        if not got:
            return False
    while page.cached and not page.gone and page.dirty and not page.writeback:
        if not device.must_wait(page, actor.plug):
            return True
        yield Sleep(Wait.REQUEST, NEVER, device)
    return False


def from_allocator(k: Kernel, actor: Actor, device: BlockDevice, need: int, held: Held) -> Steps:
    """Allocate what the write needs in the writer's own context."""
    while held.pages < need:
        zone = yield from alloc_page(k, actor, device.device.w_gfp)
        if zone is None:
            return False
        zone.kernel += 1
        k.writeout.hold(held, 1)
    return True


def from_mempool(k: Kernel, actor: Actor, device: BlockDevice, need: int, held: Held) -> Steps:
    """mempool_alloc(): the allocator without waiting and without the reserve, then the pool; then the allocator as the class may, and the pool again.

    The wait for an element comes before the second try to 3.2, after it since 3.3.
    """
    may_wait = device.device.w_gfp & gfp.WAIT
    first = True
    while True:
        if first or not may_wait:
            while held.pages < need and k.take_kernel_page(Mark.MIN, gfp.NOMEMALLOC):
                k.writeout.hold(held, 1)
        else:
            while held.pages < need:
                zone = yield from alloc_page(k, actor, device.device.w_gfp | gfp.NOMEMALLOC | gfp.NORETRY)
                if zone is None:
                    break
                zone.kernel += 1
                k.writeout.hold(held, 1)
        if held.pages == need:
            return True
        if device.pool_used == 0 or device.pool_used + need <= k.scale.up(device.device.w_pool):
            release(k, device, held)
            device.pool_used += need
            held.elements = need
            return True
        if k.old or not first or not may_wait:
            yield Sleep(Wait.POOL, actor.clock + 5 * SECOND, device)
        first = False


def release(k: Kernel, device: BlockDevice, held: Held) -> None:
    """Free the memory of a write."""
    k.free_kernel_pages(held.pages)
    k.writeout.pages -= held.pages
    device.pool_used -= held.elements
    held.pages = held.elements = 0


def complete(k: Kernel, device: BlockDevice, now: int) -> None:
    """Finish what is due; network devices wait for answers."""
    for queue in (device.reads, device.writes):
        while not device.device.network and queue.ios and queue.ios[0].done <= now:
            finish(k, device, queue, now)


def finish(k: Kernel, device: BlockDevice, queue: Queue, now: int) -> None:
    """The oldest page in flight is done; a request is free again when its last page is."""
    io = queue.ios.popleft()
    k.home = k.node_of(io.page)  # who asked for it is gone
    (end_write if io.write else end_read)(k, device, io, now)
    io.request.in_flight -= 1
    if io.request.in_flight == 0:
        queue.requests.remove(io.request)
        if io.write and len(queue.requests) < device.congestion_off:
            device.congested = False
            k.wake(Wait.CONGESTION, now)  # congested before or not
        k.wake(Wait.REQUEST, now, device)


def end_read(k: Kernel, device: BlockDevice, io: Io, now: int) -> None:
    """The page is up to date."""
    page = io.page
    page.locked = False
    if not page.gone:
        if not page.ahead:
            map_page(k, page)
            page.young = page.young or page.mappable
    elif page.lru is not None:
        page.lru.remove(page)
        bury(k, page)
    k.wake(Wait.PAGE, now, page)


def end_write(k: Kernel, device: BlockDevice, io: Io, now: int) -> None:
    """end_page_writeback()."""
    page = io.page
    node = k.node_of(page)
    had_elements, had = io.held.elements, io.held.elements + io.held.pages
    release(k, device, io.held)
    if had_elements:
        k.wake(Wait.POOL, now, device)
    k.writeout.leave(had, now)
    k.writeback.remove(page)
    k.count["nr_written"] += 1
    if not page.anon:
        k.dirty_throttle.page_written(now)
    rotate = page.reclaim
    page.writeback = page.reclaim = False
    if page.gone:
        if page.lru is not None:
            page.lru.remove(page)
            bury(k, page)
    elif rotate:
        rotate_reclaimable_page(k, page)
    k.wake(Wait.PAGE, now, page)
    k.clean_floor.mended(now)
    node.written_since_throttle += 1
    if node.written_since_throttle > k.batch:
        k.wake(Wait.WRITEBACK, now, node)
