"""Verdict: win, loss, tie or undecided for a challenger against a baseline in every cell, with the evidence in words.

Order of questions: who runs out of memory less often, and if that cannot be told, who is faster among the replicates
that both survive. Only confirm replicates count: they were not seen by the search, so a best trial picked from many
does not flatter itself. The statistics are those of `intervals.py`. A cell's p is twice the smaller of its two p
values (two questions were asked), times the number of looks that the sweep planned (looks.py), and Benjamini-Hochberg over
the cells of the map holds the share of false wins and losses among all wins and losses at `fdr`. Intervals are per cell:
widened for the looks, not for the map.

    win        fewer OOMs; or faster, by an interval clear of 0, and not seen to run out of memory more often
    loss       the same, the other way round
    tie        the interval lies inside +- 2 % (even if clear of 0: a difference nobody would notice), no replicate
               told the OOM rates apart and the pairs are enough; or both ran out of memory in every replicate
    undecided  anything else; more confirm replicates may settle it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from sweep.arms import AT, AT_TITLES, Arm, At, Pair, arms, pairs
from sweep.errors import refusal
from sweep.intervals import Effect, Rate, false_discovery, paired_rate_p, paired_ratio, rate, upper_rate
from sweep.looks import looks

if TYPE_CHECKING:
    from sweep.results import Results

Finding = Literal["win", "loss", "tie", "undecided"]
FINDINGS: Final[tuple[Finding, ...]] = ("win", "loss", "tie", "undecided")

FDR: Final = 0.05
ALPHA: Final = 0.05  # of an interval, before it is widened for the looks
TIE_MARGIN: Final = 0.02  # throughputs closer than 2 % are equal for every decision we can think of
# A tie needs P(one dies, the other lives) below this with 95 % confidence: 7 pairs without such a death.
TIE_OOM_MARGIN: Final = 0.35


@dataclass(frozen=True)
class Verdict:
    """What the confirm replicates say about two policies in one cell.

    Attributes:
        cell: index of the cell.
        label: the cell in words.
        challenger: name of the policy that is judged.
        baseline: name of the policy that it is compared with.
        at: "tuned" (each at its best trial) or "default" (each at kernel defaults).
        finding: "win", "loss", "tie" or "undecided", from the challenger's side.
        reason: the evidence in words.
        n: pairs of replicates.
        apart: pairs in which one policy ran out of memory and the other did not.
        oom: OOM rates of challenger and baseline, with exact intervals.
        effect: throughput of the challenger relative to the baseline where both survive; None if too few do.
        p_oom: p of "equal OOM rates".
        q: the cell's p after false-discovery control over the map.
        looks: how often the sweep may look at this verdict and add replicates while it is undecided.
    """

    cell: int
    label: str
    challenger: str
    baseline: str
    at: At
    finding: Finding
    reason: str
    n: int
    apart: int
    oom: tuple[Rate, Rate]
    effect: Effect | None
    p_oom: float
    q: float
    looks: int = 1

    @property
    def p(self) -> float:
        """The cell's p before false-discovery control: both questions count, and every look."""
        return self.adjusted(min(self.p_oom, self.effect.p if self.effect else 1.0))

    def adjusted(self, p: float) -> float:
        """The p of one question, for two questions and all looks."""
        return min(1.0, 2 * self.looks * p)

    @property
    def by_deaths(self) -> bool:
        """Is this a win or a loss because of OOM rates, not of throughput?"""
        return self.finding in ("win", "loss") and self.reason == f"OOM {self.oom[0]} vs {self.oom[1]}"

    @property
    def decided(self) -> bool:
        """Is this anything but "undecided"?"""
        return self.finding != "undecided"


def verdicts(results: Results, challenger: str, baseline: str, at: At = "tuned", fdr: float = FDR) -> tuple[Verdict, ...]:
    """One verdict per cell, in the order of the cells; cells not yet confirmed are undecided.

    Args:
        results: a finished or partial sweep.
        challenger: name of the policy that is judged.
        baseline: name of the policy that it is compared with.
        at: "tuned" or "default".
        fdr: share of false wins and losses tolerated among all wins and losses.

    Raises:
        ConfigError: a policy that the sweep does not have, or an `at` that is neither.
    """
    known = list(results.config["policies"])
    for policy in (challenger, baseline):
        if policy not in known:
            raise refusal(f"sweep {results.name}", "policies", policy, ", ".join(known))
    if at not in AT:
        raise refusal(f"sweep {results.name}", "at", at, ", ".join(AT))
    found = arms(results, at)
    n_looks = planned_looks(results, at)
    raw = [
        compare(found.get((cell, challenger)), found.get((cell, baseline)), (cell, label, challenger, baseline, at), n_looks) for cell, label in labels(results)
    ]
    return judge(raw, fdr)


def planned_looks(results: Results, at: At) -> int:
    """How often the sweep may look at a verdict; at kernel defaults there are no replicates to add."""
    if at == "default":
        return 1
    search = results.config["search"]
    return len(looks(int(search["confirm"]), search.get("confirm_max")))


def labels(results: Results) -> list[tuple[int, str]]:
    """Index and label of every cell."""
    frame = results.cells.reset_index()
    return [(int(cell), str(label)) for cell, label in zip(frame["cell"], frame["label"], strict=True)]


def compare(first: Arm | None, second: Arm | None, head: tuple[int, str, str, str, At], n_looks: int = 1) -> Verdict:
    """Evidence about two arms, not yet judged (`judge` needs all cells): the finding is "undecided".

    Args:
        first, second: challenger and baseline.
        head: cell, label, challenger, baseline, at.
        n_looks: how often the verdict may be looked at.
    """
    found = pairs(first, second)
    n = len(found)
    confidence = 1 - ALPHA / n_looks
    only = [sum(p.oom == (True, False) for p in found), sum(p.oom == (False, True) for p in found)]
    both = sum(p.oom == (True, True) for p in found)
    return Verdict(
        *head,
        finding="undecided",
        reason="",
        n=n,
        apart=sum(only),
        oom=(rate(only[0] + both, n, confidence), rate(only[1] + both, n, confidence)),
        effect=_effect(found, confidence),
        p_oom=paired_rate_p(only[0], only[1], n) if n else 1.0,
        q=1.0,
        looks=n_looks,
    )


def _effect(found: Sequence[Pair], confidence: float) -> Effect | None:
    alive = [p.throughput for p in found if not any(p.oom)]
    return paired_ratio([first for first, _ in alive], [second for _, second in alive], confidence)


def judge(raw: Sequence[Verdict], fdr: float = FDR) -> tuple[Verdict, ...]:
    """Findings after false-discovery control over all the comparisons given, which are one family."""
    adjusted = false_discovery([verdict.p for verdict in raw])
    limit = max((v.p for v, q in zip(raw, adjusted, strict=True) if q <= fdr), default=0.0)
    judged = []
    for verdict, q in zip(raw, adjusted, strict=True):
        finding, reason = _finding(verdict, limit, len(raw))
        judged.append(replace(verdict, finding=finding, reason=reason, q=q))
    return tuple(judged)


def judged_alone(verdict: Verdict, level: float) -> Verdict:
    """The finding at a given level, whatever other comparisons there are."""
    finding, reason = _finding(verdict, level, 1)
    return replace(verdict, finding=finding, reason=reason)


def _finding(verdict: Verdict, limit: float, n_cells: int) -> tuple[Finding, str]:
    """Finding and reason, given the largest p that false-discovery control lets pass."""
    first, second = verdict.oom
    effect = verdict.effect
    deaths = f"OOM {first} vs {second}"
    if verdict.n == 0:
        return "undecided", "no confirm replicates yet"
    if first.count == second.count == verdict.n:
        return "tie", f"both fail: {deaths}"
    if verdict.adjusted(verdict.p_oom) <= limit:
        return ("win" if first.count < second.count else "loss"), deaths
    if effect is None:
        why = "not told apart" if first.count != second.count else "too few survive to compare speed"
        return "undecided", f"{deaths}: {why}"
    if effect.within(TIE_MARGIN):
        return _tie(verdict, effect, deaths)
    if verdict.adjusted(effect.p) <= limit:
        faster_dies_more = (first.count > second.count) if effect.value > 0 else (second.count > first.count)
        if faster_dies_more:
            return "undecided", f"throughput {effect}, but {deaths}"
        tail = f", {deaths}" if first.count or second.count else ""
        return ("win" if effect.value > 0 else "loss"), f"throughput {effect}" + tail
    if first.count != second.count:
        return "undecided", f"{deaths} not told apart; throughput {effect}"
    why = f"not clear among {n_cells} comparisons" if effect.low > 0 or effect.high < 0 else "may be zero"
    return "undecided", f"throughput {effect}: {why}"


def _tie(verdict: Verdict, effect: Effect, deaths: str) -> tuple[Finding, str]:
    """A tie if the OOM answers agree in every pair and the pairs are enough; undecided otherwise."""
    text = f"throughput within ±{100 * TIE_MARGIN:.0f} %: {effect}"
    if verdict.apart:
        return "undecided", f"{text}; {deaths} not told apart"
    bound = upper_rate(0, verdict.n, 1 - ALPHA / verdict.looks)
    if bound > TIE_OOM_MARGIN:
        return "undecided", f"{text}; {verdict.n} pairs cannot show equal OOM rates"
    return "tie", f"{text}; {deaths}"


def decided(found: Sequence[Verdict]) -> tuple[int, int]:
    """How many are decided, out of how many: for "63 % of cells decided"."""
    return sum(v.decided for v in found), len(found)


def summary(found: Sequence[Verdict]) -> str:
    """One sentence that can be quoted."""
    if not found:
        return "No cells."
    head = found[0]
    counts = {finding: sum(v.finding == finding for v in found) for finding in FINDINGS}
    return (
        f"With {AT_TITLES[head.at]}, {head.challenger} wins {counts['win']} and loses {counts['loss']} of {len(found)} "
        f"cells against {head.baseline}; {counts['tie']} tie, {counts['undecided']} undecided."
    )
