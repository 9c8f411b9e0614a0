"""Linux 5.16 to 6.1 on a file system that has ->writepage: as 4.11, but reclaimers wait for events, not for a timer.

Kernel:  mm/vmscan.c:reclaim_throttle(), consider_reclaim_throttle(), v5.16; shrink_folio_list(), v6.1
         (M. Gorman, "Remove dependency on congestion_wait in mm/", Oct 2021).
Differs: see vmscan_612/; a real-time task that may wait gets half of min, to 6.2 it was three quarters.
Expect:  as linux_4_11 with shorter stalls.
"""

from __future__ import annotations

from core.decisions import FILTER
from core.jit import decision
from core.policies.linux_4_11 import dirty_page
from core.policy import Policy


@decision
def receive(own):  # type: ignore[no-untyped-def]
    """sk_filter() drops a pfmemalloc packet unless its socket has SOCK_MEMALLOC."""
    return FILTER


POLICY = Policy(
    name="linux_5_16",
    title="reclaimers wait for events (5.16 to 6.1)",
    source="mm/vmscan.c:reclaim_throttle(), v5.16",
    era="6.12",
    decides={"dirty_page": dirty_page, "receive": receive},
)
