"""An actor, with what the kernel keeps in task_struct and mm_struct, and its stack: frames of the kernel procedures that it is in."""

from typing import Final

from core.state import Four, i8, record

DEPTH: Final = 40  # frames an actor can stack


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
    # where CPUs share a core
    cpu: i8
    vruntime: i8  # ns
    slept: i8  # its wakeup has not been seen yet


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


ACTOR, FRAME = record(Actor), record(Frame)
