"""A recommendation from the command line: fresh simulations where they are needed, and progress while they run."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sweep.errors import ConfigError, refusal
from sweep.handout import write_handout
from sweep.recommend import OOM_BOUND, POLICY, Goal, needed, recommend
from sweep.recommendation import Context, Recommendation
from sweep.results import load_results
from sweep.sysctl import comment

if TYPE_CHECKING:
    from sweep.baselines import Baseline
    from sweep.results import Results
    from sweep.retest import Bench

EVERY_S: Final = 5.0


@dataclass(frozen=True)
class Wish:
    """The command line of ``highwater recommend``; see its help.

    Attributes:
        policy: None: the one that kernels have today.
        cells: numbers or labels; None: the grid.
        oom_bound: None: what the sweep's replicates can show.
        goal: one of ``recommend.GOALS``.
        replicates: fresh ones for each candidate and cell; 0: none; None: as many as the bound takes.
        has_region: say how far each setting is from the cliff, which takes more simulations.
        has_published: grade published settings on the same streams, which takes more.
        published: names of those, or all; empty: the families of ``published.FAMILIES``.
        has_tryout: choose from more settings than the tuned bests (`sweep.shortlist`).
        jobs: processes; None: one for each CPU.
        has_rule: say how the setting follows from RAM and device, from a recommendation for each machine.
        out: None, or where to write the files of ``handout.write_handout``.
        context: what is known of the machine beside the sweep.
        extra: baselines to grade beside the published ones.
    """

    policy: str | None = None
    cells: Sequence[int | str] | None = None
    oom_bound: float | None = None
    goal: Goal = "worst"
    replicates: int | None = None
    has_region: bool = True
    has_published: bool = True
    published: tuple[str, ...] = ()
    has_tryout: bool = False
    jobs: int | None = None
    has_rule: bool = False
    out: Path | None = None
    context: Context | None = None
    extra: Mapping[str, Baseline] | None = None

    @property
    def bound(self) -> float:
        """The OOM bound that holds."""
        return OOM_BOUND if self.oom_bound is None else self.oom_bound

    def check(self) -> None:
        """Refuse what no sweep allows.

        Raises:
            ConfigError: a wrong option.
        """
        if not 0 < self.bound < 1:
            raise refusal("--oom-bound", "", self.bound, "above 0, below 1")


def advise(directory: Path, wish: Wish) -> str:
    """The text of a recommendation: a sysctl.d fragment, or lines that keep the default; below it, in comments, what others publish.

    Args:
        directory: of the results.
        wish: what is asked for.

    Raises:
        ConfigError: a wrong option.
        StoreError: no results.
        Interrupted: asked to stop; what was simulated is kept.
    """
    wish.check()
    results = load_results(directory)
    if wish.has_rule:
        from sweep.rule import rules

        with bench(directory, wish.jobs) as shared:
            return "\n".join(rules(results, wish, shared)) + "\n"
    with ExitStack() as stack:
        found = answer(results, wish, stack.enter_context(bench(directory, wish.jobs)))
    for path in write_handout(results, found, wish.out) if wish.out else ():
        print(path, file=sys.stderr)
    return found.text + beside_text(found)


def answer(results: Results, wish: Wish, shared: Bench) -> Recommendation:
    """The recommendation; arguments as for ``advise``."""
    from sweep.retest import Retester
    from sweep.shortlist import TRYOUTS

    chosen = wish.policy or POLICY
    count = needed(results, chosen, wish.cells, wish.bound, wish.has_tryout) if wish.replicates is None else wish.replicates
    retest = Retester(results, count, results.file, bench=shared) if count else None
    tryout = retest.tryout(min(TRYOUTS, count)) if retest and wish.has_tryout else None
    published = _published(results, wish) if retest and wish.has_published else None
    return recommend(results, chosen, wish.cells, wish.bound, wish.goal, retest, wish.has_region, tryout, published, wish.context)


def _published(results: Results, wish: Wish) -> dict[str, Baseline]:
    """What is graded beside the answer."""
    from sweep.baselines import chosen, load_baselines
    from sweep.published import families

    beside = results.file or Path("sweep.yaml")
    found = chosen(wish.published, beside) if wish.published else families(load_baselines(beside))
    return dict(wish.extra or {}) | found


def beside_text(found: Recommendation) -> str:
    """The published settings as comment lines, so that the whole output is a sysctl.d file."""
    from sweep.published import table

    if not found.beside:
        return ""
    rows = list(table(*found.beside, found.published))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    lines = ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip() for row in rows]
    head = "Published settings in the same cells, on the same streams:"
    return "\n" + comment([head, *lines], width=1000) + "\n"


@contextmanager
def bench(directory: Path, jobs: int | None) -> Iterator[Bench]:
    """Where simulations run and are kept.

    Raises:
        ConfigError: a wrong number of processes.
    """
    from sweep.executor import Executor, ProcessExecutor, usable_cpus
    from sweep.fresh import Fresh, Run
    from sweep.provenance import made_by
    from sweep.retest import Bench
    from sweep.stopping import Stop

    if jobs is not None and jobs < 1:
        raise ConfigError(f"--jobs: {jobs}; allowed: >= 1")
    workers = jobs or usable_cpus()
    executor: Executor[Run] | None = ProcessExecutor(workers) if workers > 1 else None
    try:
        with Fresh(directory, made_by()) as kept, Stop("every simulation that was done is kept; to go on, give the same command again") as stop:
            yield Bench(kept, executor, stop, Ticker())
    finally:
        if executor is not None:
            executor.close()


class Ticker:
    """Says every few seconds how many fresh simulations were done."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, done: int) -> None:
        """``done`` so far."""
        if time.monotonic() - self._last >= EVERY_S:
            self._last = time.monotonic()
            print(f"{done} fresh simulations done", file=sys.stderr, flush=True)
