"""Linux 3.6: 3.2 and the reserve for swapping over a network: who would reclaim waits while less than half of it is free.

Kernel:  mm/vmscan.c:throttle_direct_reclaim(), pfmemalloc_watermark_ok(), v3.6; net/core/skbuff.c and net/core/sock.c (pfmemalloc, SOCK_MEMALLOC), v3.6.
Differs: as linux_3_2; waiters are let go when kswapd has failed 16 times (kswapd_failures came with 4.12).
Expect:  the last half of the reserve is left to those who write; packets not meant for the VM are dropped from it at once.
"""

from __future__ import annotations

from core.decisions import FILTER, RECLAIM, WAIT_FOR_RESERVE
from core.jit import decision
from core.policies.linux_3_2 import POLICY as LINUX_3_2
from core.policy import Policy


@decision
def before_direct(gfp, free, half_min, hopeless, own):  # type: ignore[no-untyped-def]
    """throttle_direct_reclaim(): half of the reserve is kept for those who write."""
    return RECLAIM if free > half_min or hopeless else WAIT_FOR_RESERVE


@decision
def receive(own):  # type: ignore[no-untyped-def]
    """sk_filter() drops a pfmemalloc packet unless its socket has SOCK_MEMALLOC."""
    return FILTER


POLICY = Policy(
    name="linux_3_6",
    title="direct reclaim throttled at half of min (3.6)",
    source="mm/vmscan.c:throttle_direct_reclaim(), v3.6",
    era="6.12",
    version=306,
    decides={**LINUX_3_2.decides, "before_direct": before_direct, "receive": receive},
)
