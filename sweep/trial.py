"""Run one trial: a pure function from a cell, a policy and its params to rows. Workers do this and never write."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import fsum
from typing import Final

from core import Outcome, Streams, policies, simulate
from core.pairs import written
from sweep.cells import Cell
from sweep.racing import Race
from sweep.seeds import SEARCH
from sweep.warm import warm
from sweep.workloads import compile_streams

_STALL_P99: Final = Outcome.fields().index("stall_ns_p99")
CACHE_BYTES: Final = 256 << 20  # streams of a few cells: a study and its rivals in the same cell reuse them


@dataclass(frozen=True)
class Replicate:
    """One simulation to do.

    Attributes:
        phase: "search" or "confirm".
        number: from 0 in each phase.
        seed: of its streams.
    """

    phase: str
    number: int
    seed: int


@dataclass(frozen=True)
class ReplicateRow:
    """What one simulation did.

    Attributes:
        replicate: which one it was.
        stream_digest: of the streams it ran, SHA-256 hex.
        digest: of its outcome, SHA-256 hex.
        oom: out of memory or deadlocked.
        deadlock: deadlocked.
        throughput: operations per second of simulated time.
        counters: the integers of the outcome, in the order of ``Outcome.fields()``.
    """

    replicate: Replicate
    stream_digest: str
    digest: str
    oom: bool
    deadlock: bool
    throughput: float
    counters: tuple[int, ...]


@dataclass(frozen=True)
class TrialRow:
    """One trial with all its replicates of one phase.

    Attributes:
        number: of the trial in its study.
        params: every tunable of the policy with the value that was simulated, in the policy's order.
        replicates: those that were run, in the order they were asked for.
        planned: how many were asked for; if more than there are, the trial was given up and nothing is known of the others.
    """

    number: int
    params: tuple[tuple[str, int], ...]
    replicates: tuple[ReplicateRow, ...]
    planned: int = 0

    @property
    def oom_rate(self) -> float:
        """Share of the replicates that ran out of memory."""
        return sum(row.oom for row in self.replicates) / len(self.replicates)

    @property
    def throughput(self) -> float:
        """Mean over the replicates, operations per second; exactly rounded, so the same on every machine."""
        return fsum(row.throughput for row in self.replicates) / len(self.replicates)

    @property
    def stall_p99_ns(self) -> float:
        """99th percentile of the stalls of allocations, mean over the replicates."""
        return fsum(row.counters[_STALL_P99] for row in self.replicates) / len(self.replicates)

    @property
    def is_stopped(self) -> bool:
        """Whether it was given up before all replicates were run."""
        return len(self.replicates) < self.planned

    @property
    def bar(self) -> tuple[tuple[bool, float], ...]:
        """Of each replicate, out of memory and throughput: what others race against."""
        return tuple((row.oom, row.throughput) for row in self.replicates)

    @property
    def is_search(self) -> bool:
        """Whether these replicates belong to the search."""
        return self.replicates[0].replicate.phase == SEARCH


def run_trial(
    cell: Cell,
    policy: str,
    number: int,
    params: Mapping[str, int],
    replicates: Sequence[Replicate],
    race: Race | None = None,
) -> TrialRow:
    """Simulate one params vector on each replicate.

    Args:
        cell: machine and workload.
        policy: name of the policy.
        number: of the trial in its study.
        params: values of tunables; the others get the kernel's defaults. Those that the cell fixes have its values.
        replicates: at least one.
        race: when to give up; None: never.

    Raises:
        ValueError: params that the policy refuses, or streams that cannot be compiled.
    """
    warm(policy)
    loaded = policies.load(policy)
    resolved = loaded.resolve(cell.machine, written(params, dict(cell.params)))
    rows: list[ReplicateRow] = []
    for replicate in replicates:
        compile_them = partial(compile_streams, cell.workload, cell.machine, replicate.seed)
        streams = STREAMS.get((cell.key, replicate.seed), compile_them)
        rows.append(_row(replicate, streams, simulate(cell.machine, loaded, resolved, streams)))
        if race and race.is_lost([(row.oom, row.throughput) for row in rows]):
            break
    return TrialRow(number, tuple(resolved.items()), tuple(rows), len(replicates))


def _row(replicate: Replicate, streams: Streams, outcome: Outcome) -> ReplicateRow:
    values = outcome.asdict()
    return ReplicateRow(
        replicate=replicate,
        stream_digest=streams.digest,
        digest=outcome.digest,
        oom=bool(outcome.oom),
        deadlock=bool(outcome.deadlock),
        throughput=float(outcome.throughput),
        counters=tuple(int(values[name]) for name in Outcome.fields()),
    )


class StreamCache:
    """The most recently used streams, up to a number of bytes; a lost one is compiled again, to the same bits."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._held: OrderedDict[tuple[str, int], Streams] = OrderedDict()
        self._bytes = 0

    def get(self, key: tuple[str, int], compile_it: Callable[[], Streams]) -> Streams:
        """The streams of ``key``, compiled if they are not held."""
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        streams = compile_it()
        self._held[key] = streams
        self._bytes += _size(streams)
        while self._bytes > self._limit and len(self._held) > 1:
            self._bytes -= _size(self._held.popitem(last=False)[1])
        return streams


def _size(streams: Streams) -> int:
    return int(streams.ops.nbytes + streams.page_attr.nbytes)


STREAMS: Final = StreamCache(CACHE_BYTES)  # one per process
