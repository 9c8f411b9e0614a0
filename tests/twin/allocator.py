"""The page allocator.

Kernel: mm/page_alloc.c:__alloc_pages(), v2.6.23; __alloc_pages_slowpath(), should_reclaim_retry(), v6.12; mm/vmscan.c:throttle_direct_reclaim(), v6.12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import gfp
from core.decisions import BEFORE_RESERVE, RECLAIM, RESERVE_EMPTY, WAIT_FOR_RESERVE
from core.units import JIFFY, MS, SECOND
from tests.twin.actor import GIVE_WAY, NEVER, Actor, Sleep, Steps, Wait
from tests.twin.oom import out_of_memory
from tests.twin.recursion import reclaim, recurse, scan_atomic
from tests.twin.watermarks import Mark

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel
    from tests.twin.node import Node
    from tests.twin.zone import Zone

DEEPEST = 26  # procedures on the stack; deeper, nobody begins to reclaim
HOPELESS = 16  # MAX_RECLAIM_RETRIES

AGAIN, GO_ON, DECIDED = "restart", "rebalance", "got_pg or nopage"


class Request:
    """One allocation in the slow path; ``since``: when it began to wait for reclaim; ``asked``: whether to recurse before the reserve is touched."""

    def __init__(self, flags: int) -> None:
        self.flags = flags
        self.since: int | None = None
        self.loops = 0
        self.asked = False


class OutOfStack(Exception):
    """No room for one more level of reclaim."""


def alloc_page(k: Kernel, actor: Actor, flags: int) -> Steps:
    """A frame above the low mark, or what the slow path gives: its zone, or None."""
    zone = k.take_frame(Mark.LOW, flags)
    if zone is None:
        zone = yield from actor.call(slow_path(k, actor, flags))
    return zone


def slow_path(k: Kernel, actor: Actor, flags: int) -> Steps:
    """Account the stall and the failure around the era's own rules."""
    request = Request(flags)
    try:
        zone = yield from (slow_path_2623 if k.old else slow_path_612)(k, actor, request)
    except OutOfStack:
        k.count["recursion_limit"] += 1
        zone = None
    if request.since is not None:
        k.stalls.append(actor.clock - request.since)
    if zone is None and not flags & gfp.WAIT:
        k.count["atomic_fail"] += 1
    if zone is None and actor.memalloc:
        k.count["memalloc_fail"] += 1
    return zone


def slow_path_2623(k: Kernel, actor: Actor, request: Request) -> Steps:
    """__alloc_pages() from its second try on."""
    flags = request.flags
    while True:  # restart
        zone = k.take_frame(Mark.LOW, flags)
        if zone is None:
            wake_kswapd(k, actor.clock)
            zone = k.take_frame(Mark.MIN, flags)
        while zone is None:  # rebalance
            if actor.memalloc or actor.memdie:
                if flags & gfp.NOMEMALLOC:
                    return rescue(k, actor, flags)
                verdict, zone = yield from memalloc_path(k, actor, request)
                if verdict == AGAIN:
                    break
                if verdict == GO_ON:
                    continue
                return zone or rescue(k, actor, flags)
            if not flags & gfp.WAIT:
                return rescue(k, actor, flags)
            verdict, zone = yield from wait_before_reclaim(k, actor, request)
            if verdict == AGAIN:
                break
            if verdict == DECIDED:
                return zone
            if actor.memdie:
                continue
            progress = yield from direct_reclaim(k, actor, request)
            request.loops = 0 if progress else request.loops + 1
            zone = k.take_frame(Mark.MIN, flags) if progress else None
            if zone is not None:
                break
            kill = k.decisions.out_of_memory(request.loops, bool(progress), not progress, reclaim_could_help(k, flags, False))
            if kill and flags & gfp.FS and not flags & gfp.NORETRY:
                zone = k.take_frame(Mark.HIGH, flags)
                if zone is None:
                    yield from kill_and_wait(k, actor)
                    break
            elif flags & gfp.NORETRY:
                return None
            else:
                yield Sleep(Wait.CONGESTION, actor.clock + 20 * MS)
        if zone is not None:
            return zone


def slow_path_612(k: Kernel, actor: Actor, request: Request) -> Steps:
    """__alloc_pages_slowpath()."""
    flags = request.flags
    wake_kswapd(k, actor.clock)
    while True:  # retry
        wake_kswapd(k, actor.clock)
        zone = k.take_frame(Mark.MIN, flags)
        if zone is None and not flags & gfp.NOMEMALLOC:
            if actor.memalloc:
                verdict, zone = yield from memalloc_path(k, actor, request)
                if verdict != DECIDED:
                    continue
            elif actor.memdie:
                zone = k.take_frame(Mark.OOM if k.version >= 414 else Mark.NONE, flags)
        if zone is not None:
            return zone
        if not flags & gfp.WAIT:
            return rescue(k, actor, flags)
        if actor.memalloc or (actor.memdie and k.version < 414):
            return None
        dying = actor.memdie
        verdict, zone = yield from wait_before_reclaim(k, actor, request)
        if verdict == DECIDED:
            return zone
        if actor.memdie and not dying:
            request.loops = 0
        if verdict == AGAIN or (actor.memdie and not dying):
            continue
        progress = yield from direct_reclaim(k, actor, request)
        zone = k.take_frame(Mark.MIN, flags)
        if zone is None and actor.memdie and not flags & gfp.NOMEMALLOC:
            zone = k.take_frame(Mark.OOM, flags)
        if zone is not None or flags & gfp.NORETRY:
            return zone
        request.loops = 0 if progress else request.loops + 1
        if not k.decisions.out_of_memory(request.loops, bool(progress), zone_unreclaimable(k), reclaim_could_help(k, flags, actor.memdie)):
            actor.clock += k.machine.scan_ns if request.loops <= HOPELESS else MS  # it spins
            yield GIVE_WAY
            continue
        zone = k.take_frame(Mark.HIGH, flags)
        if zone is not None or actor.memdie:
            return zone
        request.loops = 0
        if flags & gfp.FS:
            yield from kill_and_wait(k, actor)
        else:
            yield Sleep(Wait.TIMER, k.timer(actor.clock, JIFFY))


def take_reserve(k: Kernel, actor: Actor, flags: int) -> Zone | None:
    """ALLOC_NO_WATERMARKS; what PF_MEMALLOC takes below min is counted."""
    zone = k.take_frame(Mark.NONE, flags)
    if zone is not None and actor.memalloc and zone.free < zone.floor(Mark.MIN, gfp.KERNEL, k.old):
        k.count["reserve_used"] += 1
    return zone


def memalloc_path(k: Kernel, actor: Actor, request: Request) -> Steps:
    """PF_MEMALLOC or a dying task: the reserve, with a recursion before it or when it is empty. What to do, and the zone."""
    if not request.asked:
        request.asked = True
        freed = yield from recurse(k, actor, request.flags, BEFORE_RESERVE)
        if freed is not None:
            return (AGAIN if freed else GO_ON), None
    zone = take_reserve(k, actor, request.flags)
    if zone is None:
        freed = yield from recurse(k, actor, request.flags, RESERVE_EMPTY)
        if freed:
            return AGAIN, None
    return DECIDED, zone


def rescue(k: Kernel, actor: Actor, flags: int) -> Zone | None:
    """An allocation that may not wait is about to fail: reclaim with interrupts off if the policy says so, and try once more."""
    if flags & gfp.WAIT:
        return None
    scanned = scan_atomic(k, flags)
    if not scanned:
        return None
    actor.clock += scanned * k.machine.scan_ns
    zone = k.take_frame(Mark.MIN, flags)
    if zone is None and actor.memalloc and not flags & gfp.NOMEMALLOC:
        zone = take_reserve(k, actor, flags)
    return zone


def kill_and_wait(k: Kernel, actor: Actor) -> Steps:
    """out_of_memory(), and a jiffy for the victim to go unless it is this one."""
    out_of_memory(k, actor.clock)
    if actor.memdie:
        yield GIVE_WAY
    else:
        yield Sleep(Wait.TIMER, k.timer(actor.clock, JIFFY))


def wake_kswapds_of_class(k: Kernel, flags: int, now: int) -> None:
    """Of the kswapds beyond one a node, those that work for this gfp class."""
    for kswapd in k.more_kswapds:
        if kswapd.flags == flags & gfp.KERNEL and kswapd.asleep and kswapd.asleep.what is Wait.WORK:
            kswapd.wake(now)


def wake_kswapd(k: Kernel, now: int) -> None:
    """wakeup_kswapd() of all nodes; with a clean floor each looks whether that is broken."""
    wake_kswapds_of_class(k, gfp.KERNEL, now)
    for node in k.nodes:
        wake_kswapd_of(k, node, now)


def wake_kswapd_of(k: Kernel, node: Node, now: int) -> None:
    """That of one node, if it is short of memory and not hopeless."""
    if not k.old and node.kswapd_failures >= HOPELESS:
        return
    if not k.clean_floor.pages and not short_of_memory(k, node):
        return
    if node.kswapd.asleep and node.kswapd.asleep.what is Wait.WORK:
        node.kswapd.wake(now)
        k.count["kswapd_wake"] += 1


def short_of_memory(k: Kernel, node: Node) -> bool:
    """2.6.23: a zone is below low, lowmem_reserve apart; 6.12: none is at high, or one is boosted."""
    if k.old:
        return any(zone.free <= zone.marks.low + zone.reserve for zone in node.zones)
    return any(zone.boost for zone in node.zones) or not any(zone.ok(Mark.HIGH, gfp.NOWAIT, k.old) for zone in node.zones)


def wait_before_reclaim(k: Kernel, actor: Actor, request: Request) -> Steps:
    """A task that would reclaim may have to wait first, or instead; GO_ON: for a while, now it reclaims unless it was killed meanwhile."""
    if not actor.is_task or actor.memdie:
        return GO_ON, None
    free, half_min = reserve_left(k, actor.node)
    answer = k.decisions.before_direct(request.flags, free, half_min, given_up(k, actor.node))
    if answer == RECLAIM:
        return GO_ON, None
    if request.since is None:
        request.since = actor.clock
    k.count["pgscan_direct_throttle"] += 1
    if answer != WAIT_FOR_RESERVE:
        return (yield from k.handoff.wait(actor, request, answer))
    yield from wait_for_reserve(k, actor, NEVER if request.flags & gfp.FS and not k.old else actor.clock + SECOND)
    return GO_ON, None


def direct_reclaim(k: Kernel, actor: Actor, request: Request) -> Steps:
    """Reclaim for oneself; pages or 0."""
    if actor.depth >= DEEPEST:
        raise OutOfStack
    k.count["allocstall"] += 1
    if request.since is None:
        request.since = actor.clock
    actor.memalloc += 1
    progress = yield from reclaim(k, actor, k.try_to_free_pages(actor, request.flags))
    actor.memalloc -= 1
    return progress


def wait_for_reserve(k: Kernel, actor: Actor, until: int) -> Steps:
    """wait_event() of throttle_direct_reclaim(): who is woken looks, and waits on if the reserve is still low; kswapd is kept awake."""
    while True:
        kswapd = actor.node.kswapd
        if kswapd.asleep and kswapd.asleep.what is Wait.WORK:
            kswapd.wake(actor.clock)
            k.count["kswapd_wake"] += 1
        yield Sleep(Wait.PFMEMALLOC, until, actor.node)
        if actor.memdie or actor.clock >= until or allow_direct_reclaim(k, actor.node):
            return
        actor.clock += 5_000


def reserve_left(k: Kernel, node: Node) -> tuple[int, int]:
    """Free pages, and half of the sum of the min marks, of the zones that have something to reclaim; without any there is no reserve to protect."""
    zones = [zone for zone in node.zones if zone_reclaimable(k, zone)]
    reserve = sum(zone.marks.min + zone.boost for zone in zones)
    return (sum(zone.free for zone in zones), reserve // 2) if reserve else (1, 0)


def given_up(k: Kernel, node: Node) -> bool:
    """Its kswapd has."""
    return all(zone.hopeless for zone in node.zones) if k.old else node.kswapd_failures >= HOPELESS


def allow_direct_reclaim(k: Kernel, node: Node) -> bool:
    """More than half of the reserve is free, or kswapd has given up."""
    free, half_min = reserve_left(k, node)
    return free > half_min or given_up(k, node)


def reclaimable_pages(k: Kernel, node: Node) -> int:
    """zone_reclaimable_pages() of the node."""
    return sum(zone_reclaimable(k, zone) for zone in node.zones)


def zone_reclaimable(k: Kernel, zone: Zone) -> int:
    """Pages on the lists; anonymous ones count while there is swap."""
    return zone.listed[False] + (zone.listed[True] if k.swap.free > 0 else 0)


def zone_unreclaimable(k: Kernel) -> bool:
    """kswapd found that all of it was scanned six times and nothing was freed, or gave up."""
    return all(zone.hopeless or zone.node.kswapd_failures >= HOPELESS for zone in k.zones)


def reclaim_could_help(k: Kernel, flags: int, victim: bool) -> bool:
    """should_reclaim_retry(): would some zone be above the mark that holds for the allocation if everything reclaimable were free?"""
    mark = Mark.OOM if victim and not flags & gfp.NOMEMALLOC else Mark.MIN
    return any(zone.free + zone_reclaimable(k, zone) > zone.floor(mark, flags, k.old) for zone in k.zones)
