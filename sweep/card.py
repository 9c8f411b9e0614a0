"""Card: a recommendation as Markdown, to be pasted into a pull request, a ticket or a runbook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sweep.maps import provenance
from sweep.notes import quoted
from sweep.published import table

if TYPE_CHECKING:
    from sweep.evidence import Evidence
    from sweep.recommendation import Recommendation
    from sweep.results import Results


def card(results: Results, found: Recommendation) -> str:
    """The text of card.md."""
    return "\n".join(_lines(results, found)) + "\n"


def _lines(results: Results, found: Recommendation) -> Iterator[str]:
    title = "Keep the default" if found.keep_default else ", ".join(f"vm.{change.name} = {change.value}" for change in found.changes)
    yield f"## {quoted(title)}"
    yield ""
    yield from _answer(found)
    if found.evidence:
        yield ""
        yield "| cell | throughput against the default | OOM | OOM with the default | OOM rate at most |"
        yield "|---|---|---|---|---|"
        yield from (_row(evidence) for evidence in found.evidence)
        yield ""
        yield (
            f"Intervals and bounds at {100 * found.evidence[0].confidence:.4g} %, on streams that the search never saw; "
            f"the OOM bound asked for is {100 * found.oom_bound:.3g} %."
        )
    if found.region:
        yield ""
        yield from (f"- {quoted(reach.text)}" for reach in found.region)
    if found.notes:
        yield ""
        yield from (f"- {quoted(note)}" for note in found.notes)
    if found.beside:
        yield ""
        yield from _published(found)
    origin = provenance(results)
    yield ""
    yield f"Sweep {quoted(results.name)}, seed {origin.seed}, config sha256 `{origin.config_sha256}`; {origin.versions}."
    yield ""
    yield f"Reproduce: `{found.command or f'{origin.command} && highwater recommend {results.name} --policy {found.policy}'}`"


def _answer(found: Recommendation) -> Iterator[str]:
    if found.keep_default:
        yield f"For policy `{found.policy}`: {quoted(found.reason)}."
        return
    yield "| key | set | default here |"
    yield "|---|---|---|"
    for change in found.changes:
        yield f"| `vm.{change.name}` | {change.value} | {change.default} |"
    if found.price:
        yield ""
        yield found.price


def _published(found: Recommendation) -> Iterator[str]:
    """What others publish, graded in the same cells on the same streams."""
    assert found.beside is not None
    rows = [tuple(quoted(cell) for cell in row) for row in table(*found.beside, found.published)]
    yield "### Published settings on this machine"
    yield ""
    for number, row in enumerate(rows):
        yield "| " + " | ".join(row) + " |"
        if not number:
            yield "|---" * len(row) + "|"
    yield ""
    yield "All on the same streams; throughput is the mean over the cells, the bound that of the worst cell, kept free is what kswapd fills up to."
    yield ""
    yield from (f"- {quoted(one.name)}: {quoted(one.source)}; for {quoted(one.role)}." for one in found.published)


def _row(e: Evidence) -> str:
    return f"| {quoted(e.label)} | {e.effect or 'too few pairs survive'} | {e.oom} | {e.oom_default} | {100 * e.upper:.0f} % |"
