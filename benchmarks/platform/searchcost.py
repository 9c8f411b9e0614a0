"""What the search of a sweep costs beside its simulations: CPU time of both, over a whole sweep, in this process.

    python benchmarks/platform/searchcost.py [SWEEP ...] [--set KEY=VALUE]     # default: every shipped sweep

A sweep is run batch by batch as its runner would, without a store: "search" is asking the sampler (with the import of Optuna, once) and taking
in the results, "simulations" is running the trials, with the streams they need. Exit status 1 if the search of a sweep takes more than 5 %.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sweep.book import Book
from sweep.estimate import SEARCH_SHARE
from sweep.library import shipped_files
from sweep.plan import Plan, load_plans
from sweep.study import chosen, finished, run_chosen
from sweep.warm import warm


@dataclass
class Cost:
    """CPU seconds of a sweep."""

    name: str
    trials: int = 0
    simulations: int = 0
    search_s: float = 0.0
    simulate_s: float = 0.0

    @property
    def share(self) -> float:
        """Search beside simulations."""
        return self.search_s / self.simulate_s


def costs(file: Path, sets: Sequence[str]) -> list[Cost]:
    """Each sweep of a file."""
    return [cost(plan) for plan in load_plans(file, sets)]


def cost(plan: Plan) -> Cost:
    """Run a sweep and measure."""
    for policy in plan.sweep.policies:
        warm(policy)
    book, found = Book(plan), Cost(plan.sweep.name)
    ready = deque(book.ready())
    while ready:
        task = book.task(ready.popleft())
        if task is None:
            continue
        times = [time.process_time()]
        trials = chosen(task)
        times.append(time.process_time())
        rows = run_chosen(task, trials)
        times.append(time.process_time())
        ready.extendleft(book.add(finished(task, rows)))
        times.append(time.process_time())
        found.search_s += times[1] - times[0] + times[3] - times[2]
        found.simulate_s += times[2] - times[1]
        found.trials += len(rows) if task.phase == "search" else 0
        found.simulations += sum(len(row.replicates) for row in rows)
    return found


def main() -> None:
    """Measure and print, as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweeps", type=Path, nargs="*")
    parser.add_argument("--set", action="append", default=[], dest="sets", metavar="KEY=VALUE", help="as for `highwater run`")
    options = parser.parse_args()
    found = [one for file in options.sweeps or shipped_files("sweep") for one in costs(file, options.sets)]
    print("| sweep | trials | simulations | search, CPU s | simulations, CPU s | search beside simulations |")
    print("|---|---|---|---|---|---|")
    for one in found:
        print(f"| {one.name} | {one.trials} | {one.simulations} | {one.search_s:.2f} | {one.simulate_s:.1f} | {100 * one.share:.1f} % |")
    sys.exit(any(one.share > SEARCH_SHARE for one in found))


if __name__ == "__main__":
    main()
