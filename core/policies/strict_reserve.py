"""A strict reserve for the VM, and a network that filters while it lives on it.

Source:  P. Zijlstra, "[PATCH 00/10] foundations for reserve-based allocation", linux-mm, 6 Aug 2007, <20070806102922.907530000@chello.nl>, patch 09/10: the
         emergency pool; his answers in the thread of 20 Aug 2007: the states of the network. Never merged so; 3.6 took the idea over (sk_set_memalloc()).
Kernel:  against mm/page_alloc.c:zone_watermark_ok(), v2.6.23-rc.
Every watermark moves up by the reserve, so that only PF_MEMALLOC gets below it, and the receive path: a packet that finds no page is looked at in a page
of the reserve, which is given back at once; an answer to the VM's own requests counts, any other packet is dropped. Only an empty reserve drops everything.
Default: 528 pages that one swap socket can have in transmission (44 fragments * 3 pages * 4) and twice the fragments that wait for reassembly
         (ipfrag_high_thresh, 256 KiB = 64 pages): 656 pages. The pages of the route cache, which the patch adds, are left out: they depend on the host.
One reserve for each socket, as IRIX had it (10 Sep 2007), is this policy with ``reserve_kbytes`` multiplied by the sockets of the VM: the others have none.
Differs: the reserve is split by zone size without the special case of highmem; slab objects are not told apart.
Expect:  survives a swap server that was away under a flood of packets, where others deadlock; costs the reserve, and packets under pressure.
"""

from __future__ import annotations

from core.decisions import FILTER
from core.jit import decision
from core.policy import Policy
from core.units import KIB_PER_PAGE

TX_PAGES = 4 * 44 * 3
RX_PAGES = 2 * 64


@decision
def receive(own):  # type: ignore[no-untyped-def]
    """Look at it in a page of the reserve."""
    return FILTER


POLICY = Policy(
    name="strict_reserve",
    title="strict reserve, filtering network (P. Zijlstra)",
    source='P. Zijlstra, "[PATCH 00/10] foundations for reserve-based allocation", 6 Aug 2007',
    era="2.6.23",
    decides={"receive": receive},
    defaults={"reserve_kbytes": (TX_PAGES + RX_PAGES) * KIB_PER_PAGE},
)
