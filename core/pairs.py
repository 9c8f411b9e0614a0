"""Sysctls of which only one can hold at a time: writing a limit in bytes sets the one in percent to 0, and the other way round.

Kernel: mm/page-writeback.c:dirty_ratio_handler(), dirty_bytes_handler(), dirty_background_ratio_handler(), dirty_background_bytes_handler(),
since v2.6.29; dirty_bytes_min, kernel/sysctl.c: two pages, v6.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.units import PAGE_BYTES

PAIRS: Final = (("dirty_background_ratio", "dirty_background_bytes"), ("dirty_ratio", "dirty_bytes"))
BYTES: Final = {in_bytes: ratio for ratio, in_bytes in PAIRS}
OTHER: Final = {**dict(PAIRS), **BYTES}
DIRTY_BYTES_MIN: Final = 2 * PAGE_BYTES


def written(values: Mapping[str, int], changes: Mapping[str, int]) -> dict[str, int]:
    """``values`` after ``changes`` were written over them; a 0 says that the other of the pair holds."""
    found = {**values, **changes}
    for ratio, in_bytes in PAIRS:
        if changes.get(in_bytes):
            found[ratio] = 0
        elif changes.get(ratio) and in_bytes in found:
            found[in_bytes] = 0
    return found


def in_force(values: Mapping[str, int]) -> dict[str, int]:
    """What can be written to a kernel: of each pair the one that holds."""
    return {name: value for name, value in values.items() if value or name not in OTHER}


def zero_the_other(values: Mapping[str, int], params: Mapping[str, int]) -> dict[str, int]:
    """Complete ``values``, of which ``params`` were asked for, with one of each pair.

    Raises:
        ValueError: both were asked for, or a limit of less than two pages.
    """
    for ratio, in_bytes in PAIRS:
        if params.get(ratio) and params.get(in_bytes):
            raise ValueError(f"params.{in_bytes}: {params[in_bytes]} beside {ratio} = {params[ratio]}; allowed: one of them, the kernel sets the other to 0")
    if 0 < values.get("dirty_bytes", 0) < DIRTY_BYTES_MIN:
        raise ValueError(f"params.dirty_bytes: {values['dirty_bytes']}; allowed: 0 (dirty_ratio holds), or at least {DIRTY_BYTES_MIN}")
    return written(values, {in_bytes: values.get(in_bytes, 0) for in_bytes in BYTES if in_bytes in values})
