"""Outcome: what one replicate did. Integers only, so that equal runs have equal digests everywhere."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from core.units import SECOND

END_HORIZON: Final = 1  # time was up
END_DONE: Final = 2  # every task came to its end
END_DEADLOCK: Final = 3  # nothing moved for DEADLOCK_NS
END_PANIC: Final = 4  # out of memory and nobody to kill
END_INVARIANT: Final = 5  # the engine contradicts itself; never leaves simulate()

# Counts of pages, of touches, packets and allocations of one page: a simulated one stands for page_scale real ones. All else counts events.
_OF_PAGES: Final = """
    ops_done nr_free_min_seen nr_free_final reserve_used memalloc_fail recursion_reclaimed atomic_reclaimed atomic_fail
    writeout_held_max nr_prealloc_max slab_burst_max laundry_isolated laundry_max
    packets_received packets_dropped packets_overrun packets_filtered acks_lost
    pgscan_anon pgscan_file pgsteal_anon pgsteal_file
    pgfault pgmajfault pgalloc pgfree pgactivate pgdeactivate pgrotated pgscan_kswapd pgscan_direct pgsteal_kswapd pgsteal_direct
    pswpin pswpout swap_ra swap_ra_hit
    nr_dirty nr_writeback nr_dirtied nr_written nr_vmscan_write nr_vmscan_immediate_reclaim
    workingset_refault_anon workingset_refault_file workingset_activate_anon workingset_activate_file slabs_scanned
"""
OF_PAGES: Final = frozenset(_OF_PAGES.split())


@dataclass(frozen=True)
class Outcome:
    """The measured result of one simulation.

    Attributes (real pages unless the name says otherwise; names of /proc/vmstat mean what they mean there):
        end: why the run ended (END_*).
        oom_kills: tasks killed.
        deadlock: 1 if nothing moved any more, or nobody was left to kill.
        time_to_first_oom_ns, time_to_low_ns: first kill; free memory first below the low watermark; -1 if never.
        elapsed_ns: until the last task ended; the whole horizon if a task was killed or is stuck.
        ops_done: operations completed by all tasks (each page touch counts one).
        last_op_ns: when the last one was completed.
        stall_*: allocations that entered direct reclaim, from there to their page.
        nr_free_min_seen, nr_free_final: free pages, lowest and at the end.
        reserve_used: pages that PF_MEMALLOC took below the min watermark.
        memalloc_fail: allocations under PF_MEMALLOC that failed.
        recursions, recursion_reclaimed: reclaims from within such an allocation, and what they freed.
        reclaim_depth: most reclaims nested on one stack, counted.
        atomic_reclaimed: freed by allocations that may not wait.
        irqs_off_ns_max: longest that one of them scanned with interrupts off.
        writeout_held_max, nr_prealloc_max: most kernel pages that writes in flight held at one time, and dirty pages for their writes.
        slab_burst_max: most that one burst of the test shrinker got.
        laundry_max: most pages on private laundry lists at one time.
        packets_received: queued in a socket for a task.
        packets_dropped: lost for want of memory.
        packets_overrun: lost because the sockets or the receive ring were full.
        packets_filtered: looked at in a page of the reserve, and not for the VM. With the three before it, all packets that arrived.
        acks_lost: answers of a network device lost for want of memory.
        net_transitions: changes between the network's states NORMAL, EMERGENCY and DROP-ALL.
    """

    end: int
    oom_kills: int
    deadlock: int
    time_to_first_oom_ns: int
    time_to_low_ns: int
    elapsed_ns: int
    ops_done: int
    last_op_ns: int
    stall_ns_p50: int
    stall_ns_p99: int
    stall_ns_max: int
    stall_ns_total: int
    nr_stalls: int
    nr_free_min_seen: int
    nr_free_final: int
    reserve_used: int
    memalloc_fail: int
    recursions: int
    recursion_reclaimed: int
    reclaim_depth: int
    atomic_reclaimed: int
    irqs_off_ns_max: int
    writeout_held_max: int
    nr_prealloc_max: int
    slab_burst_max: int
    recursion_limit: int
    atomic_fail: int
    laundry_isolated: int
    laundry_max: int
    nr_seeks: int
    packets_received: int
    packets_dropped: int
    packets_overrun: int
    packets_filtered: int
    acks_lost: int
    net_transitions: int
    balance_dirty_pauses: int
    pgfault: int
    pgmajfault: int
    pgalloc: int
    pgfree: int
    pgactivate: int
    pgdeactivate: int
    pgrotated: int
    pgscan_kswapd: int
    pgscan_direct: int
    pgscan_direct_throttle: int
    pgsteal_kswapd: int
    pgsteal_direct: int
    pgscan_anon: int
    pgscan_file: int
    pgsteal_anon: int
    pgsteal_file: int
    allocstall: int
    pageoutrun: int
    kswapd_wake: int
    kswapd_low_wmark_hit_quickly: int
    kswapd_high_wmark_hit_quickly: int
    pswpin: int
    pswpout: int
    swap_ra: int
    swap_ra_hit: int
    nr_dirty: int
    nr_writeback: int
    nr_dirtied: int
    nr_written: int
    nr_vmscan_write: int
    nr_vmscan_immediate_reclaim: int
    workingset_refault_anon: int
    workingset_refault_file: int
    workingset_activate_anon: int
    workingset_activate_file: int
    slabs_scanned: int
    oom_kill: int

    @property
    def oom(self) -> bool:
        """Did the policy fail: a task killed, or the machine stuck for good?"""
        return self.oom_kills > 0 or self.deadlock > 0

    @property
    def throughput(self) -> float:
        """Operations per second of simulated time."""
        return self.ops_done * SECOND / self.elapsed_ns

    @property
    def digest(self) -> str:
        """SHA-256 over all fields in order."""
        values = np.array([getattr(self, name) for name in self.fields()], np.int64)
        return hashlib.sha256(b"highwater-outcome-1" + values.astype("<i8").tobytes()).hexdigest()

    def asdict(self) -> dict[str, int]:
        """Field names to values, in order."""
        return {name: getattr(self, name) for name in self.fields()}

    @classmethod
    def fields(cls) -> tuple[str, ...]:
        """Names of all fields in order."""
        return tuple(f.name for f in fields(cls))
