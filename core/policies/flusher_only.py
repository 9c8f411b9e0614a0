"""What 6.x does: reclaim never writes file pages, the flusher does; swap is still written by the finder.

Kernel:  mm/vmscan.c:shrink_folio_list(), v6.12 (->writepage is NULL for ext4, xfs, btrfs and nfs, so a dirty file folio is only ever activated).
Differs: see vmscan_612/.
Expect:  the laundering of 2007 turned right side up: dirty pages stay on the LRU, out of the scanner's way, and the reserve stays reachable.
"""

from __future__ import annotations

from core.policy import Policy

POLICY = Policy(
    name="flusher_only",
    title="flusher writes files (6.12)",
    source="mm/vmscan.c:shrink_folio_list(), v6.12",
    era="6.12",
)
