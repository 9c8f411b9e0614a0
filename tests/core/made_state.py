"""A state of 6.x made by hand, for tests of single functions of the engine."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from core import Builder, Device, Machine, gfp, lru, operations, policies
from core.decisions import ACTIVATE, BY_EVENT
from core.memory import boot
from core.page import CACHED, DIRTY, PRESENT
from core.sched import push
from core.state import Memory
from core.units import SECOND

DISK = Device("disk", 60, 60, 100_000)
FILE_PAGES = 600
TASK, KSWAPD, FLUSHER = 0, 1, 2


def state(version: int = 612, zones: tuple[int, ...] = (), swap_mib: int = 4, **params: int) -> Memory:
    """4 MiB, a task with 400 anonymous pages (0 to 399) and a file of 600 (400 to 999); nothing is resident yet."""
    machine = Machine("state", 4, 1, swap_mib, swap=DISK, file=DISK, zones_mib=zones, kernel_pages=0, slab_pages=40)
    builder = Builder()
    builder.anon(400)
    file = builder.file(FILE_PAGES)
    builder.task().run(operations.FILE_READ, file.first, 1)
    policy = policies.load("flusher_only")
    m = boot(machine, policy.mechanics, policy.resolve(machine, params), np.zeros(1, np.int64), builder.build(SECOND))[0]
    m.vm[0].version = version
    return m


def put(m: Memory, first: int, pages: int, which: int, flags: int = 0, zone: int = 0) -> None:
    """Pages resident on a list."""
    for p in range(first, first + pages):
        m.page[p].attr |= CACHED
        m.page[p].zone = zone
        m.flags[p] = flags | PRESENT
        m.zones[zone].nr_free -= 1
        lru.add_head(m, p, which)
        if p >= 400:
            m.vm[0].nr_file += 1
            m.vm[0].nr_dirty += 1 if flags & DIRTY else 0


def frame(m: Memory, a: int, proc: int, **fields: Any) -> Any:
    """A frame of an actor whose fields of an earlier use are gone."""
    f = push(m, a, proc)
    values = {"gfp": gfp.KERNEL, "priority": 12, "may_writepage": 1, "may_swap": 1, "sc": int(m.actors[a].depth), "node": 0, "nr_to_reclaim": 32}
    for name, value in (values | fields).items():
        setattr(f, name, value)
    return f


def asks(**answers: int) -> Any:
    """A policy that always answers the same."""
    defaults = {"throttle": BY_EVENT, "dirty_page": ACTIVATE, "writeback_page": ACTIVATE, "wake_pdflush": 0, "before_direct": 0, "recurse": 0, "atomic_scan": 0}
    return SimpleNamespace(**{name: lambda *_, answer=answer: answer for name, answer in (defaults | answers).items()})
