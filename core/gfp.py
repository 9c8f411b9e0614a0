"""gfp flags and classes, as far as they change what an allocation may do (include/linux/gfp.h)."""

from __future__ import annotations

from typing import Final

WAIT: Final = 1  # may sleep and reclaim (__GFP_WAIT; __GFP_DIRECT_RECLAIM since 4.4)
HIGH: Final = 2  # may use half of the reserve
IO: Final = 4
FS: Final = 8
NOMEMALLOC: Final = 16  # never below its class's mark, whatever the task's flags
NORETRY: Final = 32
RT: Final = 64  # a real-time task asks (rt_task(current), not a flag of its own in the kernel)
FALLBACK: Final = 128  # this allocation takes a pageblock of another migratetype (a fragmentation event)

KERNEL: Final = WAIT | IO | FS
NOFS: Final = WAIT | IO
NOIO: Final = WAIT
ATOMIC: Final = HIGH
NOWAIT: Final = 0

CLASSES: Final = {"kernel": KERNEL, "nofs": NOFS, "noio": NOIO, "atomic": ATOMIC, "nowait": NOWAIT}
