"""Region: how far each recommended key may move before the setting stops being safe, and what happens there.

From the recommended value outwards, one key at a time, the others held: each step doubles or halves it (or goes on to the kernel's limit) and is run on
the same fresh streams as the recommendation. The region ends before the first step that may run out of memory more often than the bound allows or is
slower than the kernel's defaults. A cliff is an end where runs died.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

STEPS: Final = 3  # on each side of a key; eight times more and less


@dataclass(frozen=True)
class Step:
    """One setting beside the recommended one.

    Attributes:
        value: of the key.
        deaths: runs out of memory, over all cells.
        runs: over all cells.
        objection: why it is not safe; empty: it is.
    """

    value: int
    deaths: int
    runs: int
    objection: str


@dataclass(frozen=True)
class Reach:
    """How far one key may move.

    Attributes:
        name: of the key.
        value: recommended.
        low, high: the least and greatest values that were run and are safe.
        below, above: the first step that is not safe; None: the steps ended before one was found.
    """

    name: str
    value: int
    low: int
    high: int
    below: Step | None
    above: Step | None

    @property
    def text(self) -> str:
        """In words."""
        ends = [self._end("below", self.below), self._end("above", self.above)]
        return f"vm.{self.name} = {self.value}: safe from {self.low} to {self.high}; " + "; ".join(ends)

    def _end(self, side: str, step: Step | None) -> str:
        if step is None:
            return f"no limit found {side}"
        factor = max(step.value, self.value) / max(min(step.value, self.value), 1)
        what = f"{step.deaths} of {step.runs} runs out of memory" if step.deaths else step.objection
        return f"at {step.value} ({factor:.3g} times {'less' if side == 'below' else 'more'}) {what}"


Try = Callable[[str, int], Step]  # (key, value) -> what the recommended setting with that value does


def reach(name: str, value: int, limits: tuple[int, int], run: Try) -> Reach:
    """Walk outwards from the recommended value of a key.

    Args:
        name: of the key.
        value: recommended.
        limits: the least and the greatest value that the kernel takes on this machine.
        run: runs a step.
    """
    low, below = _walk(name, value, downwards(value, limits[0]), run)
    high, above = _walk(name, value, upwards(value, limits[1]), run)
    return Reach(name, value, low, high, below, above)


def _walk(name: str, value: int, steps: Sequence[int], run: Try) -> tuple[int, Step | None]:
    """The last safe value and the first step that is not."""
    safe = value
    for beside in steps:
        step = run(name, beside)
        if step.objection:
            return safe, step
        safe = beside
    return safe, None


def downwards(value: int, low: int) -> tuple[int, ...]:
    """Halves of a value, not below ``low``."""
    return tuple(dict.fromkeys(max(value >> i, low) for i in range(1, STEPS + 1) if value > low))


def upwards(value: int, high: int) -> tuple[int, ...]:
    """Doubles of a value, not above ``high``."""
    return tuple(dict.fromkeys(min(max(value, 1) << i, high) for i in range(1, STEPS + 1) if value < high))
