"""Crew: tasks in named roles, and what comes from outside; the kind that the loads of the literature are written in.

Left out, of every program that a crew stands for: what a page contains, metadata of files (an inode, a directory, a
journal), the order of operations of one task over several regions (each role has one), and any wait of one task for another.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from core import Machine
from core.builder import Builder
from core.region import Region
from core.streams import Streams
from sweep.workloads.arrivals import Burst, Outage, Packets, SlabBurst
from sweep.workloads.base import WorkloadModel, generator, pages_of, scale_of
from sweep.workloads.member import Member, Text
from sweep.workloads.role import Role
from sweep.workloads.roles import split

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]


class Crew(WorkloadModel):
    """Roles and arrivals by name; every task, and every arrival, draws from a generator of its own.

    Attributes:
        text_mib: program text shared by all tasks, MiB, 0.004 to 1024; one page of it after every block, Zipf 1.
        roles: what the tasks do.
        packets, bursts, slab_bursts, outages: what comes from outside.
    """

    kind: Literal["crew"]
    text_mib: Annotated[float, Field(ge=0.004, le=1024)] = 1
    roles: Annotated[dict[Name, Role], Field(min_length=1)]
    packets: dict[Name, Packets] = Field(default_factory=dict)
    bursts: dict[Name, Burst] = Field(default_factory=dict)
    slab_bursts: dict[Name, SlabBurst] = Field(default_factory=dict)
    outages: dict[Name, Outage] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _packets_are_received(self) -> Self:
        if self.packets and not any(role.receive for role in self.roles.values()):
            raise ValueError("packets: no role receives them; allowed: with a role whose receive is > 0")
        return self

    def compile(self, machine: Machine, seed: int) -> Streams:
        """Streams of one replicate; ``machine`` gives the sizes that are ratios of RAM, and the CPUs.

        Raises:
            ValueError: no role has both tasks and pages.
        """
        scale = scale_of(machine)
        builder = Builder(scale)
        text = Text(builder, max(1, pages_of(self.text_mib, scale)), seed)
        tasks = sum(_add_role(builder, name, role, machine, text, seed) for name, role in self.roles.items())
        if not tasks:
            raise ValueError(f"roles: {', '.join(self.roles)}; allowed: a role with tasks, and with at least one page if it has memory")
        for group in (self.outages, self.packets, self.bursts, self.slab_bursts):
            for name, arrival in group.items():
                arrival.add(builder, generator(seed, f"arrivals {name}"), self.horizon_ns)
        return builder.build(self.horizon_ns)


def _add_role(builder: Builder, name: str, role: Role, machine: Machine, text: Text, seed: int) -> int:
    """Add the tasks of a role; returns how many there are."""
    count = role.count(machine)
    if role.memory == "none":
        regions: list[Region | None] = [None] * count
    elif role.shared and count and role.pages(machine):
        regions = [_region(builder, role, role.pages(machine))] * count
    else:
        regions = [_region(builder, role, size) for size in split(role.pages(machine), count)]
    for number, region in enumerate(regions):
        Member(builder, role, region, text, generator(seed, f"{name} {number}")).work()
    return len(regions)


def _region(builder: Builder, role: Role, pages: int) -> Region:
    return builder.anon(pages) if role.memory == "anon" else builder.file(pages, mapped=role.memory == "mapped")
