"""Where a page belongs: generations and their lists.

Kernel: include/linux/mm_inline.h:lru_gen_add_folio(), lru_gen_is_active(), v6.12; mm/swap.c:folio_add_lru(), v6.12.
"""

from __future__ import annotations

from typing import Any, Final

from core import lru
from core.jit import inlined, jit
from core.mmzone import GENS, LISTS, NO_LIST
from core.page import ACTIVE, DIRTY, RECLAIM, REFERENCED, WRITEBACK
from core.region import ANON, MAPPED

MIN_NR_GENS: Final = 2
MIN_LRU_BATCH: Final = 64  # real pages: compiled code takes node.lru_batch


@inlined
def gen_list(n: int, is_file: int, seq: int) -> int:
    """List of generation ``seq`` of a type on node ``n``."""
    return int(n * LISTS + is_file * GENS + seq % GENS)


@inlined
def newcomer_list(m: Any, p: int) -> int:
    """lru_gen_add_folio(): what was faulted in begins youngest, what was read(2) in the second oldest generation, or the oldest if there are only a few."""
    pg = m.page[p]
    n = m.zones[pg.zone].node
    node = m.nodes[n]
    is_file = 0 if pg.attr & ANON else 1
    seq = node.max_seq
    if not pg.attr & MAPPED:
        seq = node.min_seq[is_file]
        if seq + MIN_NR_GENS < node.max_seq:
            seq += 1
    return gen_list(n, is_file, seq)


@jit
def put_rejected(m: Any, p: int) -> None:
    """evict_folios() on a page that was not freed: under writeback on behalf of reclaim it waits in the second youngest generation, else it begins anew.

    What has become clean meanwhile goes to the old end of the oldest generation: the kernel tries such pages again at once.
    """
    pg = m.page[p]
    flags = m.flags[p]
    n = m.zones[pg.zone].node
    node = m.nodes[n]
    is_file = 0 if pg.attr & ANON else 1
    if flags & RECLAIM and flags & (DIRTY | WRITEBACK):
        lru.add_head(m, p, gen_list(n, is_file, node.max_seq - 1))
    elif flags & (DIRTY | WRITEBACK | REFERENCED | ACTIVE) or pg.attr & MAPPED:
        m.flags[p] = flags & (255 ^ (REFERENCED | ACTIVE))
        lru.add_head(m, p, gen_list(n, is_file, node.max_seq))
    else:
        lru.add_tail(m, p, gen_list(n, is_file, node.min_seq[is_file]))


@jit
def rotate_to_oldest(m: Any, p: int) -> None:
    """folio_rotate_reclaimable(): the next to be evicted."""
    pg = m.page[p]
    n = m.zones[pg.zone].node
    is_file = 0 if pg.attr & ANON else 1
    lru.remove(m, p)
    lru.add_tail(m, p, gen_list(n, is_file, m.nodes[n].min_seq[is_file]))


@inlined
def make_youngest(m: Any, p: int) -> None:
    """folio_update_gen(): page ``p`` was used; it moves to the youngest generation unless it is there or isolated."""
    pg = m.page[p]
    if pg.list == NO_LIST:
        return
    n = m.zones[pg.zone].node
    which = gen_list(n, 0 if pg.attr & ANON else 1, m.nodes[n].max_seq)
    if pg.list != which:
        lru.remove(m, p)
        m.flags[p] &= 255 ^ (REFERENCED | ACTIVE)
        lru.add_head(m, p, which)
