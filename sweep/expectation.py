"""What a row of a scenario expects: how many replicates, a ratio against the baseline, or a median."""

from __future__ import annotations

from typing import Annotated, Any, Final, NamedTuple

from pydantic import PlainValidator

from sweep.errors import shown

WORDS: Final = ("all", "none", "some", "any")


class Interval(NamedTuple):
    """From ``low`` to ``high``, both included; None: no limit."""

    low: float | None
    high: float | None

    def holds(self, value: float | None) -> bool:
        """Whether ``value`` is defined and inside."""
        return value is not None and (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        ends = ("null" if end is None else f"{end:g}" for end in self)
        return f"[{', '.join(ends)}]"


def word_holds(word: str, count: int, of: int) -> bool:
    """Whether ``count`` replicates out of ``of`` are what ``word`` says; "some" is at least one."""
    return {"all": count == of, "none": count == 0, "some": count > 0, "any": True}[word]


def _interval(value: Any, allowed: str) -> Interval:
    number = (int, float, type(None))
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(end, number) and not isinstance(end, bool) for end in value):
        raise ValueError(f"{shown(value)}; allowed: {allowed}")
    low, high = value
    if low is not None and high is not None and low > high:
        raise ValueError(f"{shown(value)}; allowed: low <= high")
    return Interval(low, high)


def _median(value: Any) -> Interval:
    return _interval(value, "[low, high] of the median; null: no limit")


def _word_or_ratio(value: Any) -> str | Interval:
    if isinstance(value, str) and value in WORDS:
        return value
    return _interval(value, f"{', '.join(WORDS)} (of the replicates), or [low, high] of the ratio against the baseline; null: no limit")


Expected = Annotated[str | Interval, PlainValidator(_word_or_ratio)]
Bounds = Annotated[Interval, PlainValidator(_median)]
