"""kswapd: mm/vmscan.c:balance_pgdat(), v2.6.23 and v6.12."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import gfp
from core.decisions import AFTER_PRIORITY, AT_HIGH, BY_CONGESTION, BY_WRITEOUT, KSWAPD_LOOP, KSWAPD_PROGRESS, PRIORITY_DONE
from core.units import MS
from tests.twin.actor import GIVE_WAY, NEVER, Actor, Sleep, Steps, Wait
from tests.twin.allocator import HOPELESS, allow_direct_reclaim, reclaimable_pages
from tests.twin.laundry import in_laundries
from tests.twin.laundry_thread import Request
from tests.twin.list_balance import age_anon
from tests.twin.mglru import lru_gen_age_node
from tests.twin.reclaim import DEF_PRIORITY, ScanControl, put_back
from tests.twin.slab_burst import after_shrink_slab
from tests.twin.vmscan_612 import snapshot_refaults
from tests.twin.vmscan_2623 import launder, lru_size, pages_to_launder, shrink_zone, take_laundry
from tests.twin.watermarks import Mark

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel
    from tests.twin.node import Node
    from tests.twin.zone import Zone


class Kswapd(Actor):
    """The reclaimer of the node; PF_MEMALLOC is always set. ``flags``: what it may do."""

    is_kswapd = frees_for_others = True

    def __init__(self, kernel: Kernel, node: Node, flags: int = gfp.KERNEL) -> None:
        super().__init__(kernel)
        self.node = node
        self.memalloc = self.reclaims = 1
        self.flags = flags
        self.sc = ScanControl(flags)
        self.body = self.live_2623() if kernel.old else self.live_612()

    def below_high(self, zone: Zone) -> bool:
        return not zone.ok(Mark.HIGH, gfp.NOWAIT, self.kernel.old)

    def too_low(self, zone: Zone) -> bool:
        return self.sc.for_floor or self.below_high(zone)

    # --- 2.6.23 ----------------------------------------------------------------------------------------------------------------------------

    def live_2623(self) -> Steps:
        """Sleep until an allocation finds a zone below low, then balance."""
        k, sc = self.kernel, self.sc
        while True:
            yield Sleep(Wait.WORK, NEVER)
            while not (yield from self.all_zones_ok()):
                yield GIVE_WAY
            if sc.for_floor:
                pass  # nothing was mended: who waits for the floor asks again
            elif not any(map(self.below_high, self.node.zones)):
                if k.launderd:
                    k.launderd.ask(Request.BACKGROUND, self.clock)
                if pages := pages_to_launder(k, self, sc, AT_HIGH):
                    yield from launder(k, self, sc, pages)
                else:
                    put_back(k, take_laundry(k, sc))
            yield from self.cond_resched()

    def all_zones_ok(self) -> Steps:
        """balance_pgdat() from loop_again on: False if it has to begin anew. A broken clean floor counts as work in every zone while all are at high."""
        k, sc = self.kernel, self.sc
        k.count["pageoutrun"] += 1
        scanned = freed = 0
        sc.priority = DEF_PRIORITY
        scanned_at = dict.fromkeys(self.node.zones, DEF_PRIORITY)
        while True:
            sc.for_floor = k.clean_floor.pages > 0 and k.clean_floor.broken() and not any(map(self.below_high, self.node.zones))
            low = [z for z in self.node.zones if self.too_low(z) and (sc.priority == DEF_PRIORITY or not z.hopeless)]
            to_scan = self.node.zones[: self.node.zones.index(low[-1]) + 1] if low else []
            pages = sum(zone.nr_lru for zone in to_scan)
            all_ok = True
            for zone in to_scan:
                if zone.hopeless and sc.priority != DEF_PRIORITY:
                    continue
                if self.too_low(zone):
                    all_ok = False
                scanned_at[zone] = sc.priority
                sc.nr_scanned = 0
                zone.prev_priority = min(zone.prev_priority, sc.priority)
                freed += yield from self.call(shrink_zone(k, self, zone, sc))
                objects, slab_pages = k.slab.shrink_2623(sc.nr_scanned, pages)
                freed += slab_pages
                scanned += sc.nr_scanned
                if sc.for_floor:
                    zone.scanned = 0  # clean pages were left alone
                elif objects == 0 and zone.scanned >= 6 * lru_size(k, zone) and not (k.launderd and zone.nr_lru):  # FreeBSD knows no hopeless zones
                    zone.hopeless = True
                if allow_direct_reclaim(k, self.node):
                    k.wake(Wait.PFMEMALLOC, self.clock, self.node)
                yield from after_shrink_slab(k, self)
            if k.launderd and sc.priority == 0 and not all_ok:
                k.launderd.ask(Request.SHORTFALL, self.clock)
            if all_ok:
                if low:
                    yield from self.cond_resched()
                break
            yield from self.priority_done(scanned, freed)
            sc.priority -= 1
            if freed >= k.batch or sc.priority < 0:
                break
        for zone in self.node.zones:
            zone.prev_priority = scanned_at[zone]
        if not all_ok and sc.for_floor and not freed:
            return True
        sc.for_floor = False
        if not all_ok and not scanned:
            self.clock += MS  # nothing to scan and therefore no nap: it would spin
        return all_ok

    def priority_done(self, scanned: int, freed: int) -> Steps:
        """Between two priorities: wait for writes if the policy says so, launder, nap."""
        k, sc = self.kernel, self.sc
        while k.dirty_throttle.writeout_throttled() and k.decisions.throttle(True, KSWAPD_LOOP, sc.priority) == BY_WRITEOUT:
            yield Sleep(Wait.CONGESTION, self.clock + 100 * MS)
        if pages := pages_to_launder(k, self, sc, AFTER_PRIORITY):
            yield from launder(k, self, sc, pages)
        why = KSWAPD_PROGRESS if freed >= k.batch else PRIORITY_DONE
        something = scanned or in_laundries(k) or k.launderd  # to wait for
        if something and sc.priority < DEF_PRIORITY - 2 and k.decisions.throttle(True, why, sc.priority):
            yield Sleep(Wait.CONGESTION, self.clock + 100 * MS)
        else:
            yield GIVE_WAY

    # --- 6.12 ------------------------------------------------------------------------------------------------------------------------------

    def balanced(self) -> bool:
        """pgdat_balanced(): some zone is above high."""
        return not all(map(self.below_high, self.node.zones))

    def live_612(self) -> Steps:
        """Sleep; balance until the node lets it sleep; nap, and sleep for good unless that was too early."""
        k = self.kernel
        yield Sleep(Wait.WORK, NEVER)
        while True:
            yield from self.balance()
            if not self.may_sleep():
                k.count["kswapd_high_wmark_hit_quickly"] += 1
                yield GIVE_WAY
                continue
            nap_ends = k.timer(self.clock, 100 * MS)
            yield Sleep(Wait.WORK, nap_ends)
            woken = self.clock < nap_ends
            if not woken and self.may_sleep():
                yield Sleep(Wait.WORK, NEVER)
                continue
            k.count["kswapd_low_wmark_hit_quickly" if woken else "kswapd_high_wmark_hit_quickly"] += 1
            yield from self.cond_resched()

    def may_sleep(self) -> bool:
        """prepare_kswapd_sleep(): the node is balanced, or hopeless and left to direct reclaim."""
        k, node = self.kernel, self.node
        k.wake(Wait.PFMEMALLOC, self.clock, self.node)
        if node.kswapd_failures >= HOPELESS:
            return True
        if not self.balanced():
            return False
        node.dirty = node.writeback = node.congested = False
        return True

    def balance(self) -> Steps:
        """balance_pgdat(): from priority 12 to 1; what is only boosted gets no writes and no swap."""
        k = self.kernel
        k.count["pageoutrun"] += 1
        sc = self.sc = ScanControl(self.flags)
        boosts = [zone.boost for zone in self.node.zones]
        boost = sum(boosts)
        freed = 0
        while sc.priority >= 1:
            if boost and not self.balanced():
                boost = 0
                sc.priority = DEF_PRIORITY
            if not boost and self.balanced():
                break
            sc.boosted = boost > 0
            sc.nr_to_reclaim = sum(max(zone.marks.high + zone.boost, k.batch) for zone in self.node.zones)
            sc.nr_scanned = sc.slab_scanned = 0
            if k.generations:
                lru_gen_age_node(k, self, self.node, sc)
            else:
                age_anon(k, self, self.node)
            more = yield from self.call(k.shrink_node(self, self.node, sc))
            freed += more
            self.note_unreclaimable()
            if allow_direct_reclaim(k, self.node):
                k.wake(Wait.PFMEMALLOC, self.clock, self.node)
            deep_enough = boost > 0 and sc.priority == DEF_PRIORITY - 2
            boost -= min(boost, more)
            if boost and not more:
                sc.priority = 0  # nothing clean is left
                break
            priority = sc.priority
            if more == 0 or not (deep_enough or sc.nr_scanned >= sc.nr_to_reclaim):
                sc.priority -= 1
            below_min = not all(zone.ok(Mark.MIN, gfp.NOWAIT, k.old) for zone in self.node.zones)
            naps = sc.nr_scanned and priority < DEF_PRIORITY - 2 and not below_min
            if naps and k.decisions.throttle(True, PRIORITY_DONE, priority) == BY_CONGESTION:
                yield Sleep(Wait.CONGESTION, k.timer(self.clock, 100 * MS))
            if sc.priority < 1 and not freed and sc.cache_trim_mode_failed and not sc.no_cache_trim_mode and k.version >= 610:
                sc.no_cache_trim_mode = True  # once more, with the anonymous lists
                sc.priority = DEF_PRIORITY
        if sc.priority < 1 and freed == 0:
            self.node.kswapd_failures += 1
        for zone, boost in zip(self.node.zones, boosts, strict=True):
            zone.boost -= min(zone.boost, boost)
        snapshot_refaults(self.node)

    def note_unreclaimable(self) -> None:
        """The lists were scanned six times and nothing was freed, and there was no slab to scan."""
        k = self.kernel
        if sum(zone.scanned for zone in self.node.zones) >= 6 * reclaimable_pages(k, self.node) and not self.sc.slab_scanned:
            for zone in self.node.zones:
                zone.hopeless = True


def more_kswapds(k: Kernel) -> list[Kswapd]:
    """``kswapds_per_cpu`` on each CPU, each node's own among them: the first of a CPU may do all, the second no file systems, the third no I/O, and so on."""
    per_cpu = k.values.get("kswapds_per_cpu", 0)
    classes = (gfp.KERNEL, gfp.NOFS, gfp.NOIO)
    nodes = len(k.nodes)
    return [Kswapd(k, k.nodes[i % nodes], classes[i // nodes % per_cpu % 3]) for i in range(nodes, per_cpu * k.machine.cpus)]
