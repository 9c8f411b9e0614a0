"""FreeBSD's laundry queue: the idea as it shipped. Dirty pages wait on a list of their own, and a thread of its own writes them, slowly and steadily.

Source:  FreeBSD 11.0 and later, PQ_LAUNDRY, review D8302 (A. Cox, M. Johnston); sys/vm/vm_pageout.c:vm_pageout_scan_inactive(), vm_pageout_laundry_worker().
Kernel:  on mm/vmscan.c, v2.6.23: like FreeBSD's it has one active and one inactive list for anonymous and file pages together.
The inactive scan frees clean pages and moves dirty ones to the laundry; the page daemon never writes. The laundry thread (laundry_thread.py) launders in the
background when dirty pages outweigh clean ones, at 4096 kB/s, and at once what is missing to the free target when the page daemon falls short.
Nobody reclaims for himself: an allocation below the reserve sleeps (vm_wait()). After ``pageout_oom_seq`` scans in a row that freed nothing the biggest process
is killed (vm_pageout_mightbe_oom()).
Differs: the page daemon frees to Linux's high watermark; the laundry thread's free_min is the min watermark and its free_target four times that; the active
         scan moves dirty pages through the inactive list even in a shortage; priorities and swap_tendency are Linux's; its pause of a tenth of a second ends
         early when a write is done; no PID controller, no act_count; no clustering of neighbours beyond what the queue merges; the OOM rule counts waits of
         100 ms without a page freed; no PQ_UNSWAPPABLE: without swap space anonymous pages are activated.
Expect:  survives what kills ``postponed``, since laundry counts as LRU, has a writer of its own and that writer the reserve; anonymous loads run at the pace of
         one shortfall laundering each tenth of a second.
"""

from __future__ import annotations

from core.decisions import BY_CONGESTION, KSWAPD_PROGRESS, NO, TO_LAUNDRY, WAIT_FOR_KSWAPD
from core.jit import decision
from core.policy import Policy, Tunable

OOM_SEQ = 2


@decision
def dirty_page(is_kswapd, anon, marked, node_dirty, priority, own):  # type: ignore[no-untyped-def]
    """vm_page_launder(): onto the laundry queue."""
    return TO_LAUNDRY


@decision
def before_direct(gfp, free, half_min, hopeless, own):  # type: ignore[no-untyped-def]
    """vm_wait(): sleep until the page daemon has freed something."""
    return WAIT_FOR_KSWAPD


@decision
def throttle(is_kswapd, why, priority, own):  # type: ignore[no-untyped-def]
    """A page daemon that missed its target pauses for a tenth of a second once it has scanned the whole inactive queue."""
    if is_kswapd and (why == KSWAPD_PROGRESS or priority > 0):
        return NO
    return BY_CONGESTION


@decision
def out_of_memory(loops, reclaimed, hopeless, could_help, own):  # type: ignore[no-untyped-def]
    """vm_pageout_mightbe_oom(): so many scans in a row freed nothing."""
    return 1 if loops >= own[OOM_SEQ] else 0


POLICY = Policy(
    name="laundry_queue",
    title="laundry queue and thread (FreeBSD 11)",
    source="FreeBSD sys/vm/vm_pageout.c, PQ_LAUNDRY, review D8302",
    era="2.6.23",
    decides={"dirty_page": dirty_page, "before_direct": before_direct, "throttle": throttle, "out_of_memory": out_of_memory},
    own=(
        Tunable("background_launder_rate", 40, 1 << 22, 4096, "kB/s", "vm.background_launder_rate", log=True),
        Tunable(
            "background_launder_max", 40, 1 << 24, 20480, "kB", "vm.background_launder_max: background laundering without memory pressure ends here", log=True
        ),
        Tunable("pageout_oom_seq", 1, 1000, 12, "scans", "vm.pageout_oom_seq: scans in a row without a page until somebody is killed", log=True),
    ),
)
