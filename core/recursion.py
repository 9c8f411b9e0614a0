"""Recursive reclaim: an allocation under PF_MEMALLOC that finds nothing reclaims clean pages once more.

Source: C. Lameter, "[RFC 0/3] Recursive reclaim (on __PF_MEMALLOC)", 14 Aug 2007, <20070814142103.204771292@sgi.com>.
The inner try_to_free_pages() carries __GFP_NOMEMALLOC: it writes nothing, shrinks no slab, wakes no flusher and never naps. It allocates nothing that could
recurse again, so reclaim nests two deep. In 6.12 this replaces the bail-out of __alloc_pages_slowpath() for PF_MEMALLOC.
Differs: try_to_free_pages() of 2.6.23 also reports progress if nothing was freed but a zone is not given up yet; a caller that starts again upon that would
         spin until a write ends, so here only freed pages count.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp
from core.actor import DEPTH
from core.jit import inlined, jit
from core.sched import DIRECT_612, DIRECT_2623, KSWAPD_612, KSWAPD_2623, push

INNER_FRAMES: Final = 3  # try_to_free_pages(), shrink_zone(), shrink_page_list()


@jit
def enter(m: Any, pol: Any, a: int, f: Any, when: int, proc: int) -> bool:
    """Ask the policy; True: the inner reclaim ``proc`` was pushed for the allocation of frame ``f``, which is told the pages freed."""
    vm = m.vm[0]
    actor = m.actors[a]
    if not f.gfp & gfp.WAIT or f.gfp & gfp.NOMEMALLOC or actor.memalloc == 0:
        return False
    answer = pol.recurse(when, f.gfp, m.tunables)
    if not answer:
        return False
    if actor.depth + INNER_FRAMES >= DEPTH:
        vm.recursion_limit += 1
        return False
    flags = f.gfp | gfp.NOMEMALLOC
    d = push(m, a, proc)
    d.gfp = flags
    d.recursion = answer
    vm.recursions += 1
    note_depth(m, a)
    return True


@inlined
def note_depth(m: Any, a: int) -> None:
    """How many reclaims are nested on the actor's stack now."""
    vm = m.vm[0]
    nested = 0
    for depth in range(m.actors[a].depth + 1):
        proc = m.frames[a * DEPTH + depth].proc
        if proc in (DIRECT_2623, DIRECT_612, KSWAPD_2623, KSWAPD_612):
            nested += 1
    vm.reclaim_depth = max(vm.reclaim_depth, nested)
