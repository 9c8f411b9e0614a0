"""How many real pages one page here stands for, and what the kernel counts in pages as it is then."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from core.machine import Machine


@dataclass(frozen=True)
class Scale:
    """``real``: real pages in one."""

    real: int

    def nearest(self, pages: int) -> int:
        """So many real pages; none only for none."""
        return max((2 * pages + self.real) // (2 * self.real), 1) if pages else 0

    def up(self, pages: int) -> int:
        return -(-pages // self.real)

    def costs(self, machine: Machine) -> Machine:
        """CPU time of a page is that of all for which it stands; that of a request or a pass is not of a page."""
        of_pages = [f.name for f in fields(machine) if f.name.endswith("_ns") and f.name not in ("request_ns", "pass_ns")]
        return replace(machine, **{name: getattr(machine, name) * self.real for name in of_pages})
