"""A cell: one point of the grid or one named point, with its machine and its workload."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from core import Machine
from sweep.config import Scalar
from sweep.workloads import Workload

LATER: Final = (
    "shared_core",
    "request_ns",
    "swapin_ns",
    "pass_ns",
    "refill_ns",
)  # keys of a machine and its devices that came after results were published; 0: not used
REFINED: Final = "refined"  # kind of a cell that the sweep placed itself, between those of its grid


@dataclass(frozen=True)
class Cell:
    """One machine under one workload.

    Attributes:
        index: position in the sweep, from 0.
        label: in words, for people.
        kind: "grid", "point" or REFINED.
        axes: name and value of each axis; empty for a point.
        machine: validated.
        workload: validated.
        key: SHA-256 of what the simulation sees of machine and workload, the content of a trace included.
        params: tunables that an axis fixes; no policy searches them here.
    """

    index: int
    label: str
    kind: str
    axes: tuple[tuple[str, Scalar], ...]
    machine: Machine
    workload: Workload
    key: str = field(repr=False)
    params: tuple[tuple[str, int], ...] = ()

    @property
    def machine_json(self) -> str:
        """The machine as canonical JSON."""
        return canonical(asdict(self.machine))

    @property
    def workload_json(self) -> str:
        """The workload as canonical JSON, for keys."""
        return canonical(self.workload.model_dump(mode="json"))

    @property
    def workload_told(self) -> str:
        """The workload as JSON that reads back as the same tasks: the roles of a crew in their order, which is the order of its tasks."""
        return json.dumps(self.workload.model_dump(mode="json"), separators=(",", ":"), allow_nan=False)


def plain(machine: Machine) -> dict[str, Any]:
    """A machine as mappings, for its key, from which seeds come: what came later and is not used is left out, so that older results can be made again."""
    found = asdict(machine)
    for keys in (found, found["swap"], found["file"]):
        for name in LATER:
            if name in keys and not keys[name]:
                del keys[name]
    return found


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces; equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
