"""Why: the same streams in one cell under several policies, or under the best settings of one policy and its defaults, simulated again and put side by side,
from free memory down to the moment of death.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from sweep.arms import AT, AT_TITLES, Arm, At, arms
from sweep.errors import ConfigError, DeterminismError, refusal
from sweep.mechanism import at_the_end, ending
from sweep.seeds import CONFIRM, replicate_seed
from sweep.verdict import labels

if TYPE_CHECKING:
    from sweep.results import Results
    from sweep.timeline import Timeline

MOMENTS: Final = 240

Between = Literal["tuned", "default", "search"]  # policies at either setting, or what the search of one policy found and the defaults
BETWEEN_TITLES: Final[Mapping[Between, str]] = {
    "tuned": AT_TITLES["tuned"],
    "default": AT_TITLES["default"],
    "search": "the best that the search found against the kernel's defaults",
}


@dataclass(frozen=True)
class Side:
    """One run."""

    arm: Arm
    line: Timeline


@dataclass(frozen=True)
class Why:
    """Runs of one cell on the same streams, the best one first.

    Attributes:
        cell: index of the cell.
        label: the cell in words.
        between: "tuned", "default" or "search".
        replicate: which of the confirm replicates.
        sides: the runs.
    """

    cell: int
    label: str
    between: Between
    replicate: int
    sides: tuple[Side, ...]

    @property
    def policies(self) -> tuple[str, ...]:
        """Their policies, each once."""
        return tuple(dict.fromkeys(side.arm.policy for side in self.sides))

    @property
    def title(self) -> str:
        """What all the runs share."""
        return f"{self.label}, {BETWEEN_TITLES[self.between]}, confirm replicate {self.replicate}: {' against '.join(self.policies)}"


def cell_of(results: Results, wanted: str) -> tuple[int, str]:
    """Index and label of a cell, by either.

    Raises:
        ConfigError: the sweep has no such cell.
    """
    known = labels(results)
    for cell, label in known:
        if wanted in (label, str(cell)):
            return cell, label
    raise refusal(f"sweep {results.name}", "cell", wanted, f"0 to {len(known) - 1}, or a label")


def ranked(results: Results, cell: int, between: Between) -> tuple[Arm, ...]:
    """The confirmed arms of a cell: those with the fewest OOMs first, then the fastest, then in the order of the sweep file."""
    order = list(results.config["policies"])
    both = [arm for at in _settings(between) for (where, _), arm in arms(results, at).items() if where == cell and arm.n]
    found = {(arm.policy, arm.trial): arm for arm in both}.values()  # the defaults may be the tuned best
    return tuple(sorted(found, key=lambda arm: (arm.n_oom / arm.n, -arm.mean_throughput, order.index(arm.policy))))


def _settings(between: Between) -> tuple[At, ...]:
    return AT if between == "search" else (between,)


def extremes(found: Sequence[Arm], also: Sequence[str] = ()) -> tuple[Arm, ...]:
    """The best and the worst of ``ranked`` arms, and between them the policies named."""
    return tuple(arm for i, arm in enumerate(found) if i in (0, len(found) - 1) or arm.policy in also)


def telling(shown: Sequence[Arm]) -> int:
    """The replicate to show: one that the worst died in and the best did not, if there is one; else the one whose difference is the median."""
    best, worst = shown[0], shown[-1]
    common = [number for number in best.replicates if all(number in arm.replicates for arm in shown)]
    if not common:
        raise ConfigError(f"{best.words}; {worst.words}: no replicate in common; allowed: a cell that is complete")

    def of(arm: Arm, number: int) -> tuple[bool, float]:
        place = arm.replicates.index(number)
        return arm.oom[place], arm.throughput[place]

    apart = [number for number in common if of(worst, number)[0] and not of(best, number)[0]]
    ratios = [np.log(max(of(best, n)[1], 1e-9) / max(of(worst, n)[1], 1e-9)) for n in apart or common]
    return (apart or common)[int(np.argsort(ratios, kind="stable")[(len(ratios) - 1) // 2])]


def why(results: Results, cell: int, between: Between = "tuned", policies: Sequence[str] = (), also: Sequence[str] = ()) -> Why:
    """Simulate the best and the worst policy of a cell again, or those named; or the best settings of one policy and its defaults.

    Args:
        results: a sweep whose cell is complete.
        cell: index of the cell.
        between: each policy's tuned best, or each at kernel defaults; or "search", of a sweep with one policy.
        policies: these instead, in this order; none: the best and the worst.
        also: beside the best and the worst.

    Raises:
        ConfigError: a policy that the sweep does not have, or nothing to compare.
        DeterminismError: a run is not the one in the store.
    """
    found = ranked(results, cell, between)
    known = {arm.policy: arm for arm in found}
    for policy in policies:
        if policy not in known:
            raise refusal(f"sweep {results.name}", "--policies", policy, ", ".join(known) or "none, this cell is not confirmed yet")
    shown = tuple(known[policy] for policy in policies) or extremes(found, also)
    if len(shown) < 2:
        raise ConfigError(f"sweep {results.name}: cell {cell}{_nothing(results, found, between)}")
    number = telling(sorted(shown, key=found.index))
    return Why(cell, dict(labels(results))[cell], between, number, tuple(Side(arm, _again(results, arm, number)) for arm in shown))


def _nothing(results: Results, found: Sequence[Arm], between: Between) -> str:
    """Why there is nothing to compare in a cell, and in which there is."""
    if between != "search":
        return f" has {len(found)} confirmed policies; allowed: a cell with at least two"
    others = [str(cell) for cell, _ in labels(results) if len(ranked(results, cell, between)) > 1]
    is_best = any(arm.trial == 0 and arms(results, "tuned")[arm.cell, arm.policy].trial == 0 for arm in found)
    lack = "the kernel's defaults are the best that the search found, nothing to compare" if is_best else "best settings and defaults are not both confirmed"
    return f": {lack}; allowed: {', '.join(others) or 'none of the cells'}"


def _again(results: Results, arm: Arm, number: int) -> Timeline:
    """The run of an arm on one replicate.

    Raises:
        DeterminismError: other streams or another outcome than in the store.
    """
    from core import policies
    from sweep.replay import stored_cell
    from sweep.timeline import timeline
    from sweep.warm import warm
    from sweep.workloads import compile_streams

    cell = stored_cell(results, arm.cell)
    warm(arm.policy)
    streams = compile_streams(cell.workload, cell.machine, replicate_seed(int(results.config["seed"]), cell.key, CONFIRM, number))
    table = results.replicates
    mine = (table["cell"] == arm.cell) & (table["policy"] == arm.policy) & (table["trial"] == arm.trial)
    row = table[mine & (table["phase"] == CONFIRM) & (table["replicate"] == number)].iloc[0]
    times = int(row["elapsed_ns"]), [int(row["time_to_first_oom_ns"]) - 1]
    line = timeline(cell.machine, policies.load(arm.policy), dict(arm.params), streams, MOMENTS, *times)
    for what, ours, theirs in (("streams", streams.digest, row["stream_digest"]), ("outcome", line.outcome.digest, row["digest"])):
        if ours != theirs:
            name = f"{arm.cell}/{arm.policy}/{arm.trial} confirm {number}"
            raise DeterminismError(f"sweep {results.name}: {name}: {what} {ours[:16]}, in the store {theirs[:16]}; was it computed by this version?")
    return line


def told(found: Why) -> Iterator[str]:
    """What happened to each policy, in lines for people."""
    yield f"cell {found.cell}: {found.title}"
    for side in found.sides:
        arm = side.arm
        yield ""
        yield f"{arm.words}: {ending(side.line.outcome)}"
        yield f"  all replicates: OOM {arm.n_oom}/{arm.n}, {arm.mean_throughput:,.0f} operations per second"
        yield "  params: " + ", ".join(f"{name} {value}" for name, value in arm.params)
        yield from (f"  {line}" for line in at_the_end(side.line))


def explain(directory: Path, wanted: str, policies: Sequence[str] = (), at: At = "tuned", out: Path | None = None) -> Iterator[str]:
    """What `highwater why` does: simulate, tell, and draw.

    Args:
        directory: of the results.
        wanted: number or label of the cell.
        policies: at least two; none: the best and the worst.
        at: each policy's tuned best, or kernel defaults; of a sweep with one policy, these two are compared.
        out: file for the picture; None: why-*.png in ``directory``.

    Raises:
        ConfigError: a cell or a policy that the sweep does not have, or an option that needs several policies.
    """
    from sweep.results import load_results
    from sweep.timepicture import draw

    results = load_results(directory)
    cell, _ = cell_of(results, wanted)
    found = why(results, cell, _between(results, policies, at), policies)
    yield from told(found)
    path = out or directory / f"why-{cell}-{'-'.join(found.policies)}{'-defaults' if at == 'default' else ''}.png"
    draw([(side.arm.words, side.line) for side in found.sides], f"{results.name}: {found.title}", path)
    yield ""
    yield f"time line: {path}"


def _between(results: Results, policies: Sequence[str], at: At) -> Between:
    """What a sweep can be asked for: one policy has nothing beside it but its own defaults."""
    if len(results.config["policies"]) > 1:
        return at
    for option, is_given in (("--policies", policies), ("--defaults", at == "default")):
        if is_given:
            only = f"the only policy is {results.config['policies'][0]}"
            raise refusal(f"sweep {results.name}", option, only, "neither --policies nor --defaults, for its best settings against the kernel's defaults")
    return "search"
