"""Board: published settings as rows, the cells of a sweep as columns, each judged against the kernel's defaults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sweep.marks import FINDING_MARKS, PLACE_MARKS, cell_lines
from sweep.page import Box, rate_text
from sweep.verdict import Finding

if TYPE_CHECKING:
    from sweep.graded import Graded

BOARD_WORDS: Final[Mapping[Finding, str]] = {
    "win": "better than the kernel's defaults",
    "loss": "worse than the kernel's defaults",
    "tie": "tie",
    "undecided": "undecided",
}


@dataclass(frozen=True)
class Board:
    """One policy's.

    Attributes:
        policy: name of the policy.
        sentence: how many of each finding, to be quoted.
        cells: labels in order, each as its parts, without those that all cells have.
        rows: each setting with a box for each cell.
    """

    policy: str
    sentence: str
    cells: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[str, tuple[Box, ...]], ...]


def boards(found: Sequence[Graded]) -> Iterator[Board]:
    """A board for each policy that ran published settings."""
    for policy in dict.fromkeys(one.policy for one in found):
        here = {(one.setting, one.label): one for one in found if one.policy == policy}
        labels = tuple(dict.fromkeys(label for _, label in here))
        settings = dict.fromkeys(setting for setting, _ in here)
        rows = tuple((setting, tuple(_box(here[setting, label]) for label in labels)) for setting in settings)
        yield Board(policy, _sentence(list(here.values())), _short(labels), rows)


def _sentence(found: Sequence[Graded]) -> str:
    findings = Counter(one.verdict.finding for one in found if one.verdict is not None)
    cells = len({one.label for one in found})
    return (
        f"What vendors publish, {findings.total()} times a setting in one of {cells} cells: {findings['win']} better than the kernel's defaults, "
        f"{findings['loss']} worse, {findings['tie']} ties, {findings['undecided']} undecided."
    )


def _short(labels: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    parts = [label.split() for label in labels]
    everywhere = set.intersection(*map(set, parts)) if len(parts) > 1 else set()
    return tuple(tuple(part for part in one if part not in everywhere) for one in parts)


def _box(one: Graded) -> Box:
    verdict = one.verdict
    title = f"{one.setting}, {one.label}"
    if verdict is None:
        return Box("unknown", PLACE_MARKS["unknown"].symbol, ("not run",), title, (f"Not run: {one.why_not}." if one.why_not else "Not run yet.",))
    detail = (
        f"{BOARD_WORDS[verdict.finding]}: {verdict.reason}.",
        f"Sets {', '.join(f'{name} = {value}' for name, value in one.params)}.",
        f"{rate_text(verdict.oom[0])}; the defaults: {rate_text(verdict.oom[1])}.",
        f"99 % of stalls below {one.stalls_ms[0]:.2f} ms, with the defaults {one.stalls_ms[1]:.2f} ms.",
        f"{verdict.n} pairs of replicates, q = {verdict.q:.2g}.",
    )
    return Box(verdict.finding, FINDING_MARKS[verdict.finding].symbol, cell_lines(verdict), title, detail)
