"""Who cannot get on waits: mm/vmscan.c:reclaim_throttle(), skip_throttle_noprogress(), v6.1 and v6.12; wait_iff_congested(), v3.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.decisions import BY_CONGESTION, BY_EVENT, PRIORITY_DONE, WHY_CONGESTED, WHY_NOPROGRESS, WHY_WRITEBACK
from core.units import JIFFY, MS
from tests.twin.actor import Actor, Sleep, Steps, Wait
from tests.twin.allocator import HOPELESS, reclaimable_pages
from tests.twin.node import Node
from tests.twin.reclaim import DEF_PRIORITY, ScanControl

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel


def mark_and_throttle(k: Kernel, actor: Actor, node: Node, sc: ScanControl) -> Steps:
    """kswapd marks the node by what it has met; who cannot get on waits."""
    met = sc.met
    if actor.is_kswapd:
        if met.writeback and met.writeback == met.taken:
            node.writeback = True
        if met.unqueued_dirty == met.file_taken and (met.file_taken or k.version < 607):
            node.dirty = True
        if met.dirty and met.dirty == met.congested:
            node.congested = True
        if met.immediate:
            how = k.decisions.throttle(True, WHY_WRITEBACK, sc.priority)
            if how == BY_EVENT:
                node.written_since_throttle = 0
                yield Sleep(Wait.WRITEBACK, k.timer(actor.clock, 100 * MS), node)
            elif how == BY_CONGESTION:
                yield Sleep(Wait.CONGESTION, k.timer(actor.clock, 100 * MS))
    elif node.congested:
        how = k.decisions.throttle(False, WHY_CONGESTED, sc.priority)
        if how == BY_EVENT and actor.is_task and not skip_throttle_noprogress(k, node):
            yield Sleep(Wait.TIMER, k.timer(actor.clock, JIFFY))
        elif how == BY_CONGESTION:
            yield from wait_iff_congested(k, actor)


def consider_reclaim_throttle(k: Kernel, actor: Actor, sc: ScanControl, freed: int) -> Steps:
    """After each priority of direct reclaim: wake or join those who wait for progress (v5.16 on), or wait_iff_congested() (to v5.15)."""
    ask = k.decisions.throttle
    progress = freed > sc.nr_scanned >> 3
    if progress:
        k.wake(Wait.NOPROGRESS, actor.clock, actor.node)
    hopeless = not progress and sc.priority == 1 and not freed
    if hopeless and ask(False, WHY_NOPROGRESS, sc.priority) == BY_EVENT and actor.is_task and not skip_throttle_noprogress(k, actor.node):
        yield Sleep(Wait.NOPROGRESS, k.timer(actor.clock, JIFFY), actor.node)
        return
    naps = freed < sc.nr_to_reclaim and sc.nr_scanned and sc.priority < DEF_PRIORITY - 2
    if naps and ask(False, PRIORITY_DONE, sc.priority) == BY_CONGESTION:
        yield from wait_iff_congested(k, actor)


def wait_iff_congested(k: Kernel, actor: Actor) -> Steps:
    """Wait for the next write request that is done, if a write queue is congested at all."""
    if any(device.congested for device in k.devices):
        yield Sleep(Wait.CONGESTION, k.timer(actor.clock, 100 * MS))


def skip_throttle_noprogress(k: Kernel, node: Node) -> bool:
    """kswapd is hopeless, or most of what is reclaimable does not wait for a write."""
    return node.kswapd_failures >= HOPELESS or 2 * write_pending(k, node) <= reclaimable_pages(k, node)


def write_pending(k: Kernel, node: Node) -> int:
    """NR_ZONE_WRITE_PENDING: a page dirtied again while it is written counts twice."""
    return sum(k.node_of(page) is node for pages in (k.dirty, k.writeback) for page in pages)
