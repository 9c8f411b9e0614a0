"""Postponed laundering as posted: set dirty pages aside, free clean ones, write the laundry at the high watermark.

Source:  C. Lameter, "[RFC 0/7] Postphone reclaim laundry to write at high water marks", linux-mm, 20 Aug 2007,
         <20070820215040.937296148@sgi.com>; never merged.
Kernel:  against mm/vmscan.c, v2.6.23-rc.
Each reclaimer has a private list; direct reclaim launders when it leaves try_to_free_pages(), kswapd once all zones are at high;
kswapd also calls throttle_vm_writeout(GFP_KERNEL) once a priority;
PF_MEMALLOC is off meanwhile (patch 7/7), so the writes' own allocations obey the min watermark and may reclaim recursively.
The author's combined fix of 22 Aug is launder_keeps_memalloc 1 with recursion 1 or 2: the writes may use the reserve and, when it is empty, clean pages.
Differs: a kswapd that gives up with a zone below high keeps its laundry; read literally, the patch's place after the loop_again test would launder then too.
Expect:  helps while clean pages last; pages in the laundry are missing from the LRU counters, so an anonymous load looks unreclaimable and is killed.
"""

from __future__ import annotations

from core.decisions import AFTER_PRIORITY, BEFORE_RESERVE, BY_CONGESTION, BY_WRITEOUT, KSWAPD_LOOP, NO, SET_ASIDE
from core.jit import decision
from core.policy import Policy, Tunable

KEEP_MEMALLOC = 0
EACH_PRIORITY = 1
RECURSION = 2


@decision
def dirty_page(is_kswapd, anon, marked, node_dirty, priority, own):  # type: ignore[no-untyped-def]
    """Put it on the reclaimer's laundry list."""
    return SET_ASIDE


@decision
def launder(is_kswapd, when, nr_laundry, priority, own):  # type: ignore[no-untyped-def]
    """At the exit of direct reclaim and when kswapd has balanced all zones; optionally kswapd after each priority."""
    if when == AFTER_PRIORITY:
        return is_kswapd * own[EACH_PRIORITY]
    return nr_laundry


@decision
def launder_memalloc(is_kswapd, own):  # type: ignore[no-untyped-def]
    """Patch 7/7 clears PF_MEMALLOC around the laundering."""
    return own[KEEP_MEMALLOC]


@decision
def recurse(when, gfp, own):  # type: ignore[no-untyped-def]
    """RFC 0/3 under RFC 0/7: clean pages when the reserve is empty; 1 is UNMAPPED, 2 is MAPPED."""
    if when == BEFORE_RESERVE:
        return NO
    return own[RECURSION]


@decision
def throttle(is_kswapd, why, priority, own):  # type: ignore[no-untyped-def]
    """throttle_vm_writeout() in kswapd's loop; congestion_wait() as ever."""
    if why == KSWAPD_LOOP:
        return BY_WRITEOUT
    return BY_CONGESTION


POLICY = Policy(
    name="postponed",
    title="postponed laundering (RFC 0/7)",
    source='C. Lameter, "[RFC 0/7] Postphone reclaim laundry to write at high water marks", 20 Aug 2007',
    era="2.6.23",
    decides={"dirty_page": dirty_page, "launder": launder, "launder_memalloc": launder_memalloc, "recurse": recurse, "throttle": throttle},
    own=(
        Tunable("launder_keeps_memalloc", 0, 1, 0, "", "1: without patch 7/7, PF_MEMALLOC stays on while laundering (ablation P1a)"),
        Tunable("launder_each_priority", 0, 1, 0, "", "1: kswapd launders after each priority (ablation P1c)"),
        Tunable("recursion", 0, 2, 0, "", "reclaim clean pages when the reserve is empty (RFC 0/3): 1 unmapped, 2 mapped too"),
        Tunable("laundry_counts_as_lru", 0, 1, 0, "", "1: pages in a laundry count as LRU pages when a zone is called hopeless (ablation P1b)"),
    ),
)
