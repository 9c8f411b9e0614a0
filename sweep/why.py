"""Why: the same streams under several policies in one cell, simulated again and put side by side, from free memory down to the moment of death."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from sweep.arms import AT_TITLES, Arm, At, arms
from sweep.errors import ConfigError, DeterminismError, refusal
from sweep.mechanism import at_the_end, ending
from sweep.seeds import CONFIRM, replicate_seed
from sweep.verdict import labels

if TYPE_CHECKING:
    from sweep.results import Results
    from sweep.timeline import Timeline

MOMENTS: Final = 240


@dataclass(frozen=True)
class Side:
    """One policy's run."""

    arm: Arm
    line: Timeline

    @property
    def words(self) -> str:
        """Which trial of which policy."""
        return f"{self.arm.policy}, " + ("kernel defaults" if self.arm.trial == 0 else f"trial {self.arm.trial}")


@dataclass(frozen=True)
class Why:
    """Runs of one cell on the same streams, the best policy first.

    Attributes:
        cell: index of the cell.
        label: the cell in words.
        at: "tuned" or "default".
        replicate: which of the confirm replicates.
        sides: the runs.
    """

    cell: int
    label: str
    at: At
    replicate: int
    sides: tuple[Side, ...]

    @property
    def title(self) -> str:
        """What all the runs share."""
        return f"{self.label}, {AT_TITLES[self.at]}, confirm replicate {self.replicate}: {' against '.join(side.arm.policy for side in self.sides)}"


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


def ranked(results: Results, cell: int, at: At) -> tuple[Arm, ...]:
    """The confirmed arms of a cell: those with the fewest OOMs first, then the fastest, then in the order of the sweep file."""
    order = list(results.config["policies"])
    found = [arm for (where, _), arm in arms(results, at).items() if where == cell and arm.n]
    return tuple(sorted(found, key=lambda arm: (arm.n_oom / arm.n, -arm.mean_throughput, order.index(arm.policy))))


def extremes(found: Sequence[Arm], also: Sequence[str] = ()) -> tuple[Arm, ...]:
    """The best and the worst of ``ranked`` arms, and between them the policies named."""
    return tuple(arm for i, arm in enumerate(found) if i in (0, len(found) - 1) or arm.policy in also)


def telling(shown: Sequence[Arm]) -> int:
    """The replicate to show: one that the worst died in and the best did not, if there is one; else the one whose difference is the median."""
    best, worst = shown[0], shown[-1]
    common = [number for number in best.replicates if all(number in arm.replicates for arm in shown)]
    if not common:
        raise ConfigError(f"{best.policy}, {worst.policy}: no replicate in common; allowed: a cell that is complete")

    def of(arm: Arm, number: int) -> tuple[bool, float]:
        place = arm.replicates.index(number)
        return arm.oom[place], arm.throughput[place]

    apart = [number for number in common if of(worst, number)[0] and not of(best, number)[0]]
    ratios = [np.log(max(of(best, n)[1], 1e-9) / max(of(worst, n)[1], 1e-9)) for n in apart or common]
    return (apart or common)[int(np.argsort(ratios, kind="stable")[(len(ratios) - 1) // 2])]


def why(results: Results, cell: int, at: At = "tuned", policies: Sequence[str] = (), also: Sequence[str] = ()) -> Why:
    """Simulate the best and the worst policy of a cell again, or those named.

    Args:
        results: a sweep whose cell is complete.
        cell: index of the cell.
        at: each policy's tuned best, or kernel defaults.
        policies: these instead, in this order; none: the best and the worst.
        also: beside the best and the worst.

    Raises:
        ConfigError: a policy that the sweep does not have, or nothing to compare.
        DeterminismError: a run is not the one in the store.
    """
    known = {arm.policy: arm for arm in ranked(results, cell, at)}
    for policy in policies:
        if policy not in known:
            raise refusal(f"sweep {results.name}", "--policies", policy, ", ".join(known) or "none, this cell is not confirmed yet")
    shown = tuple(known[policy] for policy in policies) or extremes(tuple(known.values()), also)
    if len(shown) < 2:
        raise ConfigError(f"sweep {results.name}: cell {cell} has {len(shown)} confirmed policies; allowed: a cell with at least two")
    number = telling(sorted(shown, key=list(known.values()).index))
    return Why(cell, dict(labels(results))[cell], at, number, tuple(Side(arm, _again(results, arm, number)) for arm in shown))


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
        yield f"{side.words}: {ending(side.line.outcome)}"
        yield f"  all replicates: OOM {arm.n_oom}/{arm.n}, {arm.mean_throughput:,.0f} operations per second"
        yield "  params: " + ", ".join(f"{name} {value}" for name, value in arm.params)
        yield from (f"  {line}" for line in at_the_end(side.line))


def explain(directory: Path, wanted: str, policies: Sequence[str] = (), at: At = "tuned", out: Path | None = None) -> Iterator[str]:
    """What `highwater why` does: simulate, tell, and draw.

    Args:
        directory: of the results.
        wanted: number or label of the cell.
        policies: at least two; none: the best and the worst.
        at: each policy's tuned best, or kernel defaults.
        out: file for the picture; None: why-*.png in ``directory``.

    Raises:
        ConfigError: a cell or a policy that the sweep does not have.
    """
    from sweep.results import load_results
    from sweep.timepicture import draw

    results = load_results(directory)
    found = why(results, cell_of(results, wanted)[0], at, policies)
    yield from told(found)
    path = out or directory / f"why-{found.cell}-{'-'.join(side.arm.policy for side in found.sides)}{'-defaults' if at == 'default' else ''}.png"
    draw([(side.words, side.line) for side in found.sides], f"{results.name}: {found.title}", path)
    yield ""
    yield f"time line: {path}"
