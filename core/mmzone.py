"""NUMA nodes, zones and their LRU lists (include/linux/mmzone.h)."""

from typing import Final

from core.state import Four, Two, i8, record

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


NODE, ZONE, QUEUE = record(Node), record(Zone), record(Queue)
