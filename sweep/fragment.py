"""Fragment: a recommendation as the text of a sysctl.d file, evidence above, undo below."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sweep.intervals import clean_replicates
from sweep.maps import provenance
from sweep.sysctl import KEYS, assignment, comment, parse
from sweep.undo import left_alone, rivals, undone

if TYPE_CHECKING:
    from sweep.evidence import Evidence
    from sweep.recommendation import Recommendation
    from sweep.results import Results


def fragment(results: Results, found: Recommendation) -> str:
    """The file's text: settings, or nothing but comments if the answer is to keep the default.

    Raises:
        AssertionError: the text does not read back as exactly the settings, which would be our defect.
    """
    head = [f"Highwater, sweep {results.name}: {_verdict(found)}", *_where(results, found), *_evidence(found), *(f"Note: {n}" for n in found.notes), ""]
    if found.keep_default:
        return comment(head[:-1]) + "\n"
    blocks = [comment(head).rstrip("#\n ")]
    for change in found.changes:
        blocks.append(f"{comment([f'{KEYS[change.name].summary}; kernel default here: {change.default}'])}\n"
                      f"{assignment(change.name, change.value)}")  # fmt: skip
    blocks.append(comment(_tail(results, found)))
    text = "\n\n".join(blocks) + "\n"
    expected = {f"vm.{change.name}": str(change.value) for change in found.changes}
    assert parse(text) == expected, "a sysctl.d file that does not read back"
    return text


def _verdict(found: Recommendation) -> str:
    if found.keep_default:
        return f"keep the default for policy {found.policy}: {found.reason}."
    what = "faster" if found.overall is not None and found.overall.low > 0 else "fewer OOMs"
    return f"settings for policy {found.policy}, {what} than kernel defaults."


def _where(results: Results, found: Recommendation) -> Iterator[str]:
    """Machine, workload and provenance."""
    origin = provenance(results)
    first = found.cells[0][0]
    machine = json.loads(str(results.cells.loc[first, "machine"]))
    yield (
        f"Machine: {machine['name']}, {machine['ram_mib']} MiB RAM, {machine['cpus']} CPUs, "
        f"{machine['swap_mib']} MiB swap. Valid for this size of RAM and these devices only."
    )
    workload = json.loads(str(results.cells.loc[first, "workload"]))
    shown = "; ".join(label for _, label in found.cells[:6]) + ("; ..." if len(found.cells) > 6 else "")
    yield f"Workload: {workload.get('kind', '')} ({shown})." if len(found.cells) == 1 else f"Cells: {shown}."
    yield f"Evidence from: config sha256 {origin.config_sha256}, seed {origin.seed}; {origin.versions}."


def _evidence(found: Recommendation) -> Iterator[str]:
    """What the confirm replicates say, cell by cell."""
    if found.evidence:
        pairs = min(e.n for e in found.evidence)
        yield (f"Against kernel defaults, {pairs} pairs of replicates a cell on streams that the search never saw (throughput in %, with its interval):")
    for e in found.evidence:
        yield f"  {e.label}: {_line(e)}"
    for one in found.region:
        yield f"Region: {one.text}."
    if found.price:
        yield found.price
    if len(found.evidence) > 1 and found.overall is not None:
        yield f"  all {len(found.evidence)} cells together: throughput {found.overall}."
    if not found.evidence:
        return
    sure = f"{100 * found.evidence[0].confidence:.4g} %"
    looked = f" ({found.n_candidates} settings were looked at)" if found.n_candidates > 1 else ""
    yield f"Intervals and bounds at {sure}{looked}; the OOM bound asked for is {100 * found.oom_bound:.3g} %."
    confidence = found.evidence[0].confidence
    need = [(bound, clean_replicates(bound, confidence)) for bound in (0.05, 0.01)]
    if min(e.n for e in found.evidence) < need[-1][1]:
        words = ", ".join(f"{100 * bound:.0f} % takes {n}" for bound, n in need)
        yield f"Replicates without one OOM that a bound takes: {words}."


def _line(e: Evidence) -> str:
    speed = f"throughput {e.effect}, " if e.effect else ""
    return f"{speed}OOM {e.oom} (defaults {e.oom_default}), a rate of at most {100 * e.upper:.0f} %."


def _tail(results: Results, found: Recommendation) -> Iterator[str]:
    """What was not changed, what a kernel cannot be told, how to apply and how to undo."""
    if alone := left_alone(found):
        yield "Simulated at the kernel default, leave alone: " + _list(alone, "vm.")
    if found.others:
        yield "No sysctls, simulated at their default: " + _list(found.others, "")
    yield f"Apply: copy to /etc/sysctl.d/80-highwater-{results.name}.conf or another name there, then `sysctl --system`."
    yield f"Not beside a TuneD profile with the same keys, nor beside {rivals(found)}."
    yield "Undo: remove the file, then"
    for name, value in undone(found):
        yield f"    sysctl -w vm.{name}={value}"


def _list(params: tuple[tuple[str, int], ...], prefix: str) -> str:
    return ", ".join(f"{prefix}{name} = {value}" for name, value in params) + "."
