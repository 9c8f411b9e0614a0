"""The points at which the engine asks a policy, and what it may answer.

A decision function is jitted, takes int64 and the policy's own tunables (int64[:], in the order of ``Policy.own``) and returns int64. A policy names only those
that differ from its era's (era.py):

    dirty_page(is_kswapd, anon, marked, node_dirty, priority, own)
        a dirty page at the LRU tail that may be written now; ``marked``: PG_reclaim is set, ``node_dirty``: PGDAT_DIRTY.
        WRITE, SET_ASIDE, TO_LAUNDRY, KEEP, MARK or ACTIVATE. 6.12 has no laundries, 2.6.23 no MARK: the page is kept.
    writeback_page(is_kswapd, marked, node_writeback, own)
        a page under writeback at the LRU tail; ``node_writeback``: PGDAT_WRITEBACK. KEEP or ACTIVATE (either way it is marked PG_reclaim in 6.12).
    launder(is_kswapd, when, nr_laundry, priority, own)
        write the laundry now? ``when``: AT_DIRECT_EXIT, AFTER_PRIORITY or AT_HIGH; ``nr_laundry``: pages in it, on the private list and on those of the zones.
        How many to write, 0: none; a private list is written whole.
    launder_memalloc(is_kswapd, own)
        does PF_MEMALLOC stay on while the laundry is written? 0 or 1.
    recurse(when, gfp, own)
        an allocation with PF_MEMALLOC that may wait found no page above the min mark (BEFORE_RESERVE) or none at all (RESERVE_EMPTY).
        NO, UNMAPPED or MAPPED: reclaim clean pages once more, with or without mapped ones; never asked inside such a recursion.
    atomic_scan(gfp, own)
        an allocation that may not wait is about to fail: how many pages may it scan for clean ones with interrupts off? 0: fail.
    before_direct(gfp, free, half_min, hopeless, own)
        a task is about to reclaim for itself; ``free`` and ``half_min``: free pages and half of the sum of the min marks, ``hopeless``: kswapd has given up.
        RECLAIM, WAIT_FOR_RESERVE (throttle_direct_reclaim()), WAIT_FOR_KSWAPD or QUEUE (kswapd hands it a page).
    throttle(is_kswapd, why, priority, own)
        a reclaimer could nap; ``why``: 2.6.23: PRIORITY_DONE, of a kswapd that has freed 32 pages already KSWAPD_PROGRESS, and KSWAPD_LOOP before either;
        6.12: PRIORITY_DONE (it fell below 10), WHY_WRITEBACK, WHY_CONGESTED, WHY_NOPROGRESS, WHY_ISOLATED (direct reclaim, too_many_isolated()), or WHY_BATCH
        (so much of a batch is under writeback that the priority does not excuse it).
        NO, BY_EVENT (reclaim_throttle(), 6.12 but for the first and the last), BY_CONGESTION (congestion_wait() of 100 ms; to direct reclaim of 6.12
        wait_iff_congested(), but congestion_wait() for WHY_ISOLATED) or, to KSWAPD_LOOP only, BY_WRITEOUT (throttle_vm_writeout()).
    wake_pdflush(is_kswapd, priority, own)
        does direct reclaim ask the flusher for as many pages as it scanned? ``priority`` ALL_DIRTY (6.12): a whole batch was dirty and not under
        writeback, does a reclaimer ask the flusher for everything? 0 or 1.
    out_of_memory(loops, reclaimed, hopeless, could_help, own)
        reclaim, or a wait for kswapd, came back without a page; ``loops``: times in a row without progress, ``hopeless``: the LRU was scanned six times and
        nothing was freed,
        ``could_help``: all that is reclaimable would lift a zone above min. 1: kill, 0: try again.
    receive(own)
        a packet finds no page at the GFP_ATOMIC mark, on a machine with a network device. DROP, or FILTER: look at it in a page of the reserve,
        which is given back at once.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

ARGUMENTS: Final = {
    "dirty_page": ("is_kswapd", "anon", "marked", "node_dirty", "priority"),
    "writeback_page": ("is_kswapd", "marked", "node_writeback"),
    "launder": ("is_kswapd", "when", "nr_laundry", "priority"),
    "launder_memalloc": ("is_kswapd",),
    "recurse": ("when", "gfp"),
    "atomic_scan": ("gfp",),
    "before_direct": ("gfp", "free", "half_min", "hopeless"),
    "throttle": ("is_kswapd", "why", "priority"),
    "wake_pdflush": ("is_kswapd", "priority"),
    "out_of_memory": ("loops", "reclaimed", "hopeless", "could_help"),
    "receive": (),
}

NO: Final = 0

# dirty_page(); the first three are also what else can happen to a page at the tail.
FREE: Final = 0
KEEP: Final = 1
ACTIVATE: Final = 2
WRITE: Final = 3
SET_ASIDE: Final = 4  # onto the reclaimer's private laundry list
TO_LAUNDRY: Final = 5  # onto the laundry list of its zone (2.6.23); neither unmapped nor given a swap slot yet
MARK: Final = 6  # set PG_reclaim and keep it on the inactive list

# launder()
AT_DIRECT_EXIT: Final = 0
AFTER_PRIORITY: Final = 1
AT_HIGH: Final = 2

# recurse()
BEFORE_RESERVE: Final = 0
RESERVE_EMPTY: Final = 1
UNMAPPED: Final = 1
MAPPED: Final = 2

# before_direct()
RECLAIM: Final = 0
WAIT_FOR_RESERVE: Final = 1
WAIT_FOR_KSWAPD: Final = 2
QUEUE: Final = 3

# throttle()
PRIORITY_DONE: Final = 0
WHY_WRITEBACK: Final = 1
WHY_CONGESTED: Final = 2
WHY_NOPROGRESS: Final = 3
WHY_BATCH: Final = 6
WHY_ISOLATED: Final = 7
KSWAPD_LOOP: Final = 4
KSWAPD_PROGRESS: Final = 5
BY_EVENT: Final = 1
BY_CONGESTION: Final = 2
BY_WRITEOUT: Final = 3

# wake_pdflush()
ALL_DIRTY: Final = -1

# receive()
DROP: Final = 0
FILTER: Final = 1

# What each may answer: the lowest and the highest value. atomic_scan() answers with a number of pages.
ANSWERS: Final = {
    "dirty_page": (KEEP, MARK),
    "writeback_page": (KEEP, ACTIVATE),
    "launder": (0, 1 << 30),
    "launder_memalloc": (0, 1),
    "recurse": (NO, MAPPED),
    "atomic_scan": (0, 1 << 30),
    "before_direct": (RECLAIM, QUEUE),
    "throttle": (NO, BY_WRITEOUT),
    "wake_pdflush": (0, 1),
    "out_of_memory": (0, 1),
    "receive": (DROP, FILTER),
}


class Decisions(NamedTuple):
    """A policy's decision functions, as the engine takes them."""

    dirty_page: Any
    writeback_page: Any
    launder: Any
    launder_memalloc: Any
    recurse: Any
    atomic_scan: Any
    before_direct: Any
    throttle: Any
    wake_pdflush: Any
    out_of_memory: Any
    receive: Any
