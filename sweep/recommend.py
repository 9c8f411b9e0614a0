"""Recommend: a sysctl.d fragment with its evidence, or "keep the default" with the reason. It never writes to /proc.

A setting is recommended for one cell, or for several together, when all of this holds with the confidence stated:

    safe      the upper bound of its OOM rate is at most the bound asked for, in every cell
    harmless  in no cell was it seen to run out of memory more often than with kernel defaults, and in none is it slower
              (where it saves the machine, it may be)
    better    its throughput is higher than with kernel defaults by an interval clear of 0 (the mean over the cells, if
              there are several), or it runs out of memory less often, beyond chance

Among the settings that qualify the goal decides: the best worst cell, or the best mean. With k settings looked at,
every statement is made at 1 - 0.05/k, so that looking at more of them does not make a lucky one likelier.

Tunables that are no sysctls (reserve_kbytes, a policy's own) cannot be set on a kernel. If a tuned best changes one, a
file with only its sysctls is another setting: it counts only after it was run on its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from sweep.candidates import Candidates, Params, Retest
from sweep.errors import refusal
from sweep.evidence import gather, mean_effect
from sweep.fragment import fragment
from sweep.intervals import clean_replicates
from sweep.objection import veto, weigh
from sweep.price import held, price_text
from sweep.published import Graded, grade
from sweep.recommendation import Change, Context, Recommendation
from sweep.region import Reach, Step, reach
from sweep.shortlist import pool, shortlist
from sweep.sysctl import Kernel, is_sysctl, limits
from sweep.verdict import labels

if TYPE_CHECKING:
    from sweep.baselines import Baseline
    from sweep.results import Results

OOM_BOUND: Final = 0.35  # what eight replicates without an OOM can show (31 %); ask for less with more replicates
CONFIDENCE: Final = 0.95
POLICY: Final = "flusher_only"  # what kernels do today
MAX_RETESTED: Final = 4  # settings that are run again: each costs replicates in every cell

Goal = Literal["worst", "mean"]
GOALS: Final[tuple[Goal, ...]] = ("worst", "mean")


def recommend(
    results: Results,
    policy: str = POLICY,
    cell: int | str | Sequence[int | str] | None = None,
    oom_bound: float = OOM_BOUND,
    goal: Goal = "worst",
    retest: Retest | None = None,
    has_region: bool = False,
    tryout: Retest | None = None,
    published: Mapping[str, Baseline] | None = None,
    context: Context | None = None,
) -> Recommendation:
    """The best safe setting for a policy in one cell, in some cells together, or in all cells.

    Args:
        results: a finished or partial sweep.
        policy: the policy that the user's kernel runs.
        cell: index or label, or several of them; None for all cells.
        oom_bound: largest OOM rate tolerated, in (0, 1); its upper confidence bound must stay below.
        goal: among settings that qualify: "worst" takes the best worst cell, "mean" the best mean.
        retest: runs fresh replicates of any setting (`sweep.retest.Retester`); without it only what the sweep has
            confirmed is considered, and a setting that was tuned in one cell says nothing about others.
        has_region: run what is beside the recommended setting too, to say how far it is from the cliff; takes ``retest``.
        tryout: runs a few other streams, to choose what is retested among more settings than the tuned bests (`sweep.shortlist`).
        published: settings to grade beside the answer; takes ``retest``.
        context: what is known of the machine beside the sweep.

    Raises:
        ConfigError: unknown policy, cell or goal, or a bound that is no rate.
    """
    source = f"sweep {results.name}"
    known = [str(name) for name in results.config["policies"]]
    if policy not in known:
        raise refusal(source, "policy", policy, ", ".join(known))
    if not 0 < oom_bound < 1:
        raise refusal(source, "oom_bound", oom_bound, "above 0, below 1")
    if goal not in GOALS:
        raise refusal(source, "goal", goal, ", ".join(GOALS))
    chosen = _chosen(results, cell, source)
    candidates = Candidates(results, policy, retest)
    context = context or Context()
    settings = _settings(candidates, chosen, goal, tryout)
    found = replace(_decide(candidates, chosen, oom_bound, goal, settings, context.kernel), policy=policy, **vars(context))
    if found.changes:
        found = replace(found, price=_price(candidates, found))
        if has_region and retest:
            found = replace(found, region=_region(candidates, chosen, found))
    if published and retest and len({candidates.ram_mib(cell) for cell in chosen}) == 1:
        found = _beside(candidates, chosen, found, published)
    return replace(found, text=fragment(results, found))


def _settings(candidates: Candidates, chosen: Mapping[int, str], goal: Goal, tryout: Retest | None) -> list[Params]:
    """What is looked at, at most MAX_RETESTED where it is run again."""
    if tryout is None or len({candidates.ram_mib(cell) for cell in chosen}) > 1:
        return candidates.settings(chosen, MAX_RETESTED)
    default = candidates.defaults(next(iter(chosen)))
    return shortlist(candidates, chosen, pool(candidates, chosen, default), tryout, MAX_RETESTED, goal == "worst") if default else []


def _beside(candidates: Candidates, chosen: Mapping[int, str], found: Recommendation, published: Mapping[str, Baseline]) -> Recommendation:
    """The answer with published settings graded beside it, all at the confidence that the answer has."""
    confidence = found.evidence[0].confidence if found.evidence else CONFIDENCE
    values = dict(candidates.defaults(next(iter(chosen))))
    if not values:
        return found
    machine = candidates.machine(next(iter(chosen)))

    def graded(name: str, changes: Params) -> Graded:
        arms = [(label, candidates.arm(cell, changes), candidates.default_arm(cell)) for cell, label in chosen.items()]
        evidence = tuple(gather(label, arm, default, confidence) for label, arm, default in arms if arm and default)
        return Graded(name, "", "", changes, evidence=evidence, held=held(machine, candidates.mechanics, values | dict(changes)))

    own = graded("recommended", tuple((c.name, c.value) for c in found.changes)) if found.changes else None
    beside = own, graded("kernel default", ())
    return replace(found, published=grade(candidates, published, chosen, confidence), beside=beside)


def _chosen(results: Results, cell: int | str | Sequence[int | str] | None, source: str) -> dict[int, str]:
    """Index and label of the cells asked for; by default the grid, for named points may be other machines."""
    known = dict(labels(results))
    if cell is None:
        grid = set(results.cells.index[results.cells["kind"] == "grid"])
        return {index: label for index, label in known.items() if index in grid} or known
    index = {str(i): i for i in known} | {label: i for i, label in known.items()}
    wanted = [str(one) for one in ([cell] if isinstance(cell, int | str) else cell)]
    for one in wanted:
        if one not in index:
            raise refusal(source, "cell", one, f"0 to {max(known)}, or a label: {'; '.join(known.values())}")
    return {index[one]: known[index[one]] for one in wanted}


def _decide(
    candidates: Candidates, chosen: Mapping[int, str], oom_bound: float, goal: Goal, settings: Sequence[Params], kernel: Kernel | None
) -> Recommendation:
    """The decision without its text."""
    nothing = Recommendation("", tuple(chosen.items()), oom_bound)
    sizes = sorted({candidates.ram_mib(cell) for cell in chosen})
    if len(sizes) > 1:
        ram = ", ".join(str(size) for size in sizes)
        return replace(nothing, reason=f"the cells have machines of {ram} MiB; name cells of one machine")
    confidence = confidence_of(len(settings))
    looked = [weigh(candidates, changes, chosen, confidence, oom_bound, kernel) for changes in settings]
    before = dict(candidates.defaults(next(iter(chosen))))
    nothing = replace(nothing, others=_others(before, candidates.era), n_candidates=len(looked))
    if not looked:
        return replace(nothing, reason=_why_nothing(candidates, chosen) if before else "the sweep has no result for it yet")
    ranked = sorted(looked, key=lambda weighed: (-weighed.gain(goal), weighed.changes))
    best = next((weighed for weighed in ranked if not weighed.objection), ranked[0])
    found = replace(nothing, evidence=best.evidence, overall=mean_effect(best.evidence), reason=best.objection)
    if best.objection:
        return found
    values = before | dict(best.changes)
    return replace(
        found,
        changes=tuple(Change(name, value, before[name]) for name, value in best.changes),
        unchanged=tuple((n, v) for n, v in values.items() if is_sysctl(n, candidates.era) and v == before[n]),
    )


def _price(candidates: Candidates, found: Recommendation) -> str:
    """What the changes cost in memory."""
    cell = found.cells[0][0]
    machine, before = candidates.machine(cell), dict(candidates.defaults(cell))
    if "min_free_kbytes" not in before:
        return ""
    after = before | {change.name: change.value for change in found.changes}
    return price_text(held(machine, candidates.mechanics, before), held(machine, candidates.mechanics, after), machine.ram_mib)


def _region(candidates: Candidates, chosen: Mapping[int, str], found: Recommendation) -> tuple[Reach, ...]:
    """How far each change may move while the others stay."""
    ram_kib = 1024 * candidates.ram_mib(next(iter(chosen)))
    confidence = found.evidence[0].confidence

    def run(name: str, value: int) -> Step:
        changes = tuple((change.name, value if change.name == name else change.value) for change in found.changes)
        deaths = runs = 0
        for cell, label in chosen.items():
            try:
                arm = candidates.arm(cell, changes)
            except ValueError as error:  # not a setting: the kernel would not take the combination, or the simulator knows no such value
                return Step(value, deaths, runs, f"it was not tried ({error})")
            default = candidates.default_arm(cell)
            assert arm is not None
            assert default is not None
            deaths, runs = deaths + arm.n_oom, runs + arm.n
            if against := veto(gather(label, arm, default, confidence), len(chosen), found.oom_bound):
                return Step(value, deaths, runs, against)
        return Step(value, deaths, runs, "")

    return tuple(reach(change.name, change.value, limits(change.name, candidates.era, ram_kib, found.kernel), run) for change in found.changes)


def _why_nothing(candidates: Candidates, chosen: Mapping[int, str]) -> str:
    """Why there is no setting to look at."""
    foreign = sorted({name for cell in chosen for name, _ in candidates.foreign(cell)})
    if foreign:
        return f"the tuned bests differ from the defaults only in {', '.join(foreign)}, which no sysctl sets"
    return "the search found nothing better than the defaults"


def _others(values: Mapping[str, int], era: str) -> Params:
    return tuple((name, value) for name, value in values.items() if not is_sysctl(name, era))


def confidence_of(n_settings: int) -> float:
    """Confidence of every statement when so many settings are looked at."""
    return 1 - (1 - CONFIDENCE) / max(1, n_settings)


def needed(results: Results, policy: str, cell: int | str | Sequence[int | str] | None, oom_bound: float, has_tryout: bool = False) -> int:
    """Fresh replicates a setting and cell that a retest takes for the bound, if none of them runs out of memory.

    Raises:
        ConfigError: unknown policy or cell.
    """
    chosen = _chosen(results, cell, f"sweep {results.name}")
    looked = MAX_RETESTED if has_tryout else min(MAX_RETESTED, len(Candidates(results, policy).settings(chosen, MAX_RETESTED)))
    return clean_replicates(oom_bound, confidence_of(looked))
