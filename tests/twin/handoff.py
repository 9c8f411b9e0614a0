"""Allocations that wait for kswapd instead of reclaiming: C. Lameter's way forward (21 Aug 2007) and P. Zijlstra's hand-off (23 Aug 2007)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import gfp
from core.decisions import QUEUE
from core.units import JIFFY, MS
from tests.twin.actor import GIVE_WAY, Actor, Sleep, Steps, Wait
from tests.twin.allocator import AGAIN, DECIDED, GO_ON, HOPELESS, Request, reclaim_could_help, wake_kswapd, wake_kswapds_of_class
from tests.twin.oom import out_of_memory
from tests.twin.watermarks import Mark

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel
    from tests.twin.zone import Zone


class Handoff:
    """``queue``: who wants a page of kswapd, the first in front; a place is kept while its owner looks around."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.queue: list[Actor] = []

    def freed(self, zone: Zone, now: int) -> None:
        """kswapd has freed a page of the zone: it is for the first in the queue that is asleep there."""
        for actor in self.queue:
            if actor.asleep and actor.asleep.what is Wait.HANDOFF:
                actor.handed = self.kernel.take_frame_of(zone)
                actor.wake(now)
                self.kernel.count["pages handed over"] += 1
                return

    def wait(self, actor: Actor, request: Request, answer: int) -> Steps:
        """Wait until a kswapd has freed something or hands over a page: what to do then, and the zone of the page."""
        verdict, zone = yield from self.look_around(actor, request, answer)
        if actor in self.queue:
            self.queue.remove(actor)
        if verdict is not AGAIN:
            return verdict, zone
        k = self.kernel
        zone = k.take_frame(Mark.HIGH, request.flags)
        if zone is not None:
            return DECIDED, zone
        request.loops = 0
        out_of_memory(k, actor.clock)
        if actor.memdie:
            yield GIVE_WAY
        else:
            yield Sleep(Wait.TIMER, actor.clock + JIFFY)
        return AGAIN, None

    def look_around(self, actor: Actor, request: Request, answer: int) -> Steps:
        """Sleep, at most 100 ms at a time, until there is a page or no hope."""
        k, flags = self.kernel, request.flags
        while True:
            stolen = k.count["pgsteal_kswapd"]
            if answer == QUEUE:
                wake_kswapds_of_class(k, flags, actor.clock)
                if actor not in self.queue:
                    self.queue.append(actor)
            yield Sleep(Wait.HANDOFF if answer == QUEUE else Wait.KSWAPD, actor.clock + 100 * MS)
            zone, actor.handed = actor.handed or k.take_frame(Mark.MIN, flags), None
            if zone is not None:
                return DECIDED, zone
            if actor.memdie:
                return GO_ON, None
            progress = k.count["pgsteal_kswapd"] != stolen
            request.loops = 0 if progress else request.loops + 1
            if flags & gfp.NORETRY and not progress:
                return DECIDED, None
            if k.decisions.out_of_memory(request.loops, progress, gave_up(k), reclaim_could_help(k, flags, False)) and flags & gfp.FS:
                return AGAIN, None
            wake_kswapd(k, actor.clock)


def gave_up(k: Kernel) -> bool:
    """kswapd: every zone is all_unreclaimable (2.6.23), or it failed 16 times (6.12)."""
    if k.old:
        return all(zone.hopeless for zone in k.zones)
    return all(node.kswapd_failures >= HOPELESS for node in k.nodes)
