"""LRU lists: rings with lazy deletion.

A page knows the absolute position of its live entry; taking it off a list only forgets that position, and a stale entry is skipped when the tail
reaches it. About half the cost of linked lists once the footprint leaves the L2 cache (measured on prototypes, 1 Mi pages and more).
"""

from __future__ import annotations

from typing import Any, Final

from core.jit import inlined, outlined, prefetch
from core.mmzone import ACTIVE_LIST, GENS, INACTIVE_FILE, LISTS, MGLRU, NO_LIST
from core.region import ANON

AHEAD: Final = 32  # entries: how far before its turn a page is fetched


@inlined
def add_head(m: Any, p: int, which: int) -> None:
    """Put page ``p``, on no list, at the young end of list ``which``."""
    enqueue(m, p, which)
    pg = m.page[p]
    zone = m.zones[pg.zone]
    zone.nr_lru += 1
    zone.nr_file_lru += 0 if pg.attr & ANON else 1


@inlined
def enqueue(m: Any, p: int, which: int) -> None:
    """``add_head`` for a caller that counts the zone's pages itself."""
    q = m.queues[which]
    if q.head - q.tail == m.rings.shape[1]:
        compact(m, which)
    m.rings[which, q.head & (m.rings.shape[1] - 1)] = p
    pg = m.page[p]
    pg.pos = q.head
    pg.list = which
    q.head += 1
    q.nr += 1


@inlined
def add_tail(m: Any, p: int, which: int) -> None:
    """Put page ``p``, on no list, at the old end of list ``which``: it is the next to be scanned."""
    q = m.queues[which]
    if q.head - q.tail == m.rings.shape[1]:
        compact(m, which)
    q.tail -= 1
    m.rings[which, q.tail & (m.rings.shape[1] - 1)] = p
    pg = m.page[p]
    pg.pos = q.tail
    pg.list = which
    q.nr += 1
    zone = m.zones[pg.zone]
    zone.nr_lru += 1
    zone.nr_file_lru += 0 if pg.attr & ANON else 1


@inlined
def remove(m: Any, p: int) -> None:
    """Take page ``p`` off its list."""
    pg = m.page[p]
    m.queues[pg.list].nr -= 1
    pg.list = NO_LIST
    zone = m.zones[pg.zone]
    zone.nr_lru -= 1
    zone.nr_file_lru -= 0 if pg.attr & ANON else 1


@inlined
def pop_tail(m: Any, which: int) -> int:
    """Take the oldest page off list ``which``; -1 if the list is empty."""
    q = m.queues[which]
    if q.nr == 0:
        q.tail = q.head
        return -1
    mask = m.rings.shape[1] - 1
    while True:
        p = int(m.rings[which, q.tail & mask])
        fetch_soon(m, which, q.tail)
        pg = m.page[p]
        live = pg.list == which and pg.pos == q.tail
        q.tail += 1
        if live:
            q.nr -= 1
            pg.list = NO_LIST
            zone = m.zones[pg.zone]
            zone.nr_lru -= 1
            zone.nr_file_lru -= 0 if pg.attr & ANON else 1
            return p


@inlined
def fetch_soon(m: Any, which: int, at: int) -> None:
    """Have the processor fetch the page whose turn comes AHEAD entries after position ``at`` of list ``which``."""
    soon = int(m.rings[which, at + AHEAD & m.rings.shape[1] - 1])
    prefetch(m.page, soon)
    prefetch(m.flags, soon)


@outlined
def compact(m: Any, which: int) -> None:
    """Drop the stale entries of a full ring. Rings hold at least twice the frames, so this is rare: amortised constant cost."""
    q = m.queues[which]
    mask = m.rings.shape[1] - 1
    to = q.tail
    for at in range(q.tail, q.head):
        p = int(m.rings[which, at & mask])
        pg = m.page[p]
        if pg.list == which and pg.pos == at:
            m.rings[which, to & mask] = p
            pg.pos = to
            to += 1
    q.head = to


@inlined
def type_pages(m: Any, n: int, is_file: int) -> int:
    """Anonymous (0) or file (1) pages on the lists of node ``n``; 6.12, either LRU."""
    queues = m.queues
    if m.vm[0].lru == MGLRU:
        first = n * LISTS + is_file * GENS
        return int(queues[first].nr + queues[first + 1].nr + queues[first + 2].nr + queues[first + 3].nr)
    first = n * LISTS + is_file * INACTIVE_FILE
    return int(queues[first].nr + queues[first + ACTIVE_LIST].nr)
