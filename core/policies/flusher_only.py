"""What 6.x does: reclaim never writes file pages, the flusher does; swap is still written by the finder.

Kernel:  mm/vmscan.c:shrink_folio_list(), v6.12 (->writepage is NULL for ext4, xfs, btrfs and nfs, so a dirty file folio is only ever activated).
Differs: see vmscan_612.py.
Expect:  the laundering of 2007 turned right side up: dirty pages stay on the LRU, out of the scanner's way, and the reserve stays reachable.
"""

from __future__ import annotations

from core.jit import decision
from core.policy import Policy
from core.reclaim import ACTIVATE, WRITE


@decision
def dirty_page(is_kswapd, anon, marked, node_dirty, priority, own):  # type: ignore[no-untyped-def]
    """Anonymous: swap it out. File: mark it PG_reclaim and move it out of the way until it is flushed."""
    if anon:
        return WRITE
    return ACTIVATE


@decision
def launder(is_kswapd, when, nr_laundry, priority, own):  # type: ignore[no-untyped-def]
    """There is no laundry."""
    return 0


@decision
def launder_memalloc(is_kswapd, own):  # type: ignore[no-untyped-def]
    """PF_MEMALLOC is never taken away."""
    return 1


POLICY = Policy(
    name="flusher_only",
    title="flusher writes files (6.12)",
    source="mm/vmscan.c:shrink_folio_list(), v6.12",
    era="6.12",
    dirty_page=dirty_page,
    launder=launder,
    launder_memalloc=launder_memalloc,
)
