"""Writing one page out, and the memory that this needs.

The whole argument of 2007 is about this page: a write may need pages itself, and what these allocations may do depends on who writes.
Kernel: mm/vmscan.c:pageout(); mm/mempool.c:mempool_alloc(), v2.6.23.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp, prealloc
from core.actor import DEPTH
from core.allocator import alloc, alloc_slow
from core.blkdev import FILE, SWAP
from core.device import WRITE_IO, submit_by
from core.frames import give_kernel, take_kernel
from core.jit import inlined, jit, outlined
from core.page import CACHED, DIRTY, GONE, RECLAIM, WRITEBACK
from core.plug import add_to_plug, no_request, plugs
from core.region import ANON
from core.sched import CONTINUE, PAGEOUT, WAIT_POOL, WAIT_REQUEST, WAIT_WRITEOUT, pop, push, sleep, wake
from core.units import INFINITY, SECOND
from core.watermark import ERA_2_6_23, MARK_MIN

START: Final = 0
MEMORY: Final = 1
MEMORY_CAME: Final = 2
SUBMIT: Final = 3
ADMISSION: Final = 4
POOL_CAME: Final = 5


@jit
def pageout(m: Any, a: int, p: int, reclaim: int) -> int:
    """Enter the writing of page ``p``; it returns 1 when the write is under way, 0 when the page stays dirty."""
    f = push(m, a, PAGEOUT)
    f.page = p
    f.reclaim = reclaim
    f.admitted = 0
    f.dev = SWAP if m.page[p].attr & ANON else FILE
    return CONTINUE


@outlined
def step(m: Any, a: int, f: Any) -> int:
    """One step: get the memory, get a request, submit."""
    d = m.devs[f.dev]
    if f.phase == START:
        d.w_carry += d.w_alloc_milli
        f.count = d.w_carry // 1000
        d.w_carry -= f.count * 1000
        if m.vm[0].prealloc:
            f.count = 0
        f.phase = ADMISSION
    if f.phase == ADMISSION:
        if not admit(m, a, f):
            return sleep(m, a, WAIT_WRITEOUT, 0, INFINITY)
        f.phase = MEMORY
    if f.phase in (MEMORY, POOL_CAME) and d.w_pool > 0 and f.count > 0:
        code = pool(m, a, f, d)
        if f.phase != SUBMIT:
            return code
    elif f.phase != SUBMIT and f.count > 0:
        code = memory(m, a, f, d)
        if f.phase != SUBMIT:
            return code
    f.phase = SUBMIT
    if not still_wanted(m, f.page):
        return give_up(m, a, f, d)
    if no_request(m, a, f.dev, f.page):
        return sleep(m, a, WAIT_REQUEST, f.dev, INFINITY)
    write(m, a, f)
    return pop(m, a, 1)


@jit
def admit(m: Any, a: int, f: Any) -> bool:
    """Bounded writeout: may a write that needs ``f.count`` pages begin? One always may, and so may one that an admitted write of the same task waits for."""
    vm = m.vm[0]
    full = vm.writeout_cap > 0 and f.count > 0 and vm.writeout_admitted > 0 and vm.writeout_admitted + f.count > vm.writeout_cap
    if full and not writes_already(m, a):
        return False
    f.admitted = f.count
    vm.writeout_admitted += f.count
    return True


@jit
def writes_already(m: Any, a: int) -> bool:
    """Is the actor within a write that was admitted?"""
    for depth in range(m.actors[a].depth):
        outer = m.frames[a * DEPTH + depth]
        if outer.proc == PAGEOUT and outer.admitted > 0:
            return True
    return False


@jit
def memory(m: Any, a: int, f: Any, d: Any) -> int:
    """Allocate what the write needs, page by page, in the writer's own context; phase SUBMIT when complete."""
    if f.phase == MEMORY_CAME:
        if f.ret == 0:  # PF_MEMALLOC and the reserve is empty
            return give_up(m, a, f, d)
        keep_page(m, f, d, f.ret - 1)
    while f.held < f.count:
        z = alloc(m, a, d.w_gfp)
        if z < 0:
            f.phase = MEMORY_CAME
            return alloc_slow(m, a, d.w_gfp)
        keep_page(m, f, d, z)
    f.phase = SUBMIT
    return CONTINUE


@jit
def keep_page(m: Any, f: Any, d: Any, z: int) -> None:
    """The page in hand becomes a kernel page held by the write."""
    m.vm[0].nr_in_hand -= 1
    m.zones[z].nr_kernel += 1
    hold(m, f, d)


@jit
def pool(m: Any, a: int, f: Any, d: Any) -> int:
    """mempool_alloc(): the allocator without waiting and without the reserve, then the pool; then, after a wait for an element (since 3.3 at once), the
    allocator as the class allows, but never the reserve, then the pool again; phase SUBMIT when complete."""
    waits = d.w_gfp & gfp.WAIT
    if f.phase == MEMORY and (f.loops == 0 or not waits):
        while f.held < f.count and take_kernel(m, MARK_MIN, gfp.NOMEMALLOC):
            hold(m, f, d)
        if f.held == f.count or from_pool(m, f, d) or m.vm[0].era == ERA_2_6_23 or not waits:
            return complete_or_wait(m, a, f)
    flags = d.w_gfp | gfp.NOMEMALLOC | gfp.NORETRY
    failed = f.phase == POOL_CAME and f.ret == 0
    if f.phase == POOL_CAME and f.ret > 0:
        keep_page(m, f, d, f.ret - 1)
    while f.held < f.count and not failed:
        z = alloc(m, a, flags)
        if z < 0:
            f.phase = POOL_CAME
            return alloc_slow(m, a, flags)
        keep_page(m, f, d, z)
    if f.held < f.count:
        from_pool(m, f, d)
    return complete_or_wait(m, a, f)


@jit
def complete_or_wait(m: Any, a: int, f: Any) -> int:
    """Go on with all that the write needs, or wait until an element comes back, 5 s at most."""
    if abs(f.held) == f.count:
        f.phase = SUBMIT
        return CONTINUE
    f.phase = MEMORY
    f.loops += 1
    return sleep(m, a, WAIT_POOL, f.dev, m.actors[a].local_ns + 5 * SECOND)


@inlined
def hold(m: Any, f: Any, d: Any) -> None:
    """One more kernel page is the write's."""
    vm = m.vm[0]
    vm.nr_io_held += 1
    d.w_held += 1
    f.held += 1
    vm.writeout_held_max = max(vm.writeout_held_max, vm.nr_io_held)


@jit
def from_pool(m: Any, f: Any, d: Any) -> bool:
    """Take all that the write needs from the pool; False: wait for an element."""
    if d.w_pool_used > 0 and d.w_pool_used + f.count > d.w_pool:
        return False
    put_back_memory(m, f, d)
    d.w_pool_used += f.count
    f.held = -f.count
    return True


@jit
def give_up(m: Any, a: int, f: Any, d: Any) -> int:
    """The write does not happen."""
    put_back_memory(m, f, d)
    if f.admitted > 0:
        m.vm[0].writeout_admitted -= f.admitted
        wake(m, WAIT_WRITEOUT, -1, m.actors[a].local_ns)
    return pop(m, a, 0)


@jit
def put_back_memory(m: Any, f: Any, d: Any) -> None:
    """Free what was allocated for the write."""
    if f.held > 0:
        give_kernel(m, f.held)
        m.vm[0].nr_io_held -= f.held
        d.w_held -= f.held
    elif f.held < 0:
        d.w_pool_used += f.held
    f.held = 0


@inlined
def still_wanted(m: Any, p: int) -> bool:
    """While the writer waited the page may have been written by another, or be gone."""
    attr = m.page[p].attr
    return bool(attr & CACHED and not attr & GONE and m.flags[p] & DIRTY and not m.flags[p] & WRITEBACK)


@inlined
def write(m: Any, a: int, f: Any) -> None:
    """The write of frame ``f``, with the memory that it holds."""
    start_writeback(m, f.page, f.dev, f.reclaim)
    if m.vm[0].prealloc:
        take_along(m, f)
    m.actors[a].local_ns += m.vm[0].submit_ns
    if plugs(m, a, f.dev):
        add_to_plug(m, a, f.dev, f.page)
    else:
        submit_by(m, a, f.dev, WRITE_IO, f.page, f.held, 1)


@inlined
def write_at_once(m: Any, a: int, p: int) -> bool:
    """``pageout`` for reclaim without a frame, if the write needs no memory and nothing stands in its way; False: take the long way, to the same end."""
    vm = m.vm[0]
    actor = m.actors[a]
    dev = SWAP if m.page[p].attr & ANON else FILE
    if m.devs[dev].w_alloc_milli > 0 or vm.prealloc or actor.local_ns >= actor.limit_ns or no_request(m, a, dev, p):
        return False
    start_writeback(m, p, dev, 1)
    actor.local_ns += vm.submit_ns
    if plugs(m, a, dev):
        add_to_plug(m, a, dev, p)
    else:
        submit_by(m, a, dev, WRITE_IO, p, 0, 1)
    return True


@inlined
def start_writeback(m: Any, p: int, dev: int, reclaim: int) -> None:
    """clear_page_dirty_for_io(), set_page_writeback(), submit_bio()."""
    vm = m.vm[0]
    m.flags[p] = (m.flags[p] & (255 ^ DIRTY)) | WRITEBACK
    vm.nr_writeback += 1
    if dev == SWAP:
        vm.pswpout += 1
        m.zones[m.page[p].zone].nr_write_pending += 1
    else:
        vm.nr_dirty -= 1
        vm.nr_file_writeback += 1
    if reclaim:
        m.flags[p] |= RECLAIM
        vm.nr_vmscan_write += 1


@jit
def take_along(m: Any, f: Any) -> None:
    """Policy ``preallocated``: the write holds what was allocated when its page was dirtied."""
    vm = m.vm[0]
    d = m.devs[f.dev]
    f.held = prealloc.use(m, d)
    vm.nr_io_held += f.held
    d.w_held += f.held
    vm.writeout_admitted += f.held
    vm.writeout_held_max = max(vm.writeout_held_max, vm.nr_io_held)
