"""What there is once a machine: sysctls, clocks, and the counters of /proc/vmstat under the kernel's names."""

from core.state import Four, Waits, i8, record


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
    running: i8  # the actor that ran last, or will next
    others_changed: i8  # another one has become ready since
    shared_core: i8  # CPUs execute in turn and have run queues
    due_ns: Four  # when the oldest page in flight is done, of each device and direction; network devices: never, they complete by answers
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


VM = record(Vm)
