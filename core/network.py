"""The network as the VM sees it: packets need memory at once, and a device behind a network answers by packets.

An interrupt context that never waits. Each packet takes a page GFP_ATOMIC. A foreign one keeps it in a socket until a task RECEIVEs it; the answer to a request
of a network device gives it back as soon as the request is completed. An answer that finds no memory is lost, and repeated after 200 ms, 400 ms, 800 ms ...

Where the policy filters (decisions.receive()) a packet that finds no page takes one of the reserve, is looked at, and gives it back: an answer counts, anything
else is dropped. So the reserve is used, never consumed, and any traffic passes through a reserve that is not empty. It needs the sockets of the VM to be
known (SOCK_MEMALLOC), therefore it is asked only on machines with a network device.

Source: P. Zijlstra, "[PATCH 00/10] foundations for reserve-based allocation", 6 Aug 2007, and his answers of 22 and 23 Aug: the three states.
Kernel: net/core/sock.c:sk_filter(), skb_pfmemalloc(), sk_set_memalloc() since v3.6; include/net/tcp.h:TCP_RTO_MIN, TCP_RTO_MAX.
Differs: a packet is one page; one answer for each page read or written, whether the device speaks NBD, iSCSI or NFS; the interrupt takes its turn among the
         runnable (as ksoftirqd would) instead of preempting them; requests whose time passes during an outage are answered as soon as the server is back.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core import device, gfp
from core.allocator import alloc, alloc_slow
from core.arrivals import ARRIVAL_KINDS, BURST, PACKETS, SERVER_DOWN, SERVER_UP, SLAB_BURST
from core.decisions import FILTER
from core.frames import give_kernel, take
from core.jit import inlined, jit, outlined
from core.sched import WAIT_WORK, give_way, sleep
from core.units import INFINITY, MS, SECOND
from core.watermark import MARK_MIN, watermark_ok

TIME: Final = 0
KIND: Final = 1
AMOUNT: Final = 2
EXTRA: Final = 3

# What an interrupt is about, beside the kinds of arrivals.
BURST_END: Final = ARRIVAL_KINDS
ANSWER: Final = ARRIVAL_KINDS + 1
NOTHING: Final = ARRIVAL_KINDS + 2

# vm.net_state
NORMAL: Final = 0
EMERGENCY: Final = 1
DROP_ALL: Final = 2

RTO_MIN: Final = 200 * MS
RTO_MAX: Final = 120 * SECOND
MAX_BACKOFF: Final = 10  # 200 ms * 2^10 is more than the maximum
RX_LAG_NS: Final = 10 * MS  # estimate: what waits longer was overwritten in the ring (256 to 4096 descriptors, 3 to 50 ms of 1 GbE)
BURST_PAGE_NS: Final = 100  # estimate: one page allocated or freed, as in task.py

NEXT: Final = 0
CAME: Final = 1


def timetable(arrivals: NDArray[np.int64]) -> NDArray[np.int64]:
    """The arrivals as the engine walks them: each burst's end is one too; its row is the burst's ``extra``, and its ``amount`` will count the pages taken."""
    bursts = np.flatnonzero(arrivals[:, KIND] == BURST)
    ends = np.zeros((len(bursts), 4), np.int64)
    ends[:, TIME] = np.minimum(arrivals[bursts, TIME] + np.minimum(arrivals[bursts, EXTRA], INFINITY // 2), INFINITY)
    ends[:, KIND] = BURST_END
    both = np.concatenate([arrivals, ends])
    order = np.argsort(both[:, TIME], kind="stable")
    row = np.empty(len(both), np.int64)
    row[order] = np.arange(len(both))
    both[bursts, EXTRA] = row[len(arrivals) :]
    return np.ascontiguousarray(both[order])


@outlined
def step(m: Any, pol: Any, a: int, f: Any) -> int:
    """Work through what has arrived and what is answered, a page at a time; then sleep until the next is due."""
    actor = m.actors[a]
    if f.phase == CAME:
        f.phase = NEXT
        handle(m, pol, a, f, f.ret - 1)
    while actor.local_ns < actor.limit_ns:
        if f.count == 0:
            due = next_event(m, f)
            if due > actor.local_ns:
                return sleep(m, a, WAIT_WORK, 0, due)
            begin(m, a, f)
        if f.count > 0:
            z = alloc(m, a, gfp.ATOMIC)
            if z < 0:
                f.phase = CAME
                return alloc_slow(m, a, gfp.ATOMIC)
            handle(m, pol, a, f, z)
    return give_way(m, a)


@jit
def next_event(m: Any, f: Any) -> int:
    """What is due first, and when: an arrival before an answer of the same moment."""
    vm = m.vm[0]
    f.result = NOTHING
    first = INFINITY
    if vm.next_arrival < len(m.arrivals):
        first = m.arrivals[vm.next_arrival, TIME]
        f.result = m.arrivals[vm.next_arrival, KIND]
    for dev in range(2):
        for write in range(2):
            due = device.answer_due(m, dev, write)
            if due < first:
                first = due
                f.result = ANSWER
                f.dev = dev
                f.direction = write
    return int(first)


@jit
def begin(m: Any, a: int, f: Any) -> None:
    """Begin what ``next_event`` found: ``f.count`` pages are asked for, one by one; the rest is done at once."""
    vm = m.vm[0]
    now = m.actors[a].local_ns
    if f.result == ANSWER:
        f.count = 1
        return
    row = vm.next_arrival
    vm.next_arrival += 1
    f.page = row
    amount = m.arrivals[row, AMOUNT]
    if f.result == PACKETS:
        if now - m.arrivals[row, TIME] > RX_LAG_NS:
            vm.packets_overrun += amount
        else:
            f.count = amount
    elif f.result == BURST:
        f.count = amount
    elif f.result == BURST_END:
        give_kernel(m, amount)
        vm.nr_burst -= amount
        m.actors[a].local_ns += BURST_PAGE_NS * amount * vm.page_scale
    elif f.result == SLAB_BURST:
        vm.slab_burst += amount
    elif m.devs[amount].network:
        if f.result == SERVER_DOWN:
            m.devs[amount].down = 1
        elif f.result == SERVER_UP and m.devs[amount].down:
            m.devs[amount].down = 0
            m.devs[amount].backoff = 0
            m.devs[amount].resume_ns = now
            vm.progress_ns = max(vm.progress_ns, now)


@jit
def handle(m: Any, pol: Any, a: int, f: Any, z: int) -> None:
    """One page of the present interrupt: in hand, of zone ``z``, or refused (-1)."""
    vm = m.vm[0]
    f.count -= 1
    if f.result == BURST:
        m.actors[a].local_ns += BURST_PAGE_NS * vm.page_scale
        if z < 0:
            f.count = 0  # the interrupt gives up
            return
        keep(m, z)
        vm.nr_burst += 1
        m.arrivals[m.arrivals[f.page, EXTRA], AMOUNT] += 1
        return
    m.actors[a].local_ns += vm.irq_ns
    if z >= 0:
        enter_state(m, NORMAL)
    if f.result == ANSWER:
        answer(m, pol, a, f, z)
    elif z < 0:
        if use_reserve(m, pol):
            vm.packets_filtered += 1
        else:
            vm.packets_dropped += 1
    elif vm.nr_backlog >= m.arrivals[f.page, EXTRA]:
        vm.packets_overrun += 1
        put_back(m, z)
    else:
        vm.packets_received += 1
        vm.nr_backlog += 1
        keep(m, z)


@jit
def answer(m: Any, pol: Any, a: int, f: Any, z: int) -> None:
    """The answer to the oldest request of a device and direction: it is complete, or nobody could read the answer."""
    vm = m.vm[0]
    d = m.devs[f.dev]
    now = m.actors[a].local_ns
    if z < 0 and not use_reserve(m, pol):
        vm.acks_lost += 1
        d.resume_ns = now + min(RTO_MIN << d.backoff, RTO_MAX)
        d.backoff = min(d.backoff + 1, MAX_BACKOFF)
        return
    d.backoff = 0
    vm.progress_ns = max(vm.progress_ns, now)
    home = vm.home
    device.finish(m, f.dev, f.direction, now)
    vm.home = home
    if z >= 0:
        put_back(m, z)


@jit
def use_reserve(m: Any, pol: Any) -> bool:
    """May a packet that found no page be looked at in one of the reserve, and is there any? It is given back before anybody notices."""
    vm = m.vm[0]
    if not vm.memalloc_socks or pol.receive(m.tunables) != FILTER:
        return False
    for z in range(len(m.zones) - 1, -1, -1):
        if m.zones[z].nr_free > 0:
            take(m, z)
            vm.nr_in_hand += 1
            put_back(m, z)
            enter_state(m, EMERGENCY)
            return True
    enter_state(m, DROP_ALL)
    return False


@inlined
def keep(m: Any, z: int) -> None:
    """The page in hand becomes a kernel page."""
    m.vm[0].nr_in_hand -= 1
    m.zones[z].nr_kernel += 1


@inlined
def put_back(m: Any, z: int) -> None:
    """Free the page in hand to the per-CPU list it came from: unlike free_one_page(), that does not make the zone look reclaimable."""
    m.vm[0].nr_in_hand -= 1
    m.zones[z].nr_free += 1
    m.vm[0].pgfree += 1


@inlined
def enter_state(m: Any, state: int) -> None:
    """NORMAL, EMERGENCY or DROP_ALL from now on."""
    vm = m.vm[0]
    if vm.net_state != state:
        vm.net_state = state
        vm.net_transitions += 1


@jit
def could_receive(m: Any, pol: Any) -> bool:
    """Would a packet find a page now?"""
    vm = m.vm[0]
    filters = False
    if vm.memalloc_socks:
        filters = pol.receive(m.tunables) == FILTER
    for z in range(len(m.zones)):
        if watermark_ok(m.zones[z], MARK_MIN, gfp.ATOMIC, vm.era) or (filters and m.zones[z].nr_free > 0):
            return True
    return False


@jit
def relief(m: Any, pol: Any, now: int) -> bool:
    """Is something on its way that nobody in the machine has to act for: a server coming back, a burst's end, an answer that can be received?

    Then the clock starts anew. An answer that was lost and would be lost again is none.
    """
    vm = m.vm[0]
    on_its_way = vm.nr_burst > 0
    for dev in range(2):
        d = m.devs[dev]
        if d.network and (d.io_head[0] > d.io_tail[0] or d.io_head[1] > d.io_tail[1]):
            on_its_way = on_its_way or d.down > 0 or could_receive(m, pol)
    if on_its_way:
        vm.progress_ns = now
    return bool(on_its_way)
