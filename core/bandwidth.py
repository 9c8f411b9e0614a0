"""How fast the file device writes, and how fast one task may dirty: the estimates behind balance_dirty_pages() of 6.x. Time is in jiffies, as in the kernel.

Kernel: mm/page-writeback.c:wb_position_ratio(), wb_update_dirty_ratelimit(), wb_update_write_bandwidth(), update_dirty_limit(), wb_bandwidth_estimate_start(),
        fs/fs-writeback.c:writeback_chunk_size(), v6.1 and v6.12.
Differs: one bdi, whose share of the limit is all of it; the update 200 ms after the end of a writeback is the flusher's, when it is idle.
"""

from __future__ import annotations

from typing import Any, Final

from core.jit import inlined, jit
from core.units import JIFFY, SECOND

HZ: Final = SECOND // JIFFY
RATELIMIT_SHIFT: Final = 10  # fixed point of ratios, RATELIMIT_CALC_SHIFT
INIT_BW: Final = 25_600  # pages/s: 100 MB/s, wb_init()
BANDWIDTH_INTERVAL: Final = HZ // 5
BANDWIDTH_PERIOD: Final = 1024  # roundup_pow_of_two(3 * HZ)
BANDWIDTH_PERIOD_SHIFT: Final = 10
DIRTY_SCOPE: Final = 8


@inlined
def jiffies(now: int) -> int:
    """The clock as the kernel reads it."""
    return int(now // JIFFY)


@inlined
def ilog2(n: int) -> int:
    """Position of the highest bit of ``n`` >= 1."""
    bits = 0
    while n > 1:
        n >>= 1
        bits += 1
    return bits


@inlined
def wb_dirty(m: Any) -> int:
    """WB_RECLAIMABLE + WB_WRITEBACK of the file device: swap is not accounted to a bdi."""
    return int(m.vm[0].nr_dirty + m.vm[0].nr_file_writeback)


@inlined
def hard_dirty_limit(m: Any, limit: int) -> int:
    """hard_dirty_limit(): the limit, or while it is falling what is left of the old one."""
    return int(max(limit, m.vm[0].dirty_limit))


@jit
def position_ratio(m: Any, background: int, limit: int, dirty: int) -> int:
    """wb_position_ratio(): 1 << 10 at the set point, 0 at the limit; the line of the device and the reserve area of a device with few dirty pages included."""
    hard = hard_dirty_limit(m, limit)
    if dirty >= hard:
        return 0
    setpoint = ((background + limit) // 2 + hard) // 2
    distance = (setpoint - dirty) << RATELIMIT_SHIFT
    slope = (hard - setpoint) | 1
    x = distance // slope if distance >= 0 else -((-distance) // slope)
    ratio = (x * x >> RATELIMIT_SHIFT) * x >> RATELIMIT_SHIFT
    ratio = min(max(ratio + (1 << RATELIMIT_SHIFT), 0), 2 << RATELIMIT_SHIFT)
    share = (limit << 16) // (limit | 1)
    wb_setpoint = setpoint * share >> 16
    span = 8 * m.vm[0].avg_write_bw * share >> 16
    intercept = wb_setpoint + span
    pages = wb_dirty(m)
    if pages < intercept - span // 4:
        ratio = ratio * (intercept - pages) // (span | 1)
    else:
        ratio //= 4
    reserve = limit // 2
    if pages < reserve:
        ratio = ratio * reserve // pages if pages > reserve // 8 else ratio * 8
    return int(ratio)


@jit
def update_dirty_limit(m: Any, now: int, limit: int, dirty: int) -> None:
    """domain_update_dirty_limit(): up at once, down by a 32nd of the distance each 200 ms."""
    vm = m.vm[0]
    if now - vm.dirty_limit_stamp < BANDWIDTH_INTERVAL:
        return
    vm.dirty_limit_stamp = now
    if vm.dirty_limit < limit:
        vm.dirty_limit = limit
    else:
        vm.dirty_limit -= max(vm.dirty_limit - max(limit, dirty), 0) >> 5


@jit
def update_ratelimit(m: Any, background: int, limit: int, dirty: int, ratio: int, elapsed: int) -> None:
    """wb_update_dirty_ratelimit(): towards what the device writes divided by who dirties, in small steps, and only if the number of dirty pages agrees."""
    vm = m.vm[0]
    setpoint = ((background + limit) // 2 + hard_dirty_limit(m, limit)) // 2
    rate = vm.bw_dirtied * HZ // elapsed
    task = (vm.dirty_ratelimit * ratio >> RATELIMIT_SHIFT) + 1
    balanced = min(task * vm.avg_write_bw // (rate | 1), vm.avg_write_bw)
    step = 0
    if dirty < setpoint:
        step = max(min(vm.balanced_ratelimit, balanced, task) - vm.dirty_ratelimit, 0)
    else:
        step = max(vm.dirty_ratelimit - max(vm.balanced_ratelimit, balanced, task), 0)
    shift = vm.dirty_ratelimit // (2 * step + 1)
    step = ((step >> shift) + 7) // 8 if shift < 63 else 0
    vm.dirty_ratelimit = max(vm.dirty_ratelimit + (step if vm.dirty_ratelimit < balanced else -step), 1)
    vm.balanced_ratelimit = balanced


@jit
def update_write_bandwidth(m: Any, now: int, elapsed: int) -> None:
    """wb_update_write_bandwidth(): an average over four seconds, and a second one that follows it; begins a new interval."""
    vm = m.vm[0]
    average = vm.avg_write_bw
    old = vm.write_bw
    bw = vm.bw_written * HZ
    if elapsed > BANDWIDTH_PERIOD:
        bw //= elapsed
        average = bw
    else:
        bw = bw + old * (BANDWIDTH_PERIOD - elapsed) >> BANDWIDTH_PERIOD_SHIFT
        if average > old and old >= bw:
            average -= (average - old) >> 3
        if average < old and old <= bw:
            average += (old - average) >> 3
    vm.avg_write_bw = max(average, 1)
    vm.write_bw = bw
    begin_interval(m, now)


@inlined
def begin_interval(m: Any, now: int) -> None:
    """What is written and dirtied from here on counts for the next estimate."""
    vm = m.vm[0]
    vm.bw_stamp = now
    vm.bw_written = 0
    vm.bw_dirtied = 0


@jit
def update_bandwidth(m: Any, ns: int) -> None:
    """wb_update_bandwidth()."""
    now = jiffies(ns)
    update_write_bandwidth(m, now, max(now - m.vm[0].bw_stamp, 1))


@jit
def estimate_start(m: Any, ns: int) -> None:
    """wb_bandwidth_estimate_start(): the time that the device had nothing to do does not count."""
    vm = m.vm[0]
    if jiffies(ns) - vm.bw_stamp > HZ and vm.nr_file_writeback == 0:
        begin_interval(m, jiffies(ns))


@jit
def estimate_end(m: Any, ns: int) -> None:
    """The end of do_writepages()."""
    if jiffies(ns) > m.vm[0].bw_stamp + BANDWIDTH_INTERVAL:
        update_bandwidth(m, ns)


@jit
def writeback_chunk_size(m: Any, wanted: int) -> int:
    """writeback_chunk_size(): half a second of bandwidth, an eighth of the limit or what is ``wanted`` (0: any), up to the next 4 MiB."""
    vm = m.vm[0]
    pages = min(vm.avg_write_bw // 2, vm.dirty_limit // DIRTY_SCOPE)
    if wanted:
        pages = min(pages, wanted)
    return int((pages + vm.max_writeback) // vm.max_writeback * vm.max_writeback)
