"""Reclaim of 6.x: mm/vmscan.c:shrink_node(), do_try_to_free_pages(), v6.1 and v6.12."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.decisions import BY_CONGESTION, WHY_NOPROGRESS
from core.units import MS
from tests.twin.actor import Actor, Sleep, Steps, Wait
from tests.twin.allocator import reclaimable_pages
from tests.twin.list_balance import prepare_scan_control
from tests.twin.lruvec import shrink_lruvec
from tests.twin.node import Node, nodelist
from tests.twin.reclaim import DEF_PRIORITY, Met, ScanControl
from tests.twin.slab_burst import after_shrink_slab
from tests.twin.throttle import consider_reclaim_throttle, mark_and_throttle, write_pending

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel


def shrink_node(k: Kernel, actor: Actor, node: Node, sc: ScanControl) -> Steps:
    """Scan, then mark the node and throttle; pages freed."""
    sc.met = Met()
    prepare_scan_control(k, node, sc)
    freed = yield from shrink_lruvec(k, actor, node, sc)
    if not sc.recursion:
        actor.clock += k.machine.pass_ns
        objects, slab_pages = k.slab.shrink_612(sc.priority)
        sc.slab_scanned += objects
        freed += slab_pages
        yield from after_shrink_slab(k, actor)
        yield from mark_and_throttle(k, actor, node, sc)
    if freed:
        node.kswapd_failures = 0
    elif sc.cache_trim_mode:
        sc.cache_trim_mode_failed = True
    return freed


def snapshot_refaults(node: Node) -> None:
    """Remember the activations seen so far."""
    node.activated_seen = dict(node.activated)


def try_to_free_pages(k: Kernel, actor: Actor, flags: int, recursion: int) -> Steps:
    """do_try_to_free_pages(): pages freed."""
    sc = ScanControl(flags, recursion=recursion, nr_to_reclaim=k.batch)
    freed = scanned = 0
    while True:
        for sc.priority in range(DEF_PRIORITY, -1, -1):
            sc.nr_scanned = 0
            for node in nodelist(k.nodes, actor.node):
                sc.nr_reclaimed = freed
                freed += yield from actor.call(k.shrink_node(actor, node, sc))
            if not recursion:
                yield from consider_reclaim_throttle(k, actor, sc, freed)
            scanned += sc.nr_scanned
            if freed >= sc.nr_to_reclaim:
                break
            if 2 * scanned > 3 * k.batch and not recursion and k.decisions.wake_pdflush(False, sc.priority):
                k.dirty_throttle.wake_flusher(scanned, actor.clock)
        else:
            sc.priority = -1
        if freed or not sc.skipped_deactivate or sc.force_deactivate:
            break
        sc.force_deactivate, sc.skipped_deactivate = True, False
        for node in k.nodes:
            snapshot_refaults(node)
        k.count["allocstall"] += 1
    for node in k.nodes:
        snapshot_refaults(node)
    to_write = not freed and not recursion and 2 * write_pending(k, actor.node) > reclaimable_pages(k, actor.node)  # should_reclaim_retry() to v5.15
    if to_write and k.decisions.throttle(False, WHY_NOPROGRESS, sc.priority) == BY_CONGESTION:
        yield Sleep(Wait.CONGESTION, k.timer(actor.clock, 100 * MS))
    return freed
