"""Workloads: what the tasks of a run do, as validated numbers, compiled with a seed to streams."""

from sweep.workloads.base import WorkloadModel
from sweep.workloads.crew import Crew
from sweep.workloads.cyclic import Cyclic
from sweep.workloads.mix import Mix
from sweep.workloads.trace import TraceReplay
from sweep.workloads.union import KINDS, Workload, compile_streams, content_digest, load

__all__ = [
    "KINDS",
    "Crew",
    "Cyclic",
    "Mix",
    "TraceReplay",
    "Workload",
    "WorkloadModel",
    "compile_streams",
    "content_digest",
    "load",
]
