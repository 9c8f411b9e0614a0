"""The kinds of workload together: load one from plain values, compile any of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from core import Machine
from core.streams import Streams
from sweep.explain import problem_line
from sweep.workloads.base import WorkloadModel
from sweep.workloads.crew import Crew
from sweep.workloads.cyclic import Cyclic
from sweep.workloads.mix import Mix
from sweep.workloads.trace import TraceReplay

Workload = Annotated[Crew | Cyclic | Mix | TraceReplay, Field(discriminator="kind")]
KINDS: Final[dict[str, type[Crew] | type[Cyclic] | type[Mix] | type[TraceReplay]]] = {
    "crew": Crew,
    "cyclic": Cyclic,
    "mix": Mix,
    "trace": TraceReplay,
}


def load(mapping: Mapping[str, Any], source: Path) -> Crew | Cyclic | Mix | TraceReplay:
    """A workload from the values of a configuration file.

    Args:
        mapping: its keys; ``kind`` says which others there are.
        source: the file they come from; traces are looked for beside it.

    Raises:
        ValueError: one line, ``key: value; allowed: ...``, without the name of ``source``.
    """
    kind = mapping.get("kind")
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise ValueError(f"kind: {'missing' if kind is None else kind}; allowed: {', '.join(KINDS)}")
    try:
        workload = model.model_validate(dict(mapping))
    except ValidationError as error:
        problems = error.errors(include_url=False)
        first = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")
        raise ValueError(problem_line(first, model)) from None
    return workload.located(source) if isinstance(workload, TraceReplay) else workload


def compile_streams(workload: WorkloadModel, machine: Machine, seed: int) -> Streams:
    """Compile ``workload`` for one replicate; the same arguments always give the same streams.

    Args:
        workload: validated.
        machine: gives sizes that are ratios of RAM their pages.
        seed: of the replicate, >= 0.

    Raises:
        ValueError: the workload has nothing to do, or a trace file that cannot be used.
    """
    if seed < 0:
        raise ValueError(f"seed: {seed}; allowed: >= 0")
    return workload.compile(machine, seed)


def content_digest(workload: WorkloadModel) -> str:
    """SHA-256 of what the workload reads beside its own keys: its trace; empty for the others."""
    return workload.trace_digest() if isinstance(workload, TraceReplay) else ""
