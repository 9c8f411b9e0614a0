"""Mechanism: what a run died of, or how it lived, in sentences read off its time line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core import Outcome
    from sweep.timeline import Timeline


def ending(outcome: Outcome) -> str:
    """How the run ended, in a sentence."""
    from core.outcome import END_DEADLOCK, END_DONE, END_PANIC

    if outcome.end == END_PANIC:
        return "it died: out of memory, and nobody was left to kill"
    if outcome.end == END_DEADLOCK:
        return "it died: a deadlock; tasks wanted to go on, and nothing moved or completed any more"
    if outcome.oom_kills:
        after_low = (outcome.time_to_first_oom_ns - outcome.time_to_low_ns) / 1e9
        after = f", {after_low:.2f} s after free memory first fell below low" if outcome.time_to_low_ns >= 0 else ""
        killed = "one task was killed" if outcome.oom_kills == 1 else f"{outcome.oom_kills} tasks were killed"
        return f"out of memory: {killed}, first at {outcome.time_to_first_oom_ns / 1e9:.2f} s{after}"
    return "it lived: every task came to its end" if outcome.end == END_DONE else "it lived until its time was up"


def at_the_end(line: Timeline) -> Iterator[str]:
    """What there was just before it died, or at the end: where the memory was stuck, and how much of the reserve was left."""
    moment = len(line.seconds) - 1 if line.fatal is None else line.fatal
    values = {name: int(column[moment]) for name, column in line.columns.items()}
    marks = ", ".join(f"{name} {pages}" for name, pages in line.watermarks.items())
    when = f"at {line.seconds[moment]:.2f} s" + (", just before," if line.fatal is not None else "")
    yield (
        f"{when} {values['nr_free']} pages free (watermarks: {marks}), {values['nr_dirty']} dirty, "
        f"{values['nr_writeback']} under writeback, {values['nr_laundry']} laundry, {values['held']} kernel pages held by writes, "
        f"{values['swap_free']} swap slots free, {values['in_direct_reclaim']} of {line.tasks} tasks in direct reclaim"
    )
    yield (
        f"until then {values['nr_stalls']} stalls of {values['stall_ns_total'] / 1e9:.2f} s in all; {values['reserve_used']} pages taken from the reserve; "
        f"lowest free {int(line.columns['nr_free'].min())}"
    )
    yield reserve(line, values["below_min"])


def reserve(line: Timeline, below: int) -> str:
    """How much of the reserve, the pages below the min watermarks, was in use then and at most.

    Args:
        line: the run.
        below: pages below min at the moment that is told about.
    """
    whole = max(line.watermarks["min"], 1)
    column = line.columns["below_min"]
    most = int(column.max())
    if not most:
        return "the reserve below min was not in use at any moment"
    first = line.seconds[int(column.nonzero()[0][0])]
    return (
        f"of the reserve of {whole} pages below min {100 * below / whole:.0f} % were in use then, {100 * most / whole:.0f} % at most "
        f"(at {line.seconds[int(column.argmax())]:.2f} s); first at {first:.2f} s"
    )
