"""Prints the outcome digest of every policy on two of eight random small cases: run compiled and interpreted, the lines must be equal."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[2])]

from core import policies, simulate  # noqa: E402
from tests.core.random_case import on_nodes, random_machine, random_params, random_streams  # noqa: E402


def digests(first: int, last: int) -> list[str]:
    lines = []
    for seed in range(first, last):
        rng = np.random.default_rng(seed)
        machine, params, streams = random_machine(rng), random_params(rng), random_streams(rng, tasks=3, blocks=3, touches=100)
        streams = replace(streams, horizon_ns=streams.horizon_ns // 8)  # interpreted, a second of busy tasks takes minutes
        if seed % 4 == 3:
            machine = on_nodes(machine, rng)
        turn = policies.names()[(seed + seed // 4) % 4 :: 4]
        lines += [f"{seed} {name} {simulate(machine, policies.load(name), params, streams).digest}" for name in turn]
    return lines


if __name__ == "__main__":
    print("\n".join(digests(int(sys.argv[1]), int(sys.argv[2]))))
