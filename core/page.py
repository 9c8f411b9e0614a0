"""A page: its hot flags, one byte in an array of their own, and what is rarely needed of it."""

from typing import Final

import numpy as np

from core.state import i8, record

# Hot page flags, one byte a page (Memory.flags).
PRESENT: Final = 1  # mapped (anon, mmapped file) or up to date in the page cache (buffered file)
ACCESSED: Final = 2  # the young bit of the page table entry
DIRTY: Final = 4
REFERENCED: Final = 8  # PG_referenced
ACTIVE: Final = 16  # PG_active
WRITEBACK: Final = 32  # PG_writeback
RECLAIM: Final = 64  # PG_reclaim: free it as soon as its write ends
NEVER: Final = 128  # no page ever has this flag: an operation that needs it always leaves the fast path

# Cold page attributes beside the static ones of region.py (ANON, MAPPED, EXEC, END).
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


class Page:
    """What is rarely needed of a page; the hot flags are a byte array of their own."""

    pos: i8  # absolute position of its live entry in its list
    stamp: i8  # eviction clock while evicted, time of dirtying (ns) while dirty
    link: np.int32  # next in a private list
    slot: np.int32
    zone: np.uint8
    list: np.uint8
    attr: np.uint16  # not at a multiple of four: LLVM would load it with its neighbours, and wait for a store to one of them
    owner: np.int32


PAGE = record(Page)
