"""Recommendation: a setting with its evidence, or none with the reason; a record, decided in `sweep.recommend` and written out in `sweep.fragment`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sweep.candidates import Params
    from sweep.evidence import Evidence
    from sweep.intervals import Effect
    from sweep.published import Graded
    from sweep.region import Reach
    from sweep.sysctl import Kernel


@dataclass(frozen=True)
class Change:
    """One sysctl: the value recommended and the kernel's default on this machine."""

    name: str
    value: int
    default: int


@dataclass(frozen=True)
class Recommendation:
    """A setting with its evidence, or none with the reason.

    Attributes:
        policy: the policy that the user's kernel runs.
        cells: index and label of the cells that it was asked for.
        oom_bound: asked for.
        changes: what to set; empty means "keep the default".
        unchanged: other sysctls, which were simulated at their default.
        others: tunables that are no sysctls, which were simulated at their default.
        evidence: per cell, for the setting recommended or for the one that came closest.
        overall: mean effect over the cells, if there is one.
        reason: why not, in words; empty if something is recommended.
        n_candidates: settings looked at.
        region: how far each change may move; empty if nobody ran what is beside it.
        price: what the setting costs, in words; empty if nothing is recommended.
        text: the sysctl.d fragment, or comment lines that keep the default.
        published: published settings in the same cells, graded on the same streams; empty if nobody asked.
        beside: the recommendation and the kernel's defaults in the terms of ``published``.
        notes: what a reader must know, in words.
        present: values that the machine had when it was captured, by name; undo restores them.
        kernel: version of the machine's kernel, if it is known.
        command: gives this recommendation again, if no sweep file of the user's does.
    """

    policy: str
    cells: tuple[tuple[int, str], ...]
    oom_bound: float
    changes: tuple[Change, ...] = ()
    unchanged: Params = ()
    others: Params = ()
    evidence: tuple[Evidence, ...] = ()
    overall: Effect | None = None
    reason: str = ""
    n_candidates: int = 0
    region: tuple[Reach, ...] = ()
    price: str = ""
    text: str = ""
    published: tuple[Graded, ...] = ()
    beside: tuple[Graded | None, Graded] | None = None
    notes: tuple[str, ...] = ()
    present: Params = ()
    kernel: Kernel | None = None
    command: str = ""

    @property
    def keep_default(self) -> bool:
        """Is the answer to change nothing?"""
        return not self.changes

    def undo(self, change: Change) -> int:
        """What was set before: as captured, else the kernel's default."""
        return dict(self.present).get(change.name, change.default)


@dataclass(frozen=True)
class Context:
    """What is known of a machine beside the sweep; see Recommendation."""

    notes: tuple[str, ...] = ()
    present: Params = ()
    kernel: Kernel | None = None
    command: str = ""
