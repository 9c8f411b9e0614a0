"""Published: settings of vendors and operators beside a recommendation, graded in the same cells and on the same fresh streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sweep.baselines import BYTES, PERCENT, Baseline, place
from sweep.evidence import Evidence, gather, mean_effect
from sweep.intervals import Effect
from sweep.price import Held, held

if TYPE_CHECKING:
    from core import Machine
    from sweep.candidates import Candidates, Params

# The families that people ask about; `--published all` grades the whole catalogue of configs/baselines.
FAMILIES: Final = ("tuned-", "suse-", "redhat-", "aws-", "ceph-", "pop-os", "openshift-", "thp-default")
CAPTURED: Final = "as captured"


@dataclass(frozen=True)
class Graded:
    """One published setting on the machine of a recommendation.

    Attributes:
        name: of the baseline.
        source: where it is written.
        role: for whom.
        params: what was simulated of it.
        left_out: what of it does not apply to this kernel or is not simulated, in words.
        why_not: why it was not run; empty if it was.
        evidence: per cell, against the kernel's defaults.
        held: what its watermarks keep out of use; None: not run.
    """

    name: str
    source: str
    role: str
    params: Params = ()
    left_out: str = ""
    why_not: str = ""
    evidence: tuple[Evidence, ...] = ()
    held: Held | None = None

    @property
    def effect(self) -> Effect | None:
        """Throughput against the defaults, mean over the cells."""
        return mean_effect(self.evidence)

    @property
    def deaths(self) -> str:
        """Runs out of memory, over all cells."""
        return f"{sum(e.oom.count for e in self.evidence)}/{sum(e.n for e in self.evidence)}"

    @property
    def upper(self) -> float:
        """Bound of the OOM rate in the worst cell."""
        return max((e.upper for e in self.evidence), default=1.0)

    @property
    def remark(self) -> str:
        """In which cells it does harm, and what of it was left out."""
        harm = [f"more OOMs in {e.label}" for e in self.evidence if e.kills]
        harm += [f"slower in {e.label}" for e in self.evidence if e.slows and not e.kills]
        return "; ".join([*harm, self.left_out] if self.left_out else harm)


def families(known: Mapping[str, Baseline]) -> dict[str, Baseline]:
    """Those of a catalogue that are graded by default."""
    return {name: baseline for name, baseline in known.items() if name.startswith(FAMILIES)}


def captured(values: Mapping[str, int]) -> dict[str, Baseline]:
    """What a machine had set when it was captured, as a baseline; empty if that is not known."""
    usable = {name: value for name, value in values.items() if value or name not in BYTES}
    zeroed = {ratio for name, ratio in BYTES.items() if usable.get(name)}
    usable = {name: value for name, value in usable.items() if name not in zeroed}
    return {CAPTURED: Baseline(source="the machine itself, when it was captured", role="what is set now", values=dict(usable))} if usable else {}


def grade(candidates: Candidates, baselines: Mapping[str, Baseline], cells: Mapping[int, str], confidence: float) -> tuple[Graded, ...]:
    """Run and grade each; those that do not apply to the machine or repeat another one say so.

    Args:
        candidates: with a retest.
        baselines: by name.
        cells: index and label, all of one machine.
        confidence: of intervals and bounds.
    """
    from core import policies

    machine, policy = candidates.machine(next(iter(cells))), policies.load(candidates.policy)
    return tuple(
        _graded(candidates, baselines[one.name], one.name, one.params, one.why_not, cells, machine, confidence) for one in place(baselines, policy, machine)
    )


def _graded(
    candidates: Candidates, baseline: Baseline, name: str, params: Params, why_not: str, cells: Mapping[int, str], machine: Machine, confidence: float
) -> Graded:
    out = "; ".join(_left_out(baseline, dict(params), candidates, machine))
    graded = Graded(name, baseline.source, baseline.role, params, out, why_not)
    if why_not:
        return graded
    found = []
    for cell, label in cells.items():
        arm, default = candidates.arm(cell, params), candidates.default_arm(cell)
        if arm is None or default is None:
            return Graded(name, baseline.source, baseline.role, params, out, "nobody ran it")
        found.append(gather(label, arm, default, confidence))
    values = dict(candidates.defaults(next(iter(cells)))) | dict(params)
    return Graded(name, baseline.source, baseline.role, params, out, "", tuple(found), held(machine, candidates.mechanics, values))


def _left_out(baseline: Baseline, params: Mapping[str, int], candidates: Candidates, machine: Machine) -> Iterator[str]:
    known = {name for name, _ in candidates.defaults(next(iter(candidates.cells)))}
    for name, value in baseline.values.items():
        if name == PERCENT or name in params:
            continue
        if name in BYTES:
            if (ratio := BYTES[name]) in params:
                yield f"vm.{name} = {value / (1 << 20):.4g} MiB simulated as {ratio} {params[ratio]} (nearest to {100 * value / (machine.ram_mib << 20):.2g} %)"
        elif name not in known:
            yield f"vm.{name}: not simulated for kernels of {candidates.era}"


def table(recommended: Graded | None, default: Graded, graded: Sequence[Graded]) -> Iterator[tuple[str, ...]]:
    """Rows of text: the head, the recommendation, the default, then those that were run, fastest first, and those that were not."""
    yield "setting", "throughput against the default", "OOM", "OOM rate at most", "kept free", "remark"
    for one in (recommended, default) if recommended else (default,):
        yield _row(one)
    run = [one for one in graded if not one.why_not]
    for one in sorted(run, key=lambda one: (-(one.effect.value if one.effect else -1.0), one.name)):
        yield _row(one)
    for one in graded:
        if one.why_not:
            yield one.name, "", "", "", "", f"not run: {one.why_not}"


def _row(one: Graded) -> tuple[str, ...]:
    free = f"{one.held.high / 1024:.1f} MiB" if one.held else ""
    speed = str(one.effect) if one.effect else "too few pairs survive"
    return one.name, speed, one.deaths, f"{100 * one.upper:.2g} %", free, one.remark
