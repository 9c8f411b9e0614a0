"""State of a run: all its arrays in one tuple. They are plain NumPy structured arrays, so they read the same compiled and interpreted.

Each noun declares its record as a class (vm.py, mmzone.py, page.py, blkdev.py, actor.py): the annotations are the fields, with their units. Only int64 in
arithmetic: other widths store flags and links. Do not add ``from __future__ import annotations`` there, the dtypes come from the annotations.
"""

from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

i8 = np.int64
Two = Annotated[NDArray[np.int64], 2]
Four = Annotated[NDArray[np.int64], 4]
Waits = Annotated[NDArray[np.int64], 24]


def record(declaration: type) -> np.dtype[Any]:
    """The dtype of a record class."""
    fields: list[Any] = []
    for name, kind in declaration.__annotations__.items():
        length = getattr(kind, "__metadata__", None)
        fields.append((name, i8, length) if length else (name, kind))
    return np.dtype(fields, align=True)


class Memory(NamedTuple):
    """Everything a run changes, and the streams it reads; the first argument of every engine function."""

    vm: NDArray[Any]  # VM[1]
    nodes: NDArray[Any]  # NODE[nodes]
    zones: NDArray[Any]  # ZONE[zones], each node's from low to high
    devs: NDArray[Any]  # DEV[2]
    actors: NDArray[Any]  # ACTOR[tasks + nodes + 2 ...]: tasks, kswapds, the flusher, the network, more threads (kthreads.py)
    frames: NDArray[Any]  # FRAME[actors * DEPTH]
    flags: NDArray[np.uint8]  # uint8[pages], hot flags of page.py
    page: NDArray[Any]  # PAGE[pages]
    queues: NDArray[Any]  # QUEUE[lruvecs * LISTS]
    rings: NDArray[np.int32]  # int32[lruvecs * LISTS, ring], ring a power of two
    io: NDArray[Any]  # IO[device * 2 + direction, IO_CAP]
    plugged: NDArray[np.int32]  # int32[actors, PLUG_CAP], pages that wait in plugs
    slots: NDArray[np.int32]  # int32[swap slots], 1 + the page there, 0: free
    cpu_free: NDArray[np.int64]  # int64[cpus], busy until
    cpus: NDArray[Any]  # CPU[cpus]
    touch_ns: NDArray[np.int64]  # int64[tasks * 4], cost of each kind of touch
    stalls: NDArray[np.int64]  # int64[stall.BUCKETS]
    ops: NDArray[np.int64]
    arrivals: NDArray[np.int64]  # int64[n, 4], network.timetable()
    tunables: NDArray[np.int64]  # the policy's own
