"""The VM of 2.6.23: whoever finds a dirty page at the LRU tail writes it.

Kernel:  mm/vmscan.c:shrink_page_list(), pageout(), v2.6.23.
Differs: see vmscan_2623/.
Expect:  writes may dig the reserve to zero; many small writes in LRU order; survives anonymous loads, for written pages return to the LRU.
"""

from __future__ import annotations

from core.policy import Policy

POLICY = Policy(
    name="inline",
    title="finder writes (2.6.23)",
    source="mm/vmscan.c:shrink_page_list(), v2.6.23",
    era="2.6.23",
)
