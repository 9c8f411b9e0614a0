"""docs/fidelity.md: what the validation found, written afresh from the results and a run of the simulator."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from lab.bars import GOALS, load_bars
from lab.cache import LabError, appearing
from lab.fidelity import COMPARED, Compared, Fidelity
from sweep.yamlfile import load_mapping

HERE: Final = Path(__file__).resolve().parent
NOTES: Final = HERE / "notes.yaml"
WORST: Final = 10


def write(fidelity: Fidelity, beside: Sequence[Fidelity], path: Path) -> None:
    """Write the page of a campaign with a section for each of those ``beside``, whole or not at all."""
    with appearing(path) as made:
        made.write_text("\n".join(lines(fidelity, beside)) + "\n")


def lines(fidelity: Fidelity, beside: Sequence[Fidelity] = ()) -> Iterator[str]:
    """The page, line by line."""
    notes = load_notes()
    rows = [each.row for each in fidelity.compared]
    yield "# Fidelity"
    yield ""
    yield f"The simulator against Linux, at {len(rows)} points that nothing was fitted to. Written by `highwater validate`, which runs the simulator"
    yield f"afresh against `lab/results/{fidelity.campaign}.csv`; [lab.md](lab.md) says how the kernel was run and what was fitted on what."
    yield "Errors are (simulator - kernel) / kernel."
    yield ""
    yield from _origin(fidelity)
    yield from _goals(fidelity)
    yield from _errors(fidelity)
    yield from _ranks(fidelity)
    yield from _oom(fidelity)
    yield from _worst(fidelity, notes["points"])
    for each in beside:
        yield from _section(each, notes["points"])
    yield "## Where they disagree, and why"
    yield ""
    for head, text in notes["causes"].items():
        yield f"- **{head}**: {text}"


def _origin(fidelity: Fidelity) -> Iterator[str]:
    rows = [each.row for each in fidelity.compared]
    for kernel in sorted({row.kernel for row in rows}):
        yield f"- kernel: {kernel}"
    yield f"- guest program and modules: {', '.join(sorted({row.image for row in rows}))}"
    yield f"- QEMU: {', '.join(sorted({row.qemu for row in rows}))}"
    if fidelity.missing:
        yield f"- {fidelity.missing} points of the campaign have not been measured"
    yield ""


def _section(fidelity: Fidelity, notes: Mapping[str, str]) -> Iterator[str]:
    """Another campaign: every figure with its bar, then as the page itself, one level down."""
    yield f"## {fidelity.title}"
    yield ""
    yield f"{len(fidelity.compared)} points, `highwater validate {fidelity.campaign}`; nothing was fitted to them. The goals were set for one CPU."
    yield ""
    yield from _origin(fidelity)
    bars = load_bars(fidelity.campaign)
    yield "| figure | reached | goal | bar |"
    yield "|---|---|---|---|"
    for name, value in fidelity.figures.items():
        goal = GOALS.get(name)
        missed = goal is not None and (value > goal if name.startswith("median error") else value < goal)
        yield f"| {name} | {value:.3f} | {'' if goal is None else f'{goal:.2f}'}{' **missed**' if missed else ''} | {bars.get(name, '')} |"
    yield ""
    for part in (_ranks(fidelity), _oom(fidelity), _worst(fidelity, notes, WORST // 2)):
        yield from (f"#{line}" if line.startswith("## ") else line for line in part)


def _goals(fidelity: Fidelity) -> Iterator[str]:
    yield "## Goals"
    yield ""
    yield "| figure | goal | reached | |"
    yield "|---|---|---|---|"
    figures = fidelity.figures
    for name, goal in GOALS.items():
        lower = name.startswith("median error")
        met = figures[name] <= goal if lower else figures[name] >= goal
        yield f"| {name} | {'<=' if lower else '>='} {goal:.2f} | {figures[name]:.3f} | {'yes' if met else '**no**'} |"
    yield ""


def _errors(fidelity: Fidelity) -> Iterator[str]:
    yield "## Errors by metric"
    yield ""
    yield "Points where both sides are next to nothing are left out."
    yield ""
    yield "| metric | points | median of abs | 10 % | 25 % | median | 75 % | 90 % |"
    yield "|---|---|---|---|---|---|---|---|"
    for name in COMPARED:
        errors = fidelity.errors(name)
        if len(errors) > 1:
            tenths, quarters = statistics.quantiles(errors, n=10, method="inclusive"), statistics.quantiles(errors, n=4, method="inclusive")
            shown = " | ".join(f"{100 * value:+.0f} %" for value in (tenths[0], *quarters, tenths[-1]))
            yield f"| {name} | {len(errors)} | {100 * fidelity.median_error(name):.0f} % | {shown} |"
    yield ""


def _ranks(fidelity: Fidelity) -> Iterator[str]:
    yield "## Ranks of throughput"
    yield ""
    within = fidelity.spearman_within
    yield f"Spearman over all points: {fidelity.spearman:.3f}; within each workload:"
    yield ""
    yield "| workload | points | rank correlation | median error of operations |"
    yield "|---|---|---|---|"
    for family, value in within.items():
        errors = [error for each in fidelity.compared if each.row.family == family and (error := each.error("operations done")) is not None]
        yield f"| {family} | {len(errors)} | {value:.2f} | {100 * statistics.median(map(abs, errors)):.0f} % |"
    yield ""


def _oom(fidelity: Fidelity) -> Iterator[str]:
    confusion = fidelity.confusion
    yield "## Out of memory"
    yield ""
    yield "| | simulator: killed or stuck | simulator: lives |"
    yield "|---|---|---|"
    yield f"| kernel: killed or stuck | {confusion[True, True]} | {confusion[True, False]} |"
    yield f"| kernel: lives | {confusion[False, True]} | {confusion[False, False]} |"
    yield ""
    wrong = [each.row.point for each in fidelity.compared if each.row.failed != each.sim_failed]
    yield f"Right: {100 * fidelity.oom_right:.1f} %." + (f" Wrong: {', '.join(wrong)}." if wrong else "")
    yield ""
    times = fidelity.oom_times
    if times:
        errors = [abs(sim - guest) / guest for _, guest, sim in times]
        yield f"First kill, where both kill ({len(times)} points): median error {100 * statistics.median(errors):.0f} %, largest {100 * max(errors):.0f} %."
        yield ""


def _worst(fidelity: Fidelity, notes: Mapping[str, str], count: int = WORST) -> Iterator[str]:
    yield f"## The {count} worst points"
    yield ""
    yield "By the ratio of operations."
    yield ""
    yield "| point | kernel | simulator | scanned | written | swapped in | why |"
    yield "|---|---|---|---|---|---|---|"
    for each in fidelity.worst(count):
        yield f"| {each.row.point} | {each.row.metrics['ops_done']} | {each.simulated['ops_done']} | {_cells(each)} | {_note(each, notes)} |"
    yield ""


def _cells(each: Compared) -> str:
    errors = (each.error(name) for name in ("scanned", "written", "swapped in"))
    return " | ".join("" if error is None else f"{100 * error:+.0f} %" for error in errors)


def _note(each: Compared, notes: Mapping[str, str]) -> str:
    return notes.get(each.row.point) or notes.get(each.row.family) or "not explained"


def load_notes(path: Path = NOTES) -> dict[str, dict[str, str]]:
    """What people found out: ``points``, why a point or a workload is off; ``causes``, evidence by cause.

    Raises:
        LabError: something else is in the file.
    """
    notes = load_mapping(path)
    found: dict[str, dict[str, str]] = {}
    for key in ("points", "causes"):
        part = notes.get(key, {})
        if not isinstance(part, dict):
            raise LabError(f"{path}: {key}; allowed: texts by name")
        found[key] = {name: str(text) for name, text in part.items()}
    return found
