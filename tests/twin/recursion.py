"""Reclaim from within an allocation that cannot: under PF_MEMALLOC (C. Lameter, RFC 0/3, 14 Aug 2007), and where nobody may wait (RFC 0/9, same day)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import gfp
from tests.twin.actor import Actor, Steps
from tests.twin.lru import LruList
from tests.twin.page import Page, evict
from tests.twin.watermarks import Mark

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel

STACK = 40  # procedures
INNER = 3  # what the inner reclaim needs of it


def recurse(k: Kernel, actor: Actor, flags: int, when: int) -> Steps:
    """Reclaim clean pages once more if the policy says so: pages freed, or None if it did not happen."""
    if not flags & gfp.WAIT or flags & gfp.NOMEMALLOC or not actor.memalloc:
        return None
    how = k.decisions.recurse(when, flags)
    if not how:
        return None
    if actor.depth + INNER >= STACK:
        k.count["recursion_limit"] += 1
        return None
    k.count["recursions"] += 1
    freed = yield from reclaim(k, actor, k.try_to_free_pages(actor, flags | gfp.NOMEMALLOC, how))
    k.count["recursion_reclaimed"] += freed
    return freed


def reclaim(k: Kernel, actor: Actor, procedure: Steps) -> Steps:
    """Enter a reclaim, and note how deep they nest."""
    actor.reclaims += 1
    k.count["reclaim_depth"] = max(k.count["reclaim_depth"], actor.reclaims)
    result = yield from actor.call(procedure)
    actor.reclaims -= 1
    return result


# --- with interrupts off -------------------------------------------------------------------------------------------------------------------


def inactive_lists(k: Kernel) -> list[LruList]:
    """Those that may hold clean page cache, of the highest zone first; with generations the oldest of files."""
    if k.old:
        return [zone.inactive for zone in reversed(k.zones)]
    return [node.lists[True, node.gens.min_seq[True] if k.generations else False] for node in reversed(k.nodes)]


def clean_cache(page: Page) -> bool:
    """Can it be freed by an interrupt?"""
    return not (page.anon or page.locked or page.dirty or page.writeback or page.mapped)


def scan_atomic(k: Kernel, flags: int) -> int:
    """Free clean page cache until the allocation would pass; pages scanned."""
    left = k.decisions.atomic_scan(flags)
    scanned = freed = 0
    for pages in inactive_lists(k):
        for _ in range(min(len(pages), left)):
            if freed == k.batch:
                break
            (page,) = pages.take_oldest(1)
            left -= 1
            scanned += 1
            assert page.zone is not None
            page.zone.scanned += 1
            if not clean_cache(page):
                pages.add(page)
                continue
            evict(k, page)
            freed += 1
            if any(zone.ok(Mark.MIN, flags, k.old) for zone in k.zones):
                left = 0
                break
    k.count["pgscan_direct"] += scanned
    k.count["pgsteal_direct"] += freed
    k.count["atomic_reclaimed"] += freed
    k.count["irqs_off_ns_max"] = max(k.count["irqs_off_ns_max"], scanned * k.machine.scan_ns)
    return scanned
