"""Allocation stalls: a log-linear histogram of integers, 16 buckets an octave, so that quantiles are within 6.25 % and need no floats."""

from __future__ import annotations

from typing import Any, Final

from core.jit import inlined

SUB: Final = 16
BUCKETS: Final = 64 * SUB


@inlined
def bucket(ns: int) -> int:
    """Index of the bucket of a duration."""
    octave = 0
    rest = ns
    while rest >= 2 * SUB:
        rest >>= 1
        octave += 1
    return int(octave * SUB + rest)


def upper_ns(index: int) -> int:
    """Largest duration that falls into bucket ``index``, ns."""
    if index < 2 * SUB:
        return index
    octave = index // SUB - 1
    return ((index - octave * SUB + 1) << octave) - 1


@inlined
def record(m: Any, ns: int) -> None:
    """One allocation that entered direct reclaim took ``ns`` from there on."""
    vm = m.vm[0]
    m.stalls[bucket(ns)] += 1
    vm.nr_stalls += 1
    vm.stall_ns_total += ns
    vm.stall_ns_max = max(vm.stall_ns_max, ns)
