"""Undo: what puts the settings of a recommendation back, and what of the rest can be told to a kernel.

Of a pair like dirty_ratio and dirty_bytes the kernel holds one; writing 0 to dirty_bytes is refused (dirty_bytes_min, kernel/sysctl.c, v6.1), so the
way back from bytes is to write the ratio.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sweep.tuned import PAIRS

if TYPE_CHECKING:
    from sweep.recommendation import Recommendation


def undone(found: Recommendation) -> Iterator[tuple[str, int]]:
    """The keys to write, and the values that they had: as captured, else the kernel's defaults."""
    known = dict(found.unchanged) | {name: value for name, value in found.present if value}
    for change in found.changes:
        value, other = found.undo(change), PAIRS.get(change.name, "")
        yield (other, known[other]) if not value and known.get(other) else (change.name, value)


def left_alone(found: Recommendation) -> tuple[tuple[str, int], ...]:
    """The sysctls at their default, of each pair the one that holds and only if the other is not set."""
    changed = {change.name for change in found.changes}
    return tuple((name, value) for name, value in found.unchanged if name not in PAIRS or (value and PAIRS[name] not in changed))


def rivals(found: Recommendation) -> str:
    """The keys that would clear what is set, or that are meant to be cleared."""
    names = dict.fromkeys(PAIRS[change.name] for change in found.changes if change.name in PAIRS) or ("dirty_bytes", "dirty_background_bytes")
    return " or ".join(f"vm.{name}" for name in names)
