"""The VM of 2.6.23: whoever finds a dirty page at the LRU tail writes it.

Kernel:  mm/vmscan.c:shrink_page_list(), pageout(), v2.6.23.
Differs: see vmscan_2623.py.
Expect:  writes may dig the reserve to zero; many small writes in LRU order; survives anonymous loads, for written pages return to the LRU.
"""

from __future__ import annotations

from core.jit import decision
from core.policy import Policy
from core.reclaim import WRITE


@decision
def dirty_page(is_kswapd, anon, marked, node_dirty, priority, own):  # type: ignore[no-untyped-def]
    """Write it now."""
    return WRITE


@decision
def launder(is_kswapd, when, nr_laundry, priority, own):  # type: ignore[no-untyped-def]
    """There is no laundry."""
    return 0


@decision
def launder_memalloc(is_kswapd, own):  # type: ignore[no-untyped-def]
    """PF_MEMALLOC is never taken away."""
    return 1


POLICY = Policy(
    name="inline",
    title="finder writes (2.6.23)",
    source="mm/vmscan.c:shrink_page_list(), v2.6.23",
    era="2.6.23",
    dirty_page=dirty_page,
    launder=launder,
    launder_memalloc=launder_memalloc,
)
