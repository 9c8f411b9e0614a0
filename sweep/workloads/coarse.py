"""A recorded trace in larger pages, for machines whose page_scale is not 1."""

from __future__ import annotations

import numpy as np

from sweep.tracefile import DISCARD, FILE_WRITE, Trace
from sweep.workloads.base import scaled


def coarsened(trace: Trace, scale: int) -> Trace:
    """The trace with pages that stand for ``scale`` recorded ones each; its instructions are kept.

    Touches of the same page in a row become one. A discard of a part of a page does nothing.
    Left out: a page is as hot as its hottest part, so the program's working set is larger than it was.
    """
    if scale == 1:
        return trace
    sizes = np.array([region.pages for region in trace.header.regions])
    firsts = np.cumsum([0, *sizes])[:-1]
    new_sizes = np.array([scaled(int(size), scale) for size in sizes])
    new_firsts = np.cumsum([0, *new_sizes])[:-1]
    region = np.searchsorted(firsts + sizes, trace.page, side="right")
    start = trace.page.astype(np.int64) - firsts[region]
    end = start + trace.count
    forget = trace.kind == DISCARD
    first = np.where(forget, -(-start // scale), start // scale)
    last = np.where(forget & (end < sizes[region]), end // scale, -(-end // scale))
    page, count = new_firsts[region] + np.minimum(first, new_sizes[region] - 1), last - first
    kept = ~forget | (count > 0)
    again = (trace.kind[1:] == trace.kind[:-1]) & (page[1:] == page[:-1]) & (count[1:] == 1) & (count[:-1] == 1) & (trace.kind[1:] <= FILE_WRITE)
    kept[1:] &= ~again
    kept[0] = True
    places = np.flatnonzero(kept)
    regions = tuple(old.model_copy(update={"pages": int(size)}) for old, size in zip(trace.header.regions, new_sizes, strict=True))
    header = trace.header.model_copy(update={"regions": regions, "ops": len(places)})
    instructions = np.add.reduceat(trace.instructions.astype(np.int64), places)
    return Trace(header, trace.kind[places], page[places].astype(np.uint32), np.maximum(count[places], 1).astype(np.uint32), instructions)
