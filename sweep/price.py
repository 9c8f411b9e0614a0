"""Price: the memory that watermarks keep out of use, which is what a larger min_free_kbytes or watermark_scale_factor costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core import Machine
from core.units import KIB_PER_PAGE
from core.watermark import setup_watermarks


@dataclass(frozen=True)
class Held:
    """Memory below the watermarks of all zones, kB.

    Attributes:
        min: no ordinary allocation may touch it.
        high: kswapd keeps that much free once it has run.
    """

    min: int
    high: int


def held(machine: Machine, era: int, values: Mapping[str, int]) -> Held:
    """What the settings hold back on a machine.

    Args:
        machine: the machine.
        era: of the policy (core.watermark).
        values: at least min_free_kbytes; watermark_scale_factor where the era has it.
    """
    zones = [pages * machine.page_scale for node in machine.node_zones for pages in node]
    marks = setup_watermarks(zones, values["min_free_kbytes"], values.get("watermark_scale_factor", 0), era)
    return Held(sum(mark.min for mark in marks) * KIB_PER_PAGE, sum(mark.high for mark in marks) * KIB_PER_PAGE)


def price_text(before: Held, after: Held, ram_mib: int) -> str:
    """What a change of settings costs, in words."""
    more = after.high - before.high
    if more == 0:
        return "Price: none, the watermarks stay where they are."
    word = "more" if more > 0 else "less"
    return (
        f"Price: kswapd keeps {_mib(after.high)} free instead of {_mib(before.high)}, {_mib(abs(more))} {word} "
        f"({100 * abs(more) / (1024 * ram_mib):.2g} % of RAM) than with the defaults."
    )


def _mib(kib: int) -> str:
    return f"{kib / 1024:.1f} MiB"
