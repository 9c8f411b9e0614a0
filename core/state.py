"""State of a run: every record field with its unit. Records are plain NumPy structured arrays, so they read the same compiled and interpreted.

Only int64 in arithmetic: other widths store flags and links. Do not add ``from __future__ import annotations`` here, the dtypes come from the annotations.
"""

from typing import Annotated, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

i8 = np.int64
Two = Annotated[NDArray[np.int64], 2]
Four = Annotated[NDArray[np.int64], 4]
Sixteen = Annotated[NDArray[np.int64], 16]

# Cold page attributes beside the static ones of streams.py (ANON, MAPPED, EXEC, END).
CACHED: Final = 16  # has a frame
SLOT: Final = 32  # has a swap slot; together with CACHED: in the swap cache
READING: Final = 64  # locked, its read is under way
ZERO: Final = 128  # the shared zero page is mapped here: no frame
LAUNDRY: Final = 256  # on a private laundry list
GONE: Final = 512  # unmapped or truncated while isolated or under I/O: free it when that ends
EVICTED: Final = 1024  # stamp holds an eviction shadow
STATIC: Final = 15

NO_LIST: Final = 255

# Lists of one lruvec; 2.6.23 uses the first two for anonymous and file pages together.
INACTIVE: Final = 0
ACTIVE_LIST: Final = 1
INACTIVE_FILE: Final = 2
ACTIVE_FILE: Final = 3
LISTS: Final = 4

SWAP: Final = 0
FILE: Final = 1
IO_CAP: Final = 1 << 15  # pages in flight per device and direction: 128 requests of at most 128 pages, with room
MAX_REQUEST: Final = 128  # pages: 512 KiB
DEPTH: Final = 32  # frames an actor can stack


class Vm:
    """What there is once a machine: sysctls, clocks, counters. nr_ fields count pages; *_ns are nanoseconds."""

    now: i8
    horizon_ns: i8
    era: i8
    n_tasks: i8
    n_zones: i8
    n_pages: i8
    kswapd: i8  # index of its actor
    flusher: i8
    ended: i8  # why the run ended (outcome.END_*)
    invariant: i8  # which invariant broke (0: none)
    audit: i8  # recount all pages at every event
    # sysctls
    dirty_background_ratio: i8
    dirty_ratio: i8
    swappiness: i8
    dirty_expire_ns: i8
    dirty_writeback_ns: i8
    # CPU costs
    copy_ns: i8
    minor_fault_ns: i8
    major_fault_ns: i8
    scan_ns: i8
    unmap_ns: i8
    submit_ns: i8
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
    nr_task_kernel: i8  # kernel pages that tasks hold
    nr_in_hand: i8  # allocated, not yet given to a page
    nr_slab: i8
    slab_floor: i8
    slab_carry: i8  # objects to scan, remainder of the last call
    slab_partial: i8  # objects freed on pages that are not empty yet
    totalreserve: i8
    # swap slots
    swap_slots: i8
    swap_free: i8
    swap_cursor: i8
    # 6.12 lruvec costs and refault clock
    anon_cost: i8
    file_cost: i8
    nonresident_age: i8
    refaults_anon: i8  # WORKINGSET_ACTIVATE at the last look of prepare_scan_control()
    refaults_file: i8
    activate_anon: i8
    activate_file: i8
    node_dirty: i8  # PGDAT_DIRTY
    node_writeback: i8  # PGDAT_WRITEBACK
    node_congested: i8  # LRUVEC_CONGESTED
    kswapd_failures: i8
    nr_throttled_writeback: i8
    throttle_written_start: i8
    # flusher
    flush_wanted: i8  # pages that reclaim asked pdflush to write
    flush_cursor: i8
    file_first: i8  # the file pages lie between these
    file_last: i8
    # 6.12 IO-less dirty throttling
    dirty_ratelimit: i8  # pages/s
    bw_stamp_ns: i8
    bw_written: i8
    bw_dirtied: i8
    write_bw: i8  # pages/s
    # waiters by kind, so that wake-ups cost nothing when nobody waits
    waiting: Sixteen
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
    allocstall: i8
    pageoutrun: i8
    pswpin: i8
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
    pgscan_direct_throttle: i8
    laundry_isolated: i8
    laundry_max: i8
    nr_laundry: i8
    balance_dirty_pauses: i8
    nr_seeks: i8


class Zone:
    """One zone (include/linux/mmzone.h); pages."""

    managed: i8
    nr_free: i8
    wmark_min: i8
    wmark_low: i8
    wmark_high: i8
    lowmem_reserve: i8
    reserve: i8  # pages_emerg: only PF_MEMALLOC goes below
    nr_lru: i8
    nr_isolated: i8  # off the lists: being shrunk, or in a laundry
    nr_kernel: i8  # kernel pages of any kind
    pages_scanned: i8
    all_unreclaimable: i8
    prev_priority: i8
    scan_active: i8  # nr_scan_active, carried between calls
    scan_inactive: i8


class Queue:
    """An LRU list: a ring of page numbers between absolute positions tail (oldest) and head; entries that moved away are skipped."""

    head: i8
    tail: i8
    nr: i8


class Dev:
    """A device; index 0 swap, 1 file."""

    page_ns_read: i8
    page_ns_write: i8
    latency_ns: i8
    seek_ns: i8
    nr_requests: i8
    congestion_on: i8
    congestion_off: i8
    w_alloc_milli: i8
    w_gfp: i8
    w_pool: i8
    w_pool_used: i8
    w_carry: i8  # thousandths of a page
    w_held: i8
    spindle: i8  # the device whose clock it shares
    busy_until: i8
    head_block: i8  # the block after the last one served
    congested: i8  # write queue
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
    """A task, kswapd or the flusher."""

    ready_ns: i8  # runs at the earliest then
    local_ns: i8  # its clock while it runs
    limit_ns: i8  # gives way then
    wait: i8  # what it waits for (sched.WAIT_*)
    wait_arg: i8
    depth: i8  # its top frame
    memalloc: i8  # PF_MEMALLOC
    memdie: i8  # TIF_MEMDIE
    dead: i8
    kernel_pages: i8
    rss: i8  # anonymous pages with contents, resident or swapped
    pc: i8
    run: i8  # touches of the present run already done
    first: i8
    last: i8
    op_ns: i8
    looked: i8  # the touches before this one have been looked at for pages to fetch
    next_read: i8  # the page after the last one read by read(2): going on there is sequential
    dirtied: i8  # file pages since the last balance_dirty_pages()


class Frame:
    """One activation of a kernel procedure of an actor; scan_control's fields live in the frame of try_to_free_pages or balance_pgdat."""

    proc: i8
    phase: i8
    ret: i8  # what the procedure called last returned
    gfp: i8
    count: i8
    page: i8
    zone: i8
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
    lru_pages: i8
    loops: i8
    iso_head: i8  # isolated pages still to look at, linked by Page.link
    iso_tail: i8
    keep_head: i8
    keep_tail: i8
    laundry_head: i8
    laundry_tail: i8
    nr_laundry: i8
    laundering: i8
    nr_taken: i8
    is_file: i8
    nr_dirty: i8
    nr_unqueued_dirty: i8
    nr_congested: i8
    nr_file_writeback: i8
    nr_file_taken: i8
    nr_immediate: i8
    nr_pageout: i8
    nr_rotated: i8
    deactivate: i8  # bit 0 anon, bit 1 file
    force_deactivate: i8
    cache_trim: i8
    file_tiny: i8
    proportional: i8
    skipped_deactivate: i8
    balanced: i8
    held: i8
    older: i8  # only pages dirtied before, ns (0: all)
    looked: i8  # pages looked at by this call
    reclaim: i8  # PAGEOUT on behalf of reclaim: set PG_reclaim
    result: i8
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


VM, ZONE, QUEUE, DEV, IO, ACTOR, FRAME, PAGE = (record(c) for c in (Vm, Zone, Queue, Dev, Io, Actor, Frame, Page))


class Memory(NamedTuple):
    """Everything a run changes, and the streams it reads; the first argument of every engine function."""

    vm: NDArray[Any]  # VM[1]
    zones: NDArray[Any]  # ZONE[zones]
    devs: NDArray[Any]  # DEV[2]
    actors: NDArray[Any]  # ACTOR[tasks + 2]
    frames: NDArray[Any]  # FRAME[actors * DEPTH]
    flags: NDArray[np.uint8]  # uint8[pages], hot flags of streams.py
    page: NDArray[Any]  # PAGE[pages]
    queues: NDArray[Any]  # QUEUE[lruvecs * LISTS]
    rings: NDArray[np.int32]  # int32[lruvecs * LISTS, ring], ring a power of two
    io: NDArray[Any]  # IO[device * 2 + direction, IO_CAP]
    slots: NDArray[np.uint8]  # uint8[swap slots], 1 = in use
    cpu_free: NDArray[np.int64]  # int64[cpus], busy until
    touch_ns: NDArray[np.int64]  # int64[tasks, 4], cost of each kind of touch
    stalls: NDArray[np.int64]  # int64[stall.BUCKETS]
    ops: NDArray[np.int64]
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
