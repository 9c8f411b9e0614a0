"""State of a run: every record field with its unit. Records are plain NumPy structured arrays, so they read the same compiled and interpreted.

Only int64 in arithmetic: other widths store flags and links. Do not add ``from __future__ import annotations`` here, the dtypes come from the annotations.
"""

from typing import Annotated, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

i8 = np.int64
Two = Annotated[NDArray[np.int64], 2]
Four = Annotated[NDArray[np.int64], 4]
Waits = Annotated[NDArray[np.int64], 24]

# Cold page attributes beside the static ones of streams.py (ANON, MAPPED, EXEC, END).
CACHED: Final = 16  # has a frame
SLOT: Final = 32  # has a swap slot; together with CACHED: in the swap cache
READING: Final = 64  # locked, its read is under way
ZERO: Final = 128  # the shared zero page is mapped here: no frame
LAUNDRY: Final = 256  # on a private laundry list
GONE: Final = 512  # unmapped or truncated while isolated or under I/O: free it when that ends
EVICTED: Final = 1024  # stamp holds an eviction shadow
WORKINGSET: Final = 2048  # PG_workingset; of an evicted page: the bit of its shadow
AHEAD: Final = 4096  # PG_readahead: read from swap beside another page, and nobody has asked for it yet
STATIC: Final = 15

NO_LIST: Final = 255

# Lists of one lruvec; 2.6.23 uses the first two for anonymous and file pages together.
INACTIVE: Final = 0
ACTIVE_LIST: Final = 1
INACTIVE_FILE: Final = 2
ACTIVE_FILE: Final = 3
LAUNDRY_LIST: Final = 4  # pages that wait to be written; they count as LRU pages
GENS: Final = 4  # of each type in the multi-generational LRU
LISTS: Final = 8

CLASSIC: Final = 0
MGLRU: Final = 1

SWAP: Final = 0
FILE: Final = 1
IO_CAP: Final = 1 << 16  # pages in flight per device and direction: 128 requests of at most 320 pages, with room
PLUG_CAP: Final = 32 * 32 + 320  # pages in a plug: requests of less than 128 KiB, and the last one
DEPTH: Final = 40  # frames an actor can stack


class Vm:
    """What there is once a machine: sysctls, clocks, counters. nr_ fields count simulated pages; *_ns are nanoseconds."""

    now: i8
    horizon_ns: i8
    era: i8
    version: i8  # of the kernel: 100 times major plus minor; 2.6.23: 206
    n_tasks: i8
    n_zones: i8
    n_nodes: i8
    home: i8  # highest zone of the node that the running actor allocates from first
    n_pages: i8
    flusher: i8
    network: i8
    ended: i8  # why the run ended (outcome.END_*)
    invariant: i8  # which invariant broke (0: none)
    audit: i8  # recount all pages at every event
    # sysctls
    dirty_background_ratio: i8
    dirty_ratio: i8
    dirty_background_bytes: i8  # simulated pages; 0: the ratio holds
    dirty_bytes: i8
    swappiness: i8
    watermark_boost_factor: i8
    lru: i8  # CLASSIC or MGLRU
    min_ttl_ns: i8  # MGLRU: kill rather than evict what is younger (0: never)
    dirty_expire_ns: i8
    dirty_writeback_ns: i8
    writeout_cap: i8  # pages that writes in flight may hold (0: any)
    prealloc: i8  # what a write needs is allocated when its page is dirtied
    laundry_counts_as_lru: i8  # private laundries count for the tests that call a zone hopeless
    clean_floor: i8  # free and clean file pages together that must stay, pages (0: no floor)
    # how many real pages a simulated one stands for, and the kernel's constants in simulated pages
    page_scale: i8
    batch: i8  # SWAP_CLUSTER_MAX
    max_readahead: i8
    max_writeback: i8  # MAX_WRITEBACK_PAGES
    ratelimit_min: i8
    ratelimit_max: i8
    ratelimit_over: i8  # 2.6.23: above the limit
    slab_batch: i8  # SHRINK_BATCH, objects
    pageblock: i8
    # CPU costs of a simulated page
    copy_ns: i8
    minor_fault_ns: i8
    major_fault_ns: i8
    scan_ns: i8
    unmap_ns: i8
    walk_ns: i8
    submit_ns: i8
    swapin_ns: i8
    request_ns: i8  # of a request
    pass_ns: i8  # of a pass over a node
    irq_ns: i8
    # pages by use, all zones
    nr_total: i8
    nr_anon_mapped: i8
    nr_file_mapped: i8
    nr_file: i8  # page cache without swap cache
    nr_dirty: i8  # NR_FILE_DIRTY
    nr_writeback: i8  # swap writes too
    nr_file_writeback: i8
    nr_swapcache: i8
    nr_radix: i8  # kernel pages that index the swap cache
    nr_io_held: i8  # kernel pages held by writes in flight
    nr_prealloc: i8  # kernel pages allocated for the writes of dirty pages
    writeout_admitted: i8  # pages and mempool elements that admitted writes hold or will hold
    nr_task_kernel: i8  # kernel pages that tasks hold
    nr_backlog: i8  # kernel pages of packets in socket buffers
    nr_burst: i8  # kernel pages that an interrupt took, until the end of its burst
    nr_in_hand: i8  # allocated, not yet given to a page
    nr_slab: i8
    slab_floor: i8
    slab_carry: i8  # objects to scan, remainder of the last call
    slab_partial: i8  # objects freed on pages that are not empty yet
    totalreserve: i8
    # swap slots
    swap_slots: i8
    swap_window: i8  # pages: most that a swap-in reads
    swap_faults: i8  # reads of their own that the real pages of a simulated one take
    swap_ra_prev: i8  # of swapin_nr_pages(): slot
    swap_ra_hits: i8
    swap_ra_win: i8
    swap_free: i8
    swap_cursor: i8
    # flusher
    flush_wanted: i8  # pages that reclaim asked pdflush to write
    flush_cursor: i8
    file_first: i8  # the file pages lie between these
    file_last: i8
    # IO-less dirty throttling of 6.x; jiffies, pages and pages/s
    dirty_ratelimit: i8
    balanced_ratelimit: i8
    write_bw: i8  # write_bandwidth
    avg_write_bw: i8  # avg_write_bandwidth
    bw_stamp: i8
    bw_written: i8  # written since
    bw_dirtied: i8
    bw_due_ns: i8  # a writeback has ended, the flusher brings the estimate up to date then (0: no)
    dirty_limit: i8  # of the domain: follows the limit down slowly
    dirty_limit_stamp: i8
    dirty_exceeded: i8
    dirty_poll_thresh: i8  # DIRTY_POLL_THRESH
    # network
    next_arrival: i8  # row of arrivals
    memalloc_socks: i8  # a device has a socket of the VM (sk_memalloc_socks())
    net_state: i8  # network.NORMAL, EMERGENCY or DROP_ALL
    slab_burst: i8  # pages that the next caller of shrink_slab() allocates (slabtest.py)
    # waiters by kind, so that wake-ups cost nothing when nobody waits
    waiting: Waits
    handoff_ticket: i8  # of the last who queued for a page of kswapd
    more_kswapds: i8  # index of the first kswapd beyond one a node; they are the last actors but the laundry thread
    nr_more_kswapds: i8
    # the laundry thread (laundry.py)
    launderd: i8  # index of its actor (-1: none)
    laundry_request: i8
    clean_freed: i8  # vmd_clean_pages_freed: by kswapd, not yet seen by the laundry thread
    nfreed: i8  # seen, but no background laundering since
    launder_target: i8
    launder_last_target: i8
    launder_in_shortfall: i8
    launder_cycle: i8
    launder_rate: i8  # pages each tenth of a second
    launder_max: i8  # pages
    # progress, for deadlock detection
    progress_ns: i8
    # outcome
    ops_done: i8
    last_op_ns: i8
    time_to_low_ns: i8
    time_to_first_oom_ns: i8
    nr_free_min_seen: i8
    stall_ns_total: i8
    stall_ns_max: i8
    nr_stalls: i8
    recursion_limit: i8
    reserve_used: i8  # pages taken below the min mark by PF_MEMALLOC
    memalloc_fail: i8  # allocations under PF_MEMALLOC that failed
    recursions: i8  # reclaims from within an allocation under PF_MEMALLOC
    recursion_reclaimed: i8
    reclaim_depth: i8  # most reclaims nested on one stack
    atomic_reclaimed: i8  # pages freed by allocations that may not wait
    irqs_off_ns_max: i8  # longest scan by one of them
    writeout_held_max: i8  # most kernel pages that writes held at one time
    nr_prealloc_max: i8
    slab_burst_max: i8  # most pages that one burst of the test shrinker got
    atomic_fail: i8
    pgfault: i8
    pgmajfault: i8
    pgalloc: i8
    pgfree: i8
    pgactivate: i8
    pgdeactivate: i8
    pgrotated: i8
    pgscan_kswapd: i8
    pgscan_direct: i8
    pgsteal_kswapd: i8
    pgsteal_direct: i8
    pgscan_anon: i8  # the four: 6.12 only
    pgscan_file: i8
    pgsteal_anon: i8
    pgsteal_file: i8
    allocstall: i8
    pageoutrun: i8
    pswpin: i8
    swap_ra: i8
    swap_ra_hit: i8
    pswpout: i8
    nr_dirtied: i8
    nr_written: i8
    nr_vmscan_write: i8
    nr_vmscan_immediate_reclaim: i8
    workingset_refault_anon: i8
    workingset_refault_file: i8
    workingset_activate_anon: i8
    workingset_activate_file: i8
    slabs_scanned: i8
    oom_kill: i8
    kswapd_wake: i8
    kswapd_low_wmark_hit_quickly: i8
    kswapd_high_wmark_hit_quickly: i8
    pgscan_direct_throttle: i8
    laundry_isolated: i8
    laundry_max: i8
    nr_laundry: i8
    balance_dirty_pauses: i8
    nr_seeks: i8
    packets_received: i8
    packets_dropped: i8
    packets_overrun: i8
    packets_filtered: i8
    acks_lost: i8
    net_transitions: i8


class Node:
    """One NUMA node (pg_data_t) and its lruvec; 6.12 but for the first three fields."""

    zone_first: i8
    zone_last: i8
    kswapd: i8  # index of its actor
    kswapd_failures: i8
    anon_cost: i8
    file_cost: i8
    nonresident_age: i8
    refaults_anon: i8  # WORKINGSET_ACTIVATE at the last look of prepare_scan_control()
    refaults_file: i8
    activate_anon: i8
    activate_file: i8
    dirty: i8  # PGDAT_DIRTY
    writeback: i8  # PGDAT_WRITEBACK
    congested: i8  # LRUVEC_NODE_CONGESTED
    nr_isolated: Two  # NR_ISOLATED_ANON, NR_ISOLATED_FILE
    throttled_written: i8  # NR_THROTTLED_WRITTEN since its kswapd was throttled
    lru_batch: i8  # MIN_LRU_BATCH in simulated pages
    # MGLRU (lru_gen_folio); by type: 0 anonymous, 1 file; by type * 2 + tier
    max_seq: i8
    min_seq: Two
    birth: Four  # when each generation began, ns
    ageing: i8  # somebody walks the page tables
    evicted: Four  # from the oldest generation
    refaulted: Four  # of those
    avg_total: Four  # of earlier generations
    avg_refaulted: Four
    spared: Two  # protected for their tier


class Zone:
    """One zone (include/linux/mmzone.h); pages."""

    node: i8
    lruvec: i8  # its first list: one lruvec a zone in 2.6.23, one a node in 6.12
    managed: i8
    nr_free: i8
    wmark_min: i8
    wmark_low: i8
    wmark_high: i8
    wmark_boost: i8  # on top of all three after fragmentation events; 6.12
    lowmem_reserve: i8
    reserve: i8  # pages_emerg: only PF_MEMALLOC goes below
    atomic_reserve: i8  # PF_MEMALLOC stops here, GFP_ATOMIC goes as much deeper
    rt_quarter: i8  # real-time tasks have a quarter of min, not half (6.1)
    nr_lru: i8
    nr_file_lru: i8  # of these, file pages
    nr_write_pending: i8  # dirty file pages, and all pages under writeback
    nr_isolated: i8  # off the lists: being shrunk, or in a laundry
    nr_laundry: i8  # of these, in private laundries or being written from one
    nr_kernel: i8  # kernel pages of any kind
    pages_scanned: i8
    all_unreclaimable: i8
    prev_priority: i8
    scan_active: i8  # nr_scan_active, carried between calls, real pages
    scan_inactive: i8


class Queue:
    """An LRU list: a ring of page numbers between absolute positions tail (oldest) and head; entries that moved away are skipped."""

    head: i8
    tail: i8
    nr: i8
    scan_carry: i8  # real pages to scan that do not make a simulated one yet; 6.12


class Dev:
    """A device; index 0 swap, 1 file."""

    page_ns_read: i8
    page_ns_write: i8
    latency_ns: i8
    seek_ns: i8
    nr_requests: i8
    max_request: i8  # pages
    congestion_on: i8
    congestion_off: i8
    w_alloc_milli: i8
    w_gfp: i8
    w_pool: i8
    w_pool_used: i8
    w_carry: i8  # thousandths of a page
    w_held: i8
    prealloc: i8  # pages allocated for the writes of its dirty pages
    dirty_milli: i8  # what these need, thousandths of a page
    spindle: i8  # the device whose clock it shares
    busy_until: i8
    refill_ns: i8  # the throttle is filled up so often; 0: none
    fill_ns: i8  # when the fill began that the last page passed with
    fill_left: i8  # of it, ns of transfer
    head_block: i8  # the block after the last one served
    congested: i8  # write queue
    network: i8  # completes by answers
    down: i8  # its server is
    backoff: i8  # answers lost in a row
    resume_ns: i8  # no answer before
    nr: Two  # requests queued: reads, writes
    last_block: Two
    last_pages: Two
    io_head: Two
    io_tail: Two


class Io:
    """One page in flight."""

    done_ns: i8
    page: np.int32
    opens: np.int16  # first page of its request
    held: np.int16  # kernel pages that the write holds; pool elements negative


class Actor:
    """A task, a kswapd, the flusher or the network."""

    ready_ns: i8  # runs at the earliest then
    local_ns: i8  # its clock while it runs
    limit_ns: i8  # gives way then
    wait: i8  # what it waits for (sched.WAIT_*)
    wait_arg: i8
    depth: i8  # its top frame
    memalloc: i8  # PF_MEMALLOC
    memdie: i8  # TIF_MEMDIE
    dead: i8
    node: i8  # home node; the node that a kswapd works for
    is_kswapd: i8
    kernel_pages: i8
    preload: i8  # pages at hand for what it dirties next
    rss: i8  # anonymous pages with contents, resident or swapped
    pc: i8
    run: i8  # touches of the present run already done
    first: i8
    last: i8
    op_ns: i8
    looked: i8  # the touches before this one have been looked at for pages to fetch
    late_ns: i8  # it sleeps so long when its page has come: the faults that the simulated one stands for come one after another
    next_read: i8  # the page after the last one read by read(2): going on there is sequential
    file_ra_start: i8  # file_ra_state: the window that was read ahead last, and how much of it was still ahead where the mark is; 6.x
    file_ra_size: i8
    file_ra_async: i8
    ra_page: i8  # swap_readahead_info of its memory: the last page looked for
    ra_win: i8
    ra_hits: i8
    reads_files: i8  # it has read(2) touches outside of runs, where going on counts
    unseen_pc: i8  # the operations from here to pc are touches of which next_read knows nothing yet
    dirtied: i8  # nr_dirtied: file pages since the last balance_dirty_pages()
    nr_dirtied_pause: i8  # it is entered again after so many; 6.x
    dirty_paused_when: i8  # jiffies, in the virtual time that its pauses make
    ticket: i8  # its place in the queue for a page of kswapd (0: none)
    floor_pass: i8  # it waited for the clean floor in vain: the next page is let through
    plugs: i8  # plugs that it has begun, one inside the other
    plug_nr: i8  # pages that wait in the outermost
    plug_requests: i8
    plug_dev: i8  # device of the last request there
    plug_pages: i8  # pages of the last request there


class Frame:
    """One activation of a kernel procedure of an actor; scan_control's fields live in the frame of try_to_free_pages or balance_pgdat."""

    proc: i8
    phase: i8
    ret: i8  # what the procedure called last returned
    gfp: i8
    count: i8
    page: i8
    zone: i8
    node: i8
    dev: i8
    until: i8
    sc: i8  # depth of the frame that holds scan_control
    priority: i8
    may_writepage: i8
    may_swap: i8
    nr_scanned: i8
    total_scanned: i8
    nr_reclaimed: i8
    nr_to_reclaim: i8
    all_unreclaimable: i8
    all_zones_ok: i8
    end_zone: i8
    boost: i8  # nr_boost_reclaim
    lru_pages: i8
    slab_scanned: i8
    loops: i8
    iso_head: i8  # isolated pages still to look at, linked by Page.link
    iso_tail: i8
    keep_head: i8
    keep_tail: i8
    laundry_head: i8
    laundry_tail: i8
    nr_laundry: i8
    nr_to_launder: i8  # what launder() answered
    laundering: i8
    for_floor: i8  # kswapd works for the clean floor: clean file pages stay
    nr_taken: i8
    is_file: i8
    nr_dirty: i8
    nr_unqueued_dirty: i8
    nr_congested: i8
    nr_file_writeback: i8
    nr_file_taken: i8
    nr_immediate: i8
    nr_pageout: i8
    nr_activated: i8
    deactivate: i8  # bit 0 anon, bit 1 file
    force_deactivate: i8
    cache_trim: i8
    no_cache_trim: i8
    cache_trim_failed: i8
    file_tiny: i8
    proportional: i8
    skipped_deactivate: i8
    balanced: i8
    held: i8
    older: i8  # only pages dirtied before, ns (0: all)
    looked: i8  # pages looked at by this call
    reclaim: i8  # PAGEOUT on behalf of reclaim: set PG_reclaim
    admitted: i8  # PAGEOUT: what it counts in Vm.writeout_admitted
    recursion: i8  # scan_control: 0, or what the inner reclaim takes (decisions.UNMAPPED, MAPPED)
    result: i8
    direction: i8  # device.READ_IO or WRITE_IO
    scan: Four
    goal: Four


class Page:
    """What is rarely needed of a page; the hot flags are a byte array of their own."""

    pos: i8  # absolute position of its live entry in its list
    stamp: i8  # eviction clock while evicted, time of dirtying (ns) while dirty
    link: np.int32  # next in a private list
    slot: np.int32
    attr: np.uint16
    zone: np.uint8
    list: np.uint8
    owner: np.int32


def record(declaration: type) -> np.dtype[Any]:
    """The dtype of a record class."""
    fields: list[Any] = []
    for name, kind in declaration.__annotations__.items():
        length = getattr(kind, "__metadata__", None)
        fields.append((name, i8, length) if length else (name, kind))
    return np.dtype(fields, align=True)


VM, NODE, ZONE, QUEUE, DEV, IO, ACTOR, FRAME, PAGE = (record(c) for c in (Vm, Node, Zone, Queue, Dev, Io, Actor, Frame, Page))


class Memory(NamedTuple):
    """Everything a run changes, and the streams it reads; the first argument of every engine function."""

    vm: NDArray[Any]  # VM[1]
    nodes: NDArray[Any]  # NODE[nodes]
    zones: NDArray[Any]  # ZONE[zones], each node's from low to high
    devs: NDArray[Any]  # DEV[2]
    actors: NDArray[Any]  # ACTOR[tasks + nodes + 2 ...]: tasks, kswapds, the flusher, the network, more threads (kthreads.py)
    frames: NDArray[Any]  # FRAME[actors * DEPTH]
    flags: NDArray[np.uint8]  # uint8[pages], hot flags of streams.py
    page: NDArray[Any]  # PAGE[pages]
    queues: NDArray[Any]  # QUEUE[lruvecs * LISTS]
    rings: NDArray[np.int32]  # int32[lruvecs * LISTS, ring], ring a power of two
    io: NDArray[Any]  # IO[device * 2 + direction, IO_CAP]
    plugged: NDArray[np.int32]  # int32[actors, PLUG_CAP], pages that wait in plugs
    slots: NDArray[np.int32]  # int32[swap slots], 1 + the page there, 0: free
    cpu_free: NDArray[np.int64]  # int64[cpus], busy until
    touch_ns: NDArray[np.int64]  # int64[tasks * 4], cost of each kind of touch
    stalls: NDArray[np.int64]  # int64[stall.BUCKETS]
    ops: NDArray[np.int64]
    arrivals: NDArray[np.int64]  # int64[n, 4], network.timetable()
    tunables: NDArray[np.int64]  # the policy's own


class Decisions(NamedTuple):
    """The policy's decision functions, see decisions.py."""

    dirty_page: Any
    writeback_page: Any
    launder: Any
    launder_memalloc: Any
    recurse: Any
    atomic_scan: Any
    before_direct: Any
    throttle: Any
    wake_pdflush: Any
    out_of_memory: Any
    receive: Any
