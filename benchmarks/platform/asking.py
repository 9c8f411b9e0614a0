"""What one ask costs: CPU time a trial of each sampler, beside Optuna's default TPE, over the length of the history.

    python benchmarks/platform/asking.py

Five tunables of `flusher_only`, batches of 8, made-up outcomes. The samplers of a sweep file are asked for a batch, from building the sampler
to eight vectors that mean something; the default is asked once, its study being there already.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import optuna

from core import Device, Machine, policies
from sweep.config import Search
from sweep.history import MAXIMISED, Past, Score
from sweep.search import ask
from sweep.space import Dimension, Space

LENGTHS = (8, 100, 1000, 5000)
BATCH = 8
ROUNDS = 7
DISK = Device("sda", 50, 50, 100_000)
MACHINE = Machine("box", 128, 2, 256, DISK, DISK)
DIMENSIONS = (
    Dimension("min_free_kbytes", 500, 16_000, True),
    Dimension("dirty_background_ratio", 1, 40, False),
    Dimension("dirty_ratio", 2, 80, False),
    Dimension("reserve_kbytes", 0, 8000, False),
    Dimension("watermark_scale_factor", 10, 1000, True),
)
SPACE = Space(policies.load("flusher_only"), MACHINE, DIMENSIONS)
FOUR = ("oom_rate", "throughput", "stall_p99_ns", "idle_kbytes")


def outcomes(count: int) -> list[Score]:
    """Trials with outcomes that hang on their params."""
    rng = np.random.default_rng(1)
    found = []
    for number in range(count):
        params = SPACE.settled({d.name: int(rng.integers(d.low, d.high + 1)) for d in DIMENSIONS})
        least = params["min_free_kbytes"]
        speed = 1e4 - least + float(rng.normal(0, 100))
        found.append(Score(number, tuple(params.items()), int(rng.integers(0, 5)) / 4, speed, 1e6 * float(rng.random()), float(least)))
    return found


def ours(sampler: str, objectives: tuple[str, ...], count: int) -> Callable[[], object]:
    """Asking for a batch."""
    keys = {"sampler": sampler, "batch": BATCH, "trials": 2000, "objectives": objectives}
    search = Search.model_validate(keys, strict=False)
    past = Past()
    for one in outcomes(count):
        past = past.plus(one, (), search)
    return lambda: ask(search, SPACE, past, 1, past.count // BATCH, BATCH)


def default(objectives: tuple[str, ...], count: int) -> Callable[[], object]:
    """Asking Optuna's default once."""
    study = optuna.create_study(directions=["maximize" if name in MAXIMISED else "minimize" for name in objectives])
    space = {d.name: optuna.distributions.IntDistribution(d.low, d.high, log=d.log) for d in DIMENSIONS}
    for one in outcomes(count):
        values = [one.value(name) for name in objectives]  # type: ignore[arg-type]
        study.add_trial(optuna.trial.create_trial(params=dict(one.params), distributions=dict(space), values=values))
    return lambda: study.ask(fixed_distributions=dict(space))


def milliseconds(action: Callable[[], object], trials: int, rounds: int = ROUNDS) -> float:
    """Median CPU time a trial, warm."""
    action()
    times = []
    for _ in range(rounds):
        began = time.process_time()
        action()
        times.append(time.process_time() - began)
    return 1000 * statistics.median(times) / trials


def main() -> None:
    """Measure and print, as Markdown."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print(f"| sampler | objectives | {' | '.join(f'{n} trials' for n in LENGTHS)} |\n|---|---|{'---|' * len(LENGTHS)}")
    for objectives in (("throughput",), ("oom_rate", "throughput"), FOUR):
        values = [milliseconds(default(objectives, n), 1, 3) for n in LENGTHS]
        print(f"| default TPE of Optuna | {len(objectives)} | {' | '.join(f'{v:.2f}' for v in values)} |", flush=True)
        for sampler in ("tpe", "nsga2", "cmaes", "qmc", "random"):
            if sampler == "cmaes" and (len(objectives) > 1 or find_spec("cmaes") is None):
                continue
            lengths = [n for n in LENGTHS if sampler != "cmaes" or n <= 2000]
            cells = [f"{milliseconds(ours(sampler, objectives, n), BATCH):.2f}" for n in lengths] + [""] * (len(LENGTHS) - len(lengths))
            print(f"| {sampler} | {len(objectives)} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
