"""The two devices, their queues, and the pages in flight (include/linux/blkdev.h)."""

from typing import Final

import numpy as np

from core.state import Two, i8, record

SWAP: Final = 0
FILE: Final = 1
IO_CAP: Final = 1 << 16  # pages in flight per device and direction: 128 requests of at most 320 pages, with room
PLUG_CAP: Final = 32 * 32 + 320  # pages in a plug: requests of less than 128 KiB, and the last one


class Dev:
    """A device; index 0 swap, 1 file."""

    page_ns_read: i8
    page_ns_write: i8
    latency_ns: i8
    seek_ns: i8
    refill_ns: i8  # the throttle is filled up so often; 0: none
    fill_ns: i8  # when the fill began that the last page passed with
    fill_left: i8  # of it, ns of transfer
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


DEV, IO = record(Dev), record(Io)
