"""The report of a guest: its time series of /proc, and what a run did under the simulator's names."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lab.plan import SAMPLE_BYTES, TASK_BYTES, Plan
from lab.qemu import DONE, HANG, HORIZON, PANICKED, TIMEOUT, Ending

SOURCES: Final = ("vmstat", "zoneinfo", "pressure_memory", "pressure_io", "stat", "meminfo", "ops")
BUCKETS: Final = 40
TASK: Final = struct.Struct("<13q40q")

# Counters of /proc/vmstat that the simulator reports under the same name: their growth from the start to the end.
_GROWN: Final = """
    pgfault pgmajfault pgfree pgactivate pgdeactivate pgrotated pgscan_kswapd pgscan_direct pgscan_direct_throttle pgsteal_kswapd pgsteal_direct
    pgscan_anon pgscan_file pgsteal_anon pgsteal_file pageoutrun kswapd_low_wmark_hit_quickly kswapd_high_wmark_hit_quickly pswpin pswpout
    nr_dirtied nr_written nr_vmscan_write nr_vmscan_immediate_reclaim workingset_refault_anon workingset_refault_file workingset_activate_anon
    workingset_activate_file slabs_scanned oom_kill
"""
GROWN: Final = tuple(_GROWN.split())
SUMMED: Final = {"pgalloc": "pgalloc_", "allocstall": "allocstall_", "pgskip": "pgskip_"}  # one counter for each zone
LAST: Final = ("nr_dirty", "nr_writeback")  # levels, as they are at the end


@dataclass(frozen=True)
class Sample:
    """What the kernel said at one moment.

    Attributes:
        ns: since the start of the tasks.
        text: by the name of the source, as the kernel printed it.
    """

    ns: int
    text: Mapping[str, str]

    @property
    def vmstat(self) -> dict[str, int]:
        """/proc/vmstat."""
        return {name: int(value) for name, value in (line.split() for line in self.text["vmstat"].splitlines() if line.count(" ") == 1)}

    @property
    def ops(self) -> int:
        """Operations that the tasks have done."""
        return sum(int(value) for value in self.text["ops"].split())

    @property
    def managed(self) -> int:
        """Pages that the kernel manages, of all zones."""
        return sum(int(value) for value in re.findall(r"^ +managed +(\d+)$", self.text["zoneinfo"], re.M))

    @property
    def managed_dma(self) -> int:
        """Those of the lowest zone, which lies under 16 MiB."""
        found = re.search(r"zone +DMA\n.*?^ +managed +(\d+)$", self.text["zoneinfo"], re.M | re.S)
        return int(found[1]) if found else 0

    @property
    def pressure_us(self) -> int:
        """Time that some task waited for memory, since boot, us (PSI)."""
        found = re.search(r"^some .*total=(\d+)", self.text["pressure_memory"], re.M)
        return int(found[1]) if found else 0


@dataclass(frozen=True)
class TaskLog:
    """What one task did.

    Attributes:
        ops: operations it completed.
        checked, hash: after so many of them, the rolling hash of all consumed so far (prefix.py); 0 of none.
        end_ns: when it came to its end; 0: it did not.
        latency: touches by the power of two of their time, ns, without the program's own time.
    """

    ops: int
    checked: int
    hash: int
    end_ns: int
    latency: tuple[int, ...]


@dataclass(frozen=True)
class Run:
    """One run of the guest.

    Attributes:
        ending: how it ended.
        horizon_ns: when the run was to end.
        tasks, samples: see there; the first sample is from the start, the last from the end.
    """

    ending: Ending
    horizon_ns: int
    tasks: tuple[TaskLog, ...]
    samples: tuple[Sample, ...]

    @property
    def start_free(self) -> int:
        """Free pages when the tasks start."""
        return self.samples[0].vmstat["nr_free_pages"]

    @property
    def metrics(self) -> dict[str, int]:
        """What the run did, under the names of core.Outcome."""
        first, last = self.samples[0].vmstat, self.samples[-1].vmstat
        found = {name: last[name] - first[name] for name in GROWN}
        for name, prefix in SUMMED.items():
            found[name] = sum(value - first[key] for key, value in last.items() if key.startswith(prefix))
        found |= {name: last[name] for name in LAST}
        report, how = self.ending.report, self.ending.how
        killed = report["tasks_killed"]
        finished = how == DONE and not killed
        found |= {
            "ops_done": sum(task.ops for task in self.tasks),
            "oom_kills": max(killed, found["oom_kill"]),
            "deadlock": int(how in (HANG, PANICKED, TIMEOUT)),
            "time_to_first_oom_ns": report["first_kill_ns"] if killed else -1,
            "elapsed_ns": max(task.end_ns for task in self.tasks) if finished else self.horizon_ns,
            "nr_free_min_seen": min(report["free_min"], *(sample.vmstat["nr_free_pages"] for sample in self.samples)),
            "nr_free_final": last["nr_free_pages"],
        }
        return found

    @property
    def psi_us(self) -> int:
        """Time that some task waited for memory, us."""
        return self.samples[-1].pressure_us - self.samples[0].pressure_us

    def latency_ns(self, percent: float) -> int:
        """Upper end of the bucket with that quantile of the touches that took over 512 ns."""
        total = [sum(task.latency[bucket] for task in self.tasks) for bucket in range(BUCKETS)]
        rank = sum(total) * percent / 100
        seen = 0
        for bucket, count in enumerate(total):
            seen += count
            if count and seen >= rank:
                return 2 << bucket
        return 0

    def mean(self, name: str) -> float:
        """Mean of a level of /proc/vmstat over the second half of the run."""
        half = self.samples[len(self.samples) // 2 :]
        return sum(sample.vmstat[name] for sample in half) / len(half)


def read(ending: Ending, plan: Plan, horizon_ns: int) -> Run:
    """The report in the memory that a run left behind."""
    from lab.plan import TASKS_AT

    tasks = tuple(_task(ending.memory, TASKS_AT + number * TASK_BYTES) for number in range(plan.tasks))
    count = max(0, min(ending.report["n_samples"], plan.max_samples))
    return Run(ending, horizon_ns, tasks, tuple(_sample(ending.memory, plan.samples_at + number * SAMPLE_BYTES) for number in range(count)))


def _task(memory: bytes, at: int) -> TaskLog:
    _first, _last, _op_ns, _cpu, _state, _error, ops, end_ns, _wakes, *rest = TASK.unpack_from(memory, at)
    checks = [(rest[0], rest[1]), (rest[2], rest[3])]
    checked, value = max(checks)
    return TaskLog(ops, checked, value & (1 << 64) - 1, end_ns, tuple(rest[4:]))


def _sample(memory: bytes, at: int) -> Sample:
    end = at + SAMPLE_BYTES
    (ns,) = struct.unpack_from("<q", memory, at)
    at += 8
    text = {}
    for source in SOURCES:
        (size,) = struct.unpack_from("<q", memory, at) if at + 8 <= end else (0,)
        size = max(0, min(size, end - at - 8))
        text[source] = memory[at + 8 : at + 8 + size].decode("ascii", "replace")
        at += 8 + -(-size // 8) * 8
    return Sample(ns, text)


HEALTHY: Final = frozenset({HORIZON, DONE})
