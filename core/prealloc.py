"""What the write of a page will need, allocated when the page is dirtied (policy ``preallocated``).

The dirtier first fills a stash of its own, as radix_tree_preload() does, so that the page becomes dirty with its memory at hand. A device holds
ceil(sum of w_alloc over its dirty pages), so fractions of a page add up; a write takes along what is not needed any more.
Source: N. Piggin, 23 Aug 2007, quoted in <1187861208.6114.342@twins>.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp
from core.allocator import alloc, alloc_slow
from core.blkdev import FILE, SWAP
from core.frames import needed_for_dirty
from core.jit import inlined, jit, outlined
from core.region import ANON
from core.sched import CONTINUE, PRELOAD, give_way, pop, push

START: Final = 0
CAME: Final = 1


@inlined
def missing(m: Any, a: int, p: int) -> int:
    """Pages that the task's stash must hold before page ``p`` may become dirty; 0: it holds them."""
    pages = (m.devs[SWAP if m.page[p].attr & ANON else FILE].w_alloc_milli + 999) // 1000
    return int(pages) if m.actors[a].preload < pages else 0


@jit
def enter(m: Any, a: int, p: int) -> int:
    """Fill the task's stash before it dirties page ``p``."""
    pages = missing(m, a, p)
    f = push(m, a, PRELOAD)
    f.count = pages
    f.gfp = gfp.KERNEL if m.page[p].attr & ANON else gfp.NOFS
    return CONTINUE


@outlined
def step(m: Any, a: int, f: Any) -> int:
    """Allocate page by page; a task that is dying gets none and goes."""
    if f.phase == CAME:
        f.phase = START
        if f.ret == 0:
            pop(m, a, 0)
            return give_way(m, a)
        stash(m, a, f.ret - 1)
    while m.actors[a].preload < f.count:
        z = alloc(m, a, f.gfp)
        if z < 0:
            f.phase = CAME
            return alloc_slow(m, a, f.gfp)
        stash(m, a, z)
    return pop(m, a, 0)


@inlined
def stash(m: Any, a: int, z: int) -> None:
    """The page in hand, of zone ``z``, joins the stash."""
    vm = m.vm[0]
    vm.nr_in_hand -= 1
    m.zones[z].nr_kernel += 1
    m.actors[a].preload += 1
    vm.nr_prealloc += 1
    vm.nr_prealloc_max = max(vm.nr_prealloc_max, vm.nr_prealloc)


@inlined
def hold(m: Any, a: int, p: int) -> None:
    """Page ``p`` becomes dirty: its device takes what it will need from the stash of task ``a``."""
    d = m.devs[SWAP if m.page[p].attr & ANON else FILE]
    d.dirty_milli += d.w_alloc_milli
    pages = needed_for_dirty(d) - d.prealloc
    d.prealloc += pages
    m.actors[a].preload -= pages


@inlined
def use(m: Any, d: Any) -> int:
    """One page of device ``d`` is written: kernel pages that the write takes along."""
    d.dirty_milli -= d.w_alloc_milli
    pages = d.prealloc - needed_for_dirty(d)
    d.prealloc -= pages
    m.vm[0].nr_prealloc -= pages
    return int(pages)
