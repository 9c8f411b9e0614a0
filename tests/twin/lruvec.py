"""The four lists of a node: mm/vmscan.c:shrink_lruvec(), too_many_isolated(), v6.1 and v6.12."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import gfp
from core.decisions import BY_CONGESTION, BY_EVENT, WHY_ISOLATED
from core.units import MS
from tests.twin.actor import GIVE_WAY, Actor, Sleep, Steps, Wait
from tests.twin.folios import shrink_folio_list
from tests.twin.list_balance import ACTIVE, ANON, FILE, INACTIVE, ORDER, age_anon, get_scan_count, shrink_active_list
from tests.twin.node import Node
from tests.twin.reclaim import DEF_PRIORITY, ScanControl, count_scanned, isolated

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel

ISOLATE, SKIP, DYING = "isolate", "return 0", "return SWAP_CLUSTER_MAX"


def shrink_lruvec(k: Kernel, actor: Actor, node: Node, sc: ScanControl) -> Steps:
    """Rounds over the four lists; once enough is freed, the smaller type is dropped and the other one cut down in proportion."""
    goal = get_scan_count(k, node, sc)
    actor.plug.start()
    left = dict(goal)
    full_scan = not actor.is_kswapd and sc.priority == DEF_PRIORITY
    freed = 0
    while left[ANON, INACTIVE] or left[FILE, ACTIVE] or left[FILE, INACTIVE]:
        for which in ORDER:
            file, active = which
            folios = min(left[which], k.batch)
            left[which] -= folios
            if not folios:
                continue
            if active:
                if sc.may_deactivate[file]:
                    shrink_active_list(k, actor, node, file, folios)
                else:
                    sc.skipped_deactivate = True
                continue
            verdict = yield from wait_for_isolated(k, actor, node, sc, file)
            if verdict != ISOLATE:
                freed += k.batch if verdict == DYING else 0
                continue
            pages = isolated(node.lists[which].take_oldest(folios))
            if pages:
                node.isolated[file] += len(pages)
                count_scanned(k, actor, len(pages))
                freed += yield from actor.call(shrink_folio_list(k, actor, node, sc, file, pages))
                yield GIVE_WAY
        if freed < sc.nr_to_reclaim or full_scan:
            continue
        of_file = left[FILE, INACTIVE] + left[FILE, ACTIVE]
        of_anon = left[ANON, INACTIVE] + left[ANON, ACTIVE]
        if not of_file or not of_anon:
            break
        small = ANON if of_file > of_anon else FILE
        percentage = min(of_file, of_anon) * 100 // (goal[small, INACTIVE] + goal[small, ACTIVE] + 1)
        for active in (INACTIVE, ACTIVE):
            left[small, active] = 0
            scanned = goal[not small, active] - left[not small, active]
            left[not small, active] = max(goal[not small, active] * (100 - percentage) // 100 - scanned, 0)
        full_scan = k.version < 600
    actor.plug.finish(actor)
    age_anon(k, actor, node)
    return freed


def wait_for_isolated(k: Kernel, actor: Actor, node: Node, sc: ScanControl, file: bool) -> Steps:
    """The loop at the start of shrink_inactive_list(): what to do once not too much is isolated, or the patience is at its end."""
    if actor.is_kswapd or sc.recursion:
        return ISOLATE
    waited = False
    while too_many_isolated(k, actor, node, sc, file):
        how = k.decisions.throttle(False, WHY_ISOLATED, sc.priority)
        if how == BY_EVENT:
            if waited or not actor.is_task:
                return SKIP
            yield Sleep(Wait.ISOLATED, k.timer(actor.clock, 20 * MS), node)
        elif how == BY_CONGESTION:
            yield Sleep(Wait.CONGESTION, k.timer(actor.clock, 100 * MS))
        else:
            return ISOLATE
        waited = True
        if actor.memdie:
            return DYING
    return ISOLATE


def too_many_isolated(k: Kernel, actor: Actor, node: Node, sc: ScanControl, file: bool) -> bool:
    """Other reclaimers hold more than an eighth of what the inactive list has left; who holds locks may take more."""
    left = node.nr(file, INACTIVE)
    if sc.flags & gfp.FS and sc.flags & gfp.IO:
        left //= 8
    if node.isolated[file] > left:
        return True
    k.wake(Wait.ISOLATED, actor.clock, node)
    return False
