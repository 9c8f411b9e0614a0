"""A floor under free and clean memory: who would dirty more blocks until writeback has mended it.

Source:  A. Kleen, S. Tweedie, P. Zijlstra, linux-mm, 15 Aug 2007, in the thread of "[RFC 0/9] Reclaim during GFP_ATOMIC allocs"; never posted as patches.
Kernel:  on mm/page-writeback.c and mm/memory.c, v2.6.23; the rest as ``inline``.
Free pages and clean, unmapped page cache together stay above ``clean_floor_percent`` of RAM; easily reclaimable memory so replaces part of the reserve.
Differs: the mails want the clean pages on a third list; here they are counted, and stay where they are. The blocking is bounded (clean_floor.py): the mails do
         not say what happens when the floor cannot be met.
Expect:  allocations that cannot write always find clean memory; a load that is all anonymous pays in throughput, for kswapd must swap ahead of it, and without
         swap crawls at one page a second until it is killed or done.
"""

from __future__ import annotations

from core.policy import Policy, Tunable

POLICY = Policy(
    name="clean_floor",
    title="enforced minimum of clean memory",
    source="A. Kleen, S. Tweedie, P. Zijlstra, linux-mm, 15 Aug 2007",
    era="2.6.23",
    own=(Tunable("clean_floor_percent", 0, 50, 5, "% of RAM", "free and clean page cache below this: who dirties blocks (default an estimate)"),),
)
