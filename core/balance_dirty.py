"""Throttling of those who dirty page cache; anonymous memory is never throttled, in no era.

Kernel: mm/page-writeback.c:balance_dirty_pages(), v2.6.23; balance_dirty_pages(), wb_max_pause(), wb_min_pause(), dirty_poll_interval(), v6.1 and v6.12.
Differs: one bdi; no counts by CPU (bdp_ratelimits), no share of tasks that have ended (dirty_throttle_leaks).
"""

from __future__ import annotations

from typing import Any, Final

from core.bandwidth import (
    BANDWIDTH_INTERVAL,
    HZ,
    RATELIMIT_SHIFT,
    ilog2,
    jiffies,
    position_ratio,
    update_dirty_limit,
    update_ratelimit,
    update_write_bandwidth,
    wb_dirty,
)
from core.dirty import base_ratelimit, dirty_limits, wake_flusher
from core.jit import jit, outlined
from core.sched import BALANCE_DIRTY, CONTINUE, WAIT_CONGESTION, WAIT_TIMER, WRITEBACK_PAGES, pop, push, sleep, timer
from core.units import JIFFY, MS
from core.watermark import ERA_2_6_23

MAX_PAUSE: Final = HZ // 5  # jiffies
DIRTY_POLL_THRESH: Final = 32  # real pages: 128 KiB
PAUSE_BANDWIDTH: Final = 32  # roundup_pow_of_two(1 + HZ / 8)
HZ_POW2: Final = 256  # roundup_pow_of_two(HZ)

START: Final = 0
WRITTEN: Final = 1
PAUSED: Final = 2


@jit
def ratelimit_pages(m: Any, a: int) -> int:
    """The task looks at the limits each time it has dirtied so many pages."""
    vm = m.vm[0]
    if vm.era == ERA_2_6_23:
        if vm.nr_dirty + vm.nr_writeback > dirty_limits(m)[1]:
            return int(vm.ratelimit_over)
        return base_ratelimit(m)
    return int(min(m.actors[a].nr_dirtied_pause, vm.ratelimit_over) if vm.dirty_exceeded else m.actors[a].nr_dirtied_pause)


@jit
def balance_dirty(m: Any, a: int) -> int:
    """Enter balance_dirty_pages() after having dirtied ``actor.dirtied`` pages."""
    f = push(m, a, BALANCE_DIRTY)
    f.nr_dirty = m.actors[a].dirtied
    if m.vm[0].era == ERA_2_6_23:
        m.actors[a].dirtied = 0
    return CONTINUE


@outlined
def step(m: Any, a: int, f: Any) -> int:
    """One step of balance_dirty_pages()."""
    if m.actors[a].memdie:
        return pop(m, a, 0)
    if m.vm[0].era == ERA_2_6_23:
        return step_2623(m, a, f)
    return step_6x(m, a, f)


@jit
def step_2623(m: Any, a: int, f: Any) -> int:
    """The dirtier above the limit writes 1.5 ratelimits of pages itself, else naps for 100 ms."""
    vm = m.vm[0]
    now = m.actors[a].local_ns
    background, limit = dirty_limits(m)
    chunk = base_ratelimit(m) * 3 // 2  # sync_writeback_pages()
    if f.phase == WRITTEN:
        f.nr_reclaimed += f.ret
        f.phase = PAUSED
        if vm.nr_dirty + vm.nr_writeback > limit and f.nr_reclaimed < chunk:
            return sleep(m, a, WAIT_CONGESTION, 0, now + 100 * MS)
    elif vm.nr_dirty + vm.nr_writeback > limit and f.nr_reclaimed < chunk:
        if vm.nr_dirty > 0:
            f.phase = WRITTEN
            w = push(m, a, WRITEBACK_PAGES)
            w.nr_to_reclaim = chunk
            w.older = 0
            w.looked = 0
            return CONTINUE
        return sleep(m, a, WAIT_CONGESTION, 0, now + 100 * MS)
    if vm.nr_dirty > background:
        wake_flusher(m, 0, now)
    return pop(m, a, 0)


@jit
def step_6x(m: Any, a: int, f: Any) -> int:
    """Above the free-run ceiling the dirtier sleeps as long as its pages take at its share of the bandwidth; it writes nothing itself."""
    vm = m.vm[0]
    actor = m.actors[a]
    if f.phase == PAUSED and f.count > 0:
        return pop(m, a, 0)
    now = jiffies(actor.local_ns)
    background, limit = dirty_limits(m)
    dirty = vm.nr_dirty + vm.nr_writeback
    if vm.nr_dirty > background:
        wake_flusher(m, 0, actor.local_ns)
    if dirty <= (background + limit) // 2:
        actor.dirty_paused_when = now
        actor.dirtied = 0
        actor.nr_dirtied_pause = dirty_poll_interval(m, dirty, limit)
        return pop(m, a, 0)
    vm.dirty_exceeded = 1 if wb_dirty(m) > limit and dirty > limit else 0
    ratio = position_ratio(m, background, limit, dirty)
    if now > vm.bw_stamp + BANDWIDTH_INTERVAL:
        elapsed = now - vm.bw_stamp
        update_dirty_limit(m, now, limit, dirty)
        update_ratelimit(m, background, limit, dirty, ratio, elapsed)
        update_write_bandwidth(m, now, elapsed)
    return throttle(m, a, f, now, vm.dirty_ratelimit * ratio >> RATELIMIT_SHIFT)


@jit
def throttle(m: Any, a: int, f: Any, now: int, task_ratelimit: int) -> int:
    """Pause for ``f.nr_dirty`` pages at ``task_ratelimit`` pages/s, less the time since the last pause; what is too short to sleep is paid next time."""
    vm = m.vm[0]
    actor = m.actors[a]
    max_pause = min(wb_dirty(m) // (1 + vm.avg_write_bw // PAUSE_BANDWIDTH) + 1, MAX_PAUSE)
    min_pause, pages = wb_min_pause(m, max_pause, task_ratelimit)
    pause = max_pause
    if task_ratelimit > 0:
        period = HZ * f.nr_dirty // task_ratelimit
        pause = period
        if actor.dirty_paused_when > 0:
            pause -= now - actor.dirty_paused_when
        if pause < min_pause:
            if pause < -HZ:
                actor.dirty_paused_when = now
                actor.dirtied = 0
            elif period > 0:
                actor.dirty_paused_when += period
                actor.dirtied = 0
            elif actor.nr_dirtied_pause <= f.nr_dirty:
                actor.nr_dirtied_pause += f.nr_dirty
            return pop(m, a, 0)
        if pause > max_pause:
            now += min(pause - max_pause, max_pause)
            pause = max_pause
    actor.dirty_paused_when = now + pause
    actor.dirtied = 0
    actor.nr_dirtied_pause = pages
    f.count = 1 if task_ratelimit > 0 or wb_dirty(m) <= wb_stat_error(m) else 0
    f.phase = PAUSED
    vm.balance_dirty_pauses += 1
    return sleep(m, a, WAIT_TIMER, 0, timer(m, actor.local_ns, pause * JIFFY))


@jit
def wb_min_pause(m: Any, max_pause: int, task_ratelimit: int) -> tuple[int, int]:
    """wb_min_pause(): the shortest pause worth its sleep, and after how many pages the task is to come again."""
    vm = m.vm[0]
    ratelimit = vm.dirty_ratelimit
    thresh = vm.dirty_poll_thresh
    pause = max(1, HZ // 100)
    more = ilog2(vm.avg_write_bw) - ilog2(ratelimit)
    if more > 0:
        pause += more * (10 * HZ) // 1024  # longer, the more tasks share the bandwidth
    pause = min(pause, 1 + max_pause // 2)
    pages = ratelimit * pause // HZ_POW2
    if pages < thresh:
        pause = max_pause
        pages = ratelimit * pause // HZ_POW2
        if pages > thresh:
            pages = thresh
            pause = HZ * thresh // ratelimit
    if HZ * pages // (task_ratelimit + 1) > max_pause:
        pause = max_pause
        pages = task_ratelimit * pause // HZ_POW2
    return int(1 + pause // 2 if pages >= thresh else pause), int(pages)


@jit
def dirty_poll_interval(m: Any, dirty: int, limit: int) -> int:
    """dirty_poll_interval(): about the square root of the pages left to the limit."""
    scale = m.vm[0].page_scale
    if limit <= dirty:
        return 1
    return int(max((1 << (ilog2((limit - dirty) * scale) >> 1)) // scale, 1))


@jit
def wb_stat_error(m: Any) -> int:
    """wb_stat_error(): what the counters by CPU may be wrong by; the last page or so must not wait for a device that does not answer."""
    cpus = len(m.cpu_free)
    return int(cpus * 8 * (1 + ilog2(cpus)) // m.vm[0].page_scale)
