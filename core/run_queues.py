"""CPUs of one core: which of them executes, and who of its run queue (kernel/sched/fair.c, v6.1; all of one weight).

Such CPUs are hardware threads of one core, or CPUs of a guest that one thread of the host executes: one executes at a time, and those that have something to
run get even shares. Each has a run queue of its own; tasks are pinned to CPUs in turn, kernel threads go where a CPU idles.
"""

from __future__ import annotations

from typing import Any, Final

from core.bandwidth import ilog2
from core.jit import inlined, jit, outlined
from core.sched import WAIT_NONE
from core.units import JIFFY, MS, US

LATENCY_NS: Final = 6 * MS  # sysctl_sched_latency
MIN_GRANULARITY_NS: Final = 750 * US  # sysctl_sched_min_granularity
WAKEUP_GRANULARITY_NS: Final = MS  # sysctl_sched_wakeup_granularity
NR_LATENCY: Final = 8  # sched_nr_latency
MOST_SCALED: Final = 8  # CPUs that count for the scale of these (get_update_sysctl_factor())


@outlined
def pick(m: Any, start: int) -> int:
    """Who runs at ``start``, when at least one actor is ready: an interrupt, or who has the CPU that got least of the core."""
    if m.actors[m.vm[0].network].ready_ns <= start:
        return int(m.vm[0].network)
    seek_idle_cpus(m, start)
    best = -1
    for c in range(len(m.cpus)):
        account(m, m.cpus[c], start)
        schedule(m, c, start)
        if m.cpus[c].curr >= 0 and (best < 0 or m.cpus[c].executed_ns < m.cpus[best].executed_ns):
            best = c
    for c in range(len(m.cpus)):
        m.cpus[c].executed_ns = max(m.cpus[c].executed_ns, m.cpus[best].executed_ns)  # who idles saves nothing up
    return int(m.cpus[best].curr)


@outlined
def ran(m: Any, a: int, start: int) -> None:
    """Actor ``a`` has run from ``start`` to its local time, and no other CPU of the core meanwhile."""
    actor = m.actors[a]
    for c in range(len(m.cpus)):
        m.cpu_free[c] = actor.local_ns
    if a == m.vm[0].network:
        return
    cpu = m.cpus[actor.cpu]
    cpu.executed_ns += actor.local_ns - start
    account(m, cpu, actor.local_ns)
    if actor.wait != WAIT_NONE or actor.dead:
        actor.slept = 1
        cpu.curr = -1


@inlined
def account(m: Any, cpu: Any, now: int) -> None:
    """update_curr(): time counts for who has the CPU, be it that another CPU of the core executes."""
    if cpu.curr >= 0:
        m.actors[cpu.curr].vruntime += now - cpu.seen_ns
        cpu.curr_ns += now - cpu.seen_ns
    cpu.seen_ns = now


@inlined
def runnable(m: Any, a: int, c: int, now: int) -> bool:
    """Is ``a`` on the run queue of CPU ``c``? Interrupts are on none."""
    return bool(m.actors[a].cpu == c and m.actors[a].ready_ns <= now and a != m.vm[0].network)


@jit
def nr_running(m: Any, c: int, now: int) -> int:
    """Length of the run queue of CPU ``c``."""
    found = 0
    for a in range(len(m.actors)):
        found += runnable(m, a, c, now)
    return found


@jit
def seek_idle_cpus(m: Any, now: int) -> None:
    """Kernel threads that would wait for their CPU go to one that idles: select_idle_sibling() at a wakeup, newidle_balance() later."""
    for a in range(m.vm[0].n_tasks, len(m.actors)):
        here = m.actors[a].cpu
        if not runnable(m, a, here, now) or m.cpus[here].curr == a or nr_running(m, here, now) == 1:
            continue
        for c in range(len(m.cpus)):
            if nr_running(m, c, now) == 0:
                m.actors[a].vruntime += m.cpus[c].min_vruntime - m.cpus[here].min_vruntime
                m.actors[a].cpu = c
                break


@jit
def schedule(m: Any, c: int, now: int) -> None:
    """Places on CPU ``c`` who woke up, and changes who has it, if nobody has or he has to give way."""
    cpu = m.cpus[c]
    scale = 1 + ilog2(min(len(m.cpus), MOST_SCALED))  # SCHED_TUNABLESCALING_LOG
    running = 0
    first = -1
    preempted = False
    for a in range(len(m.actors)):
        if not runnable(m, a, c, now):
            continue
        actor = m.actors[a]
        if actor.slept:  # place_entity(): half a latency is what sleepers are given (GENTLE_FAIR_SLEEPERS)
            actor.slept = 0
            actor.vruntime = max(actor.vruntime, cpu.min_vruntime - LATENCY_NS * scale // 2)
            if cpu.curr >= 0 and m.actors[cpu.curr].vruntime - actor.vruntime > WAKEUP_GRANULARITY_NS * scale:  # check_preempt_wakeup()
                preempted = True
        running += 1
        if first < 0 or actor.vruntime < m.actors[first].vruntime:
            first = a
    if first < 0:
        return
    cpu.min_vruntime = max(cpu.min_vruntime, m.actors[first].vruntime)
    if cpu.curr >= 0 and now // JIFFY > cpu.tick and running > 1:  # check_preempt_tick()
        ideal = max(LATENCY_NS * scale // min(running, NR_LATENCY), MIN_GRANULARITY_NS * scale)
        behind = m.actors[cpu.curr].vruntime - m.actors[first].vruntime
        if cpu.curr_ns > ideal or (cpu.curr_ns >= MIN_GRANULARITY_NS * scale and behind > ideal):
            preempted = True
    cpu.tick = now // JIFFY
    if cpu.curr < 0 or preempted:
        cpu.curr = first
        cpu.curr_ns = 0
