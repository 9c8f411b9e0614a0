"""Measures of one replicate, by name: every field of its outcome, and what is computed from them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Final

from pydantic import AfterValidator

from core import Outcome
from core.units import SECOND
from sweep.trial import ReplicateRow

Fields = Mapping[str, int]


def _killed(fields: Fields) -> float:
    return int(fields["oom_kills"] > 0)


def _throughput(fields: Fields) -> float:
    return fields["ops_done"] * SECOND / fields["elapsed_ns"]


def _reserve_per_freed(fields: Fields) -> float | None:
    freed = fields["pgsteal_kswapd"] + fields["pgsteal_direct"]
    return fields["reserve_used"] / freed if freed else None


def _killed_after_low_s(fields: Fields) -> float | None:
    low, kill = fields["time_to_low_ns"], fields["time_to_first_oom_ns"]
    return None if low < 0 or kill < 0 else (kill - low) / SECOND


COMPUTED: Final[Mapping[str, Callable[[Fields], float | None]]] = {
    "killed": _killed,  # 1 if a task was killed
    "throughput": _throughput,  # operations per second of simulated time
    "reserve_per_freed": _reserve_per_freed,  # pages that PF_MEMALLOC took below min for each page that reclaim freed; none freed: undefined
    "killed_after_low_s": _killed_after_low_s,  # first kill after free memory first fell below low, s; not killed: undefined
}
NAMES: Final = (*COMPUTED, *Outcome.fields())


def value(name: str, row: ReplicateRow) -> float | None:
    """The measure ``name`` of one replicate; None where it is undefined."""
    fields = dict(zip(Outcome.fields(), row.counters, strict=True))
    return COMPUTED[name](fields) if name in COMPUTED else fields[name]


def median(values: Iterable[float | None]) -> float | None:
    """Of the values that are defined; None if none is."""
    defined = [v for v in values if v is not None]
    return statistics.median(defined) if defined else None


def ratio(value: float | None, base: float | None) -> float | None:
    """``value / base``, None where it is undefined."""
    return None if value is None or not base else value / base


def _known(name: str) -> str:
    if name not in NAMES:
        raise ValueError(f"{name}; allowed: {', '.join(NAMES)}")
    return name


Measure = Annotated[str, AfterValidator(_known)]
