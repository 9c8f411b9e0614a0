"""simulate(): a run as a pure function of machine, policy, params and streams. No clock, no random numbers, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import audit, engine, stall
from core.era import ERAS
from core.machine import Machine
from core.memory import boot
from core.outcome import END_DEADLOCK, END_DONE, END_INVARIANT, END_PANIC, OF_PAGES, Outcome
from core.policy import LRUS, Policy
from core.state import Memory
from core.streams import Streams
from core.units import up_in_scale


class InvariantError(RuntimeError):
    """The engine contradicts itself: a defect of core, never of the input."""


def simulate(machine: Machine, policy: Policy, params: Mapping[str, int], streams: Streams, audited: bool = False) -> Outcome:
    """Run the streams on the machine under the policy.

    Args:
        machine: RAM, CPUs and devices.
        policy: from ``policies.load``.
        params: tunables by name; those left out have the kernel's defaults.
        streams: what the tasks do.
        audited: recount every page at every event; slow, for tests.

    Raises:
        ValueError: streams or params that cannot be run, in one line.
        InvariantError: pages are not conserved or the clock goes back.
    """
    memory, boot_pages = booted(machine, policy, params, streams)
    vm = memory.vm[0]
    vm.audit = int(audited)
    engine.run(memory, policy.decisions(), boot_pages)
    broken = int(vm.invariant) or int(audit.recount(memory))
    if vm.ended == END_INVARIANT or broken:
        raise InvariantError(f"{audit.NAMES[broken]} at {int(vm.now)} ns (policy {policy.name}, machine {machine.name}, stream {streams.digest[:16]})")
    return _outcome(memory)


def booted(machine: Machine, policy: Policy, params: Mapping[str, int], streams: Streams) -> tuple[Memory, int]:
    """The state before the first event, and how many kernel pages there are.

    Raises:
        ValueError: streams or params that cannot be run, in one line.
    """
    assert streams.checked
    scale = machine.page_scale
    if streams.page_scale != scale:
        raise ValueError(f"streams.page_scale: {streams.page_scale}; allowed: {scale}, the page_scale of machine {machine.name}")
    values = policy.resolve(machine, params)
    own = np.array([up_in_scale(values[t.name], scale) if t.unit == "pages" else values[t.name] for t in policy.own] or [0], np.int64)
    memory, boot_pages = boot(machine, policy.mechanics, values, own, streams, LRUS.index(policy.lru))
    memory.zones["rt_quarter"] = ERAS[policy.era].rt_quarter
    memory.vm[0].version = policy.kernel_version
    return memory, boot_pages


def _outcome(memory: Memory) -> Outcome:
    vm = memory.vm[0]
    failed = vm.oom_kill > 0 or vm.ended in (END_DEADLOCK, END_PANIC)
    elapsed = int(vm.last_op_ns) if vm.ended == END_DONE and not failed else int(vm.horizon_ns)
    computed: dict[str, Any] = {
        "end": vm.ended,
        "oom_kills": vm.oom_kill,
        "deadlock": vm.ended in (END_DEADLOCK, END_PANIC),
        "elapsed_ns": max(elapsed, 1),
        "stall_ns_p50": _quantile(memory.stalls, 50),
        "stall_ns_p99": _quantile(memory.stalls, 99),
        "nr_free_final": sum(int(z.nr_free) for z in memory.zones),
    }
    found = {name: int(computed[name] if name in computed else vm[name]) for name in Outcome.fields()}
    return Outcome(**{name: value * int(vm.page_scale) if name in OF_PAGES else value for name, value in found.items()})


def _quantile(histogram: NDArray[np.int64], percent: int) -> int:
    """Upper end of the bucket that holds the quantile, ns; 0 without stalls."""
    total = int(histogram.sum())
    if total == 0:
        return 0
    rank = -(-total * percent // 100)
    return stall.upper_ns(int(np.searchsorted(np.cumsum(histogram), rank)))
