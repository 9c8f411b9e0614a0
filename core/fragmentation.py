"""Watermark boost: after an allocation had to take a pageblock of another migratetype, kswapd frees more for a while.

Kernel: mm/page_alloc.c:boost_watermark(), steal_suitable_fallback(), rmqueue(), v6.12. Order 0 knows no pageblocks:
the stream says when it happens (gfp.FALLBACK).
"""

from __future__ import annotations

from typing import Any

from core.allocator import wake_node
from core.jit import jit
from core.watermark import ERA_2_6_23, PAGEBLOCK_PAGES


@jit
def fell_back(m: Any, z: int, now: int) -> None:
    """A fragmentation event in zone ``z``: a pageblock more on its watermarks; its kswapd is woken even if the node is balanced."""
    vm = m.vm[0]
    zone = m.zones[z]
    if vm.era == ERA_2_6_23 or zone.managed < 4 * vm.pageblock:
        return
    most = zone.wmark_high * vm.watermark_boost_factor // 10000
    if most == 0:
        return
    # An allocation of one simulated page is page_scale events of a pageblock each.
    zone.wmark_boost = min(zone.wmark_boost + PAGEBLOCK_PAGES, max(most, vm.pageblock))
    wake_node(m, zone.node, now)
