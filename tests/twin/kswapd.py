"""kswapd: mm/vmscan.c:balance_pgdat(), v2.6.23 and v6.12."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import gfp
from core.decisions import AFTER_PRIORITY, AT_HIGH, PRIORITY_DONE
from core.units import MS
from tests.twin.actor import GIVE_WAY, NEVER, Actor, Sleep, Steps, Wait
from tests.twin.allocator import HOPELESS, allow_direct_reclaim
from tests.twin.reclaim import BATCH, DEF_PRIORITY, ScanControl, put_back
from tests.twin.vmscan_612 import shrink_node, snapshot_refaults
from tests.twin.vmscan_2623 import launder, shrink_zone, take_laundry
from tests.twin.watermarks import Mark

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel
    from tests.twin.zone import Zone


class Kswapd(Actor):
    """The reclaimer of the node; PF_MEMALLOC is always set."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.memalloc = 1
        self.sc = ScanControl(gfp.KERNEL)
        self.body = self.live_2623() if kernel.old else self.live_612()

    def below_high(self, zone: Zone) -> bool:
        return not zone.ok(Mark.HIGH, gfp.NOWAIT, self.kernel.old)

    # --- 2.6.23 ----------------------------------------------------------------------------------------------------------------------------

    def live_2623(self) -> Steps:
        """Sleep until an allocation finds a zone below low, then balance."""
        k, sc = self.kernel, self.sc
        while True:
            yield Sleep(Wait.WORK, NEVER)
            while not (yield from self.all_zones_ok()):
                yield GIVE_WAY
            if not any(map(self.below_high, k.zones)):
                if k.decisions.launder(True, AT_HIGH, len(sc.laundry), sc.priority):
                    yield from launder(k, self, sc)
                else:
                    put_back(k, take_laundry(k, sc))
            yield from self.cond_resched()

    def all_zones_ok(self) -> Steps:
        """balance_pgdat() from loop_again on: False if it has to begin anew."""
        k, sc = self.kernel, self.sc
        k.count["pageoutrun"] += 1
        scanned = freed = 0
        sc.priority = DEF_PRIORITY
        scanned_at = dict.fromkeys(k.zones, DEF_PRIORITY)
        while True:
            low = [z for z in k.zones if self.below_high(z) and (sc.priority == DEF_PRIORITY or not z.hopeless)]
            to_scan = k.zones[: k.zones.index(low[-1]) + 1] if low else []
            pages = sum(zone.nr_lru for zone in to_scan)
            all_ok = True
            for zone in to_scan:
                if zone.hopeless and sc.priority != DEF_PRIORITY:
                    continue
                if self.below_high(zone):
                    all_ok = False
                scanned_at[zone] = sc.priority
                sc.nr_scanned = 0
                zone.prev_priority = min(zone.prev_priority, sc.priority)
                freed += yield from self.call(shrink_zone(k, self, zone, sc))
                objects, slab_pages = k.slab.shrink_2623(sc.nr_scanned, pages)
                freed += slab_pages
                scanned += sc.nr_scanned
                if objects == 0 and zone.scanned >= 6 * zone.nr_lru:
                    zone.hopeless = True
                if allow_direct_reclaim(k):
                    k.wake(Wait.PFMEMALLOC, self.clock)
            if all_ok:
                if low:
                    yield from self.cond_resched()
                break
            if k.decisions.launder(True, AFTER_PRIORITY, len(sc.laundry), sc.priority):
                yield from launder(k, self, sc)
            if scanned and sc.priority < DEF_PRIORITY - 2 and k.decisions.throttle(True, PRIORITY_DONE, sc.priority):
                yield Sleep(Wait.CONGESTION, self.clock + 100 * MS)
            else:
                yield GIVE_WAY
            sc.priority -= 1
            if freed >= BATCH or sc.priority < 0:
                break
        for zone in k.zones:
            zone.prev_priority = scanned_at[zone]
        return all_ok

    # --- 6.12 ------------------------------------------------------------------------------------------------------------------------------

    def balanced(self) -> bool:
        """pgdat_balanced(): some zone is above high."""
        return not all(map(self.below_high, self.kernel.zones))

    def live_612(self) -> Steps:
        """Sleep in two steps, then balance until that is done or hopeless."""
        k, node = self.kernel, self.kernel.node
        while True:
            yield Sleep(Wait.WORK, self.clock + 100 * MS)
            if self.balanced() or node.kswapd_failures >= HOPELESS:
                yield Sleep(Wait.WORK, NEVER)
            while True:
                yield from self.balance()
                if self.balanced():
                    node.dirty = node.writeback = node.congested = False
                elif node.kswapd_failures < HOPELESS:
                    yield GIVE_WAY
                    continue
                k.wake(Wait.PFMEMALLOC, self.clock)
                break
            yield from self.cond_resched()

    def balance(self) -> Steps:
        """balance_pgdat(): from priority 12 to 1, lower only if little was scanned or nothing freed."""
        k = self.kernel
        k.count["pageoutrun"] += 1
        sc = self.sc = ScanControl(gfp.KERNEL)
        freed = 0
        while sc.priority >= 1 and not self.balanced():
            sc.nr_to_reclaim = sum(max(zone.marks.high, BATCH) for zone in k.zones)
            sc.nr_scanned = 0
            more = yield from self.call(shrink_node(k, self, sc))
            freed += more
            if allow_direct_reclaim(k):
                k.wake(Wait.PFMEMALLOC, self.clock)
            if sc.nr_scanned < sc.nr_to_reclaim or not more:
                sc.priority -= 1
        if sc.priority < 1 and freed == 0:
            k.node.kswapd_failures += 1
        snapshot_refaults(k)
