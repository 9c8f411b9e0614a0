"""The CPUs of a shared core; who runs on them is decided in run_queues.py."""

from core.state import i8, record


class Cpu:
    """A CPU of a shared core, and its run queue."""

    curr: i8  # the actor that has it; -1: it idles
    curr_ns: i8  # for how long
    seen_ns: i8  # its time is accounted for until then
    executed_ns: i8  # what it got of the core, that of its idle time included
    min_vruntime: i8
    tick: i8  # jiffy of the last look at who has it


CPU = record(Cpu)
