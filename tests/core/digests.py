"""Prints the outcome digest of every policy on some small cases of the twin: compiled and interpreted, with and without bounds checks, the lines must be equal.

python tests/core/digests.py              # eight cases that reclaim, each under a quarter of the policies
python tests/core/digests.py 0 200        # all cases from 0 to 199
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2])]

from core import Outcome, policies, simulate  # noqa: E402
from tests.twin.cases import case  # noqa: E402

RECLAIMING = (18, 20, 25, 26, 29, 32, 36, 39)


def outcomes(seeds: Sequence[int]) -> dict[tuple[int, str], Outcome]:
    """Each case under a quarter of the policies, in turn."""
    found = {}
    for place, seed in enumerate(seeds):
        for name in policies.names()[(place + place // 4) % 4 :: 4]:
            policy = policies.load(name)
            machine, params, streams = case(seed, policy)
            found[seed, name] = simulate(machine, policy, params, streams)
    return found


def digests(seeds: Sequence[int] = RECLAIMING) -> list[str]:
    """A line for each run."""
    return [f"{seed} {name} {outcome.digest}" for (seed, name), outcome in outcomes(seeds).items()]


if __name__ == "__main__":
    print("\n".join(digests(range(int(sys.argv[1]), int(sys.argv[2])) if sys.argv[1:] else RECLAIMING)))
