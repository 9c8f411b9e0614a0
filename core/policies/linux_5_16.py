"""Linux 5.16 to 6.1 on a file system that has ->writepage: as 4.11, but reclaimers wait for events, not for a timer.

Kernel:  mm/vmscan.c:reclaim_throttle(), consider_reclaim_throttle(), v5.16; shrink_page_list(), v6.1
         (M. Gorman, "Remove dependency on congestion_wait in mm/", Oct 2021).
Differs: see docs/model.md; it is v6.1, so reclaim stops a round after it has enough, and not, as to 5.19, when all is scanned.
Expect:  as linux_4_11 with shorter stalls.
"""

from __future__ import annotations

from core.policy import Policy

POLICY = Policy(
    name="linux_5_16",
    title="reclaimers wait for events (5.16 to 6.1)",
    source="mm/vmscan.c:reclaim_throttle(), v5.16",
    era="6.1",
)
