"""twin(): the same pure function as core.simulate(), by other means."""

from __future__ import annotations

from collections.abc import Mapping

from core.machine import Machine
from core.outcome import END_DEADLOCK, END_DONE, END_PANIC, OF_PAGES, Outcome
from core.policy import Policy
from core.streams import Streams
from tests.twin.kernel import Kernel


def twin(machine: Machine, policy: Policy, params: Mapping[str, int], streams: Streams) -> Outcome:
    """Run the streams on the machine under the policy."""
    return outcome(finished(machine, policy, params, streams))


def finished(machine: Machine, policy: Policy, params: Mapping[str, int], streams: Streams) -> Kernel:
    """The machine at the end of the run; beside the outcome's counters it has some of its own."""
    k = Kernel(machine, policy, policy.resolve(machine, params), streams)
    k.run()
    conserved(k)
    return k


def outcome(k: Kernel) -> Outcome:
    """What is reported of it."""
    count = k.count
    stuck = k.ended in (END_DEADLOCK, END_PANIC)
    finished = k.ended == END_DONE and not count["oom_kill"]
    computed = {
        "end": k.ended,
        "oom_kills": count["oom_kill"],
        "deadlock": int(stuck),
        "time_to_first_oom_ns": k.first_oom,
        "time_to_low_ns": k.first_low,
        "elapsed_ns": max(k.last_op if finished else k.horizon, 1),
        "last_op_ns": k.last_op,
        "stall_ns_p50": quantile(k.stalls, 50),
        "stall_ns_p99": quantile(k.stalls, 99),
        "stall_ns_max": max(k.stalls, default=0),
        "stall_ns_total": sum(k.stalls),
        "nr_stalls": len(k.stalls),
        "nr_free_min_seen": k.lowest_free,
        "nr_free_final": k.free_pages,
        "nr_dirty": len(k.dirty),
        "nr_writeback": len(k.writeback),
    }
    scale = k.scale.real
    return Outcome(**{name: computed.get(name, count[name]) * (scale if name in OF_PAGES else 1) for name in Outcome.fields()})


def conserved(k: Kernel) -> None:
    """Every frame is free, the kernel's or a page's. One that was allocated and not yet given to a page is in nobody's books, and no task has more than one."""
    for zone in k.zones:
        assert zone.free >= 0
        assert zone.kernel >= 0
        listed = [page.anon for page in k.pages if page.zone is zone and page.lru is not None]
        assert zone.listed == {anon: listed.count(anon) for anon in (False, True)}
    used = sum(page.cached for page in k.pages) + sum(zone.free + zone.kernel for zone in k.zones)
    in_hand = k.machine.ram_pages - used
    assert 0 <= in_hand <= sum(not actor.dead for actor in k.actors)
    assert len(k.swap.used) == sum(page.slot is not None for page in k.pages)
    assert k.swap.cache == {page for page in k.pages if page.cached and page.slot is not None}


def quantile(stalls: list[int], percent: int) -> int:
    """The stall at the quantile, rounded up to sixteenths of an octave; 0 without stalls."""
    if not stalls:
        return 0
    ns = sorted(stalls)[-(-len(stalls) * percent // 100) - 1]
    shift = max(ns.bit_length() - 5, 0)
    return ((ns >> shift) + 1 << shift) - 1
