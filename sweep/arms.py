"""Arms: what one policy did in one cell, at its tuned best or at kernel defaults, on the confirm replicates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from sweep.errors import StoreError

if TYPE_CHECKING:
    import pandas as pd

    from sweep.results import Results

At = Literal["tuned", "default"]
AT: Final[tuple[At, ...]] = ("tuned", "default")
AT_TITLES: Final[Mapping[At, str]] = {"tuned": "each at its tuned best", "default": "each at kernel defaults"}
PARAM: Final = "param:"


@dataclass(frozen=True)
class Arm:
    """One trial of a study, seen through its confirm replicates.

    Attributes:
        cell: index of the cell.
        policy: name of the policy.
        trial: number of the trial within the study.
        params: the values of its tunables.
        replicates: replicate numbers, ascending; the tuples below follow them.
        streams: digests of the streams that were run.
        oom: out of memory or deadlocked, per replicate.
        throughput: operations per second, per replicate.
    """

    cell: int
    policy: str
    trial: int
    params: tuple[tuple[str, int], ...]
    replicates: tuple[int, ...]
    streams: tuple[str, ...]
    oom: tuple[bool, ...]
    throughput: tuple[float, ...]

    @property
    def n(self) -> int:
        """Number of confirm replicates."""
        return len(self.replicates)

    @property
    def n_oom(self) -> int:
        """Number of confirm replicates that ran out of memory or deadlocked."""
        return sum(self.oom)

    @property
    def words(self) -> str:
        """Which trial of which policy."""
        return f"{self.policy}, " + ("kernel defaults" if self.trial == 0 else f"trial {self.trial}")

    @property
    def mean_throughput(self) -> float:
        """Mean operations per second over all replicates; 0 without replicates."""
        return sum(self.throughput) / self.n if self.n else 0.0


@dataclass(frozen=True)
class Pair:
    """The same replicate under two policies."""

    replicate: int
    oom: tuple[bool, bool]
    throughput: tuple[float, float]


def pairs(first: Arm | None, second: Arm | None) -> tuple[Pair, ...]:
    """Pairs of replicates that both arms ran; empty if an arm is missing.

    Raises:
        StoreError: the arms ran different streams under the same replicate number, so they cannot be compared.
    """
    if first is None or second is None:
        return ()
    other = {replicate: place for place, replicate in enumerate(second.replicates)}
    found = []
    for i, replicate in enumerate(first.replicates):
        j = other.get(replicate)
        if j is None:
            continue
        if first.streams[i] != second.streams[j]:
            raise StoreError(
                f"cell {first.cell}, replicate {replicate}: {first.policy} and {second.policy} ran different streams "
                f"({first.streams[i][:12]}, {second.streams[j][:12]}); only equal streams are compared"
            )
        oom = (first.oom[i], second.oom[j])
        found.append(Pair(replicate, oom, (first.throughput[i], second.throughput[j])))
    return tuple(found)


def arms(results: Results, at: At) -> dict[tuple[int, str], Arm]:
    """The arm of every (cell, policy): the best trial of its study for "tuned", trial 0 for "default".

    Studies that have no such trial yet are missing. An arm may have no replicates yet.
    """
    trials = results.trials[results.trials["is_best" if at == "tuned" else "is_default"].astype(bool)]
    confirm = results.replicates[results.replicates["phase"] == "confirm"]
    groups = dict(iter(confirm.groupby(["cell", "policy", "trial"], sort=False)))
    found = {}
    for row in trials.to_dict("records"):
        key = (int(row["cell"]), str(row["policy"]), int(row["trial"]))
        found[key[:2]] = _arm(key, trial_params(row), groups.get(key))
    return found


def trial_params(row: Mapping[object, object]) -> tuple[tuple[str, int], ...]:
    """The tunables of a row of the trials."""
    values = ((str(name), value) for name, value in row.items() if str(name).startswith(PARAM))
    return tuple((name.removeprefix(PARAM), int(str(value))) for name, value in values if _is_number(value))


def _is_number(value: object) -> bool:
    return str(value).lstrip("-").isdigit()


def _arm(key: tuple[int, str, int], params: tuple[tuple[str, int], ...], group: pd.DataFrame | None) -> Arm:
    if group is None:
        return Arm(*key, params, (), (), (), ())
    group = group.sort_values("replicate")
    oom = group["oom"].astype(bool) | group["deadlock"].astype(bool)
    return Arm(
        *key,
        params,
        replicates=tuple(int(r) for r in group["replicate"]),
        streams=tuple(str(d) for d in group["stream_digest"]),
        oom=tuple(bool(o) for o in oom),
        throughput=tuple(float(t) for t in group["throughput"]),
    )
