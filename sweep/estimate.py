"""What a sweep will cost, before it is run: simulations, CPU time, wall time, disk, runs in MLflow.

Counts follow from the plan. Times are measured: some simulations of the sweep itself are run, of studies spread over it, each with the kernel's
defaults and with settings drawn from its space, and the sampler is asked with a history half as long as it will be. A study that was not
sampled is taken for the mean of those that were; the interval says how far that mean can be trusted, and nothing more.
"""

from __future__ import annotations

import math
import sqlite3
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core import Outcome, policies
from sweep.history import Past, Score
from sweep.projection import ALL_BELOW
from sweep.search import ask
from sweep.seeds import SEARCH
from sweep.space import Space
from sweep.study import Study, Task, finished, run_chosen
from sweep.trial import TrialRow
from sweep.warm import is_compiled, warm
from sweep.workloads import compile_streams

if TYPE_CHECKING:
    from sweep.plan import Plan

SECONDS: Final = 10.0  # spent on simulations, unless told otherwise
DRAWN: Final = 3  # settings of a study that are run beside its defaults
COMPILE_S: Final = 40.0  # of one core for a new version of core's sources (docs/performance.md)
DRIVER_S: Final = 0.0005  # a trial, of the driver (the limit that it keeps to)
SEARCH_SHARE: Final = 0.05  # of the simulations' CPU time is what a search should stay below
ROWS_OF_RUN: Final = 66  # metrics (twice), params and tags of one MLflow run: 6 664 rows of 101 runs, counted
MLFLOW_BYTES: Final = 16_384  # of one run in MLflow's database, indexes included
MLFLOW_EMPTY: Final = 600_000  # bytes of a database without runs; with the line above 2.28 MB of 101 runs, measured
STORE_OVERHEAD: Final = 1.25  # pages of a database against the rows in them


@dataclass(frozen=True)
class Sampled:
    """What was measured of one study.

    Attributes:
        study: which.
        simulation_s: CPU seconds of a simulation, mean.
        streams_s: of compiling the streams of a replicate.
        ops: operations of a simulation, mean.
        bytes: of a simulation in the store.
    """

    study: Study
    simulation_s: float
    streams_s: float
    ops: float
    bytes: float


@dataclass(frozen=True)
class Estimate:
    """What a sweep will cost at most: with racing and early verdicts it is less.

    Attributes:
        plan: of what.
        sampled: what was measured.
        search_n, confirm_n, looks_n: simulations of the searches, of the first confirm batches, of later looks.
        simulate_s: CPU seconds of all simulations, with ``spread_s`` as the half width of its 95 % interval.
        streams_s, search_s: CPU seconds of compiling streams and of asking samplers.
        longest_s: CPU seconds of the longest study, whose batches follow one another.
        runs: in MLflow.
        store_bytes: of the store.
    """

    plan: Plan
    sampled: tuple[Sampled, ...]
    search_n: int
    confirm_n: int
    looks_n: int
    simulate_s: float
    spread_s: float
    streams_s: float
    search_s: float
    longest_s: float
    runs: int
    store_bytes: float

    @property
    def trials(self) -> int:
        """Params vectors of all studies."""
        return sum(study.n_trials for study in self.plan.studies)

    @property
    def simulations(self) -> int:
        """All of them."""
        return self.search_n + self.confirm_n + self.looks_n

    @property
    def cpu_s(self) -> float:
        """CPU seconds of everything."""
        return self.simulate_s + self.streams_s + self.search_s

    def wall_s(self, cores: int) -> float:
        """Seconds on so many cores: the work shared out, but no study faster than its batches allow, and no driver faster than it is."""
        batch = max(study.search.batch for study in self.plan.studies)
        return max(self.cpu_s / cores, self.longest_s / min(cores, batch), self.trials * DRIVER_S)


def estimate(plan: Plan, seconds: float = SECONDS) -> Estimate:
    """Measure for about ``seconds`` and count.

    Raises:
        ValueError: streams that cannot be compiled.
    """
    sampled = tuple(_sampled(plan, seconds))
    by_key = {one.study.key: one for one in sampled}
    mean = statistics.fmean(one.simulation_s for one in sampled)
    costs = {study.key: by_key[study.key].simulation_s if study.key in by_key else mean for study in plan.studies}
    counts = {study.key: plan.simulations(study) for study in plan.studies}
    asked = _asking_s(plan.studies[len(plan.studies) // 2])
    streams = statistics.fmean(one.streams_s for one in sampled)
    replicates = plan.sweep.search.replicates + plan.studies[0].looks[-1]
    store = statistics.fmean(one.bytes for one in sampled)
    n = {phase: sum(counts[study.key][i] for study in plan.studies) for i, phase in enumerate(("search", "confirm", "looks"))}
    return Estimate(
        plan=plan,
        sampled=sampled,
        search_n=n["search"],
        confirm_n=n["confirm"],
        looks_n=n["looks"],
        simulate_s=sum(costs[key] * sum(counts[key]) for key in costs),
        spread_s=_spread(sampled, plan, counts),
        streams_s=streams * replicates * len(plan.cells),
        search_s=sum(asked * study.n_search_batches for study in plan.studies if study.space),
        longest_s=max(costs[study.key] * sum(counts[study.key]) + asked * study.n_search_batches for study in plan.studies),
        runs=1 + len(plan.studies) + _trial_runs(plan),
        store_bytes=store * sum(n.values()) * STORE_OVERHEAD,
    )


def _trial_runs(plan: Plan) -> int:
    """Trials with a run of their own in MLflow; of a Pareto front, whose size nobody knows yet, the best of the study stand for it."""
    shown, trials = plan.sweep.mlflow.trial_runs, [study.n_trials for study in plan.studies]
    if shown == "none":
        return 0
    if shown == "all" or (shown == "auto" and sum(trials) < ALL_BELOW):
        return sum(trials)
    return sum(min(count, 2 + plan.sweep.mlflow.top_k) for count in trials)


def _sampled(plan: Plan, seconds: float) -> Iterator[Sampled]:
    """Studies spread over the sweep, until the time is over; one at least."""
    began = time.monotonic()
    ready = dict.fromkeys(study.policy for study in plan.studies)
    for policy in ready:
        warm(policy)
    began = time.monotonic()
    for place in spread(len(plan.studies)):
        yield _measured(plan.studies[place])
        if time.monotonic() - began >= seconds:
            return


def spread(n: int) -> Iterator[int]:
    """The numbers below n, each once, every beginning of them spread evenly (van der Corput)."""
    bits = max(n - 1, 1).bit_length()
    for number in range(1 << bits):
        place = int(f"{number:0{bits}b}"[::-1], 2)
        if place < n:
            yield place


def _measured(study: Study) -> Sampled:
    """Simulate the defaults and a few settings of one study, on its first search replicate."""
    began = time.process_time()
    compile_streams(study.cell.workload, study.cell.machine, study.replicates(SEARCH)[0].seed)
    streams_s = time.process_time() - began
    settings: list[dict[str, int]] = [{}]
    if study.space:
        space = Space(policies.load(study.policy), study.cell.machine, study.space, dict(study.cell.params))
        settings += ask(study.search.model_copy(update={"sampler": "random"}), space, Past(), study.seed, 0, DRAWN)
    alone = Study(study.cell, study.policy, study.space, study.search.model_copy(update={"replicates": 1, "racing": None}), study.seed)
    task = Task(alone, 0, SEARCH, Past())
    run_chosen(task, ((0, ()),))  # the streams are held now, and the code is loaded
    began = time.process_time()
    rows = run_chosen(task, tuple((number, tuple(params.items())) for number, params in enumerate(settings)))
    simulation_s = (time.process_time() - began) / len(rows)
    ops = Outcome.fields().index("ops_done")
    done = statistics.fmean(row.replicates[0].counters[ops] for row in rows)
    return Sampled(study, simulation_s, streams_s, done, _stored_bytes(task, rows, study.search.replicates))


def _stored_bytes(task: Task, rows: tuple[TrialRow, ...], replicates: int) -> float:
    """What a simulation takes in the store, its share of the trial's own row included."""
    from sweep.schema import row_digest
    from sweep.store import _rows

    tables = _rows(finished(task, rows))
    with sqlite3.connect(":memory:") as db:
        sizes = {}
        for table, values in tables.items():
            whole = [(*row, row_digest(row), 1) for row in values]
            sizes[table] = [sum(int(db.execute("SELECT length(CAST(? AS BLOB))", (one,)).fetchone()[0]) + 2 for one in row) for row in whole]
    of_trial, of_replicate = (statistics.fmean(sizes[table]) for table in ("trials", "replicates"))
    return of_replicate + of_trial / replicates


def _asking_s(study: Study) -> float:
    """CPU seconds of asking for one batch, with half of the history that the study will have; outcomes are made up."""
    if not study.space:
        return 0.0
    space = Space(policies.load(study.policy), study.cell.machine, study.space, dict(study.cell.params))
    past = Past()
    drawn = ask(study.search.model_copy(update={"sampler": "random"}), space, Past(), 1, 0, max(study.n_trials // 2, 1))
    for number, params in enumerate(drawn[: 2 * study.search.history]):
        past = past.plus(Score(number, tuple(params.items()), 0.25 * (number % 3), 1000.0 + number * 7 % 100), (), study.search)
    batch = past.count // study.search.batch
    wanted = min(study.search.batch, study.n_trials)
    ask(study.search, space, past, 1, batch, wanted)  # imports
    began = time.process_time()
    ask(study.search, space, past, 1, batch, wanted)
    return time.process_time() - began


def _spread(sampled: tuple[Sampled, ...], plan: Plan, counts: dict[tuple[int, str], tuple[int, int, int]]) -> float:
    """Half width of the 95 % interval of all simulations' CPU time, from the studies that were not sampled."""
    from scipy import special

    keys = {one.study.key for one in sampled}
    left = sum(sum(count) for key, count in counts.items() if key not in keys)
    if len(sampled) < 2 or not left:
        return 0.0 if not left else math.nan
    error = statistics.stdev(one.simulation_s for one in sampled) / math.sqrt(len(sampled))
    return float(special.stdtrit(len(sampled) - 1, 0.975)) * error * left


def lines(found: Estimate, cores: int) -> Iterator[str]:
    """The estimate in words."""
    plan = found.plan
    yield f"{plan.file}: {len(plan.cells)} cells, {len(plan.sweep.policies)} policies, {len(plan.studies)} studies, {found.trials} trials"
    later = f", {found.looks_n} where verdicts stay undecided" if found.looks_n else ""
    yield f"simulations: at most {found.simulations} ({found.search_n} in searches, {found.confirm_n} to confirm{later})"
    n = 4 * len(found.sampled)
    per = statistics.fmean(one.simulation_s for one in found.sampled)
    ns = sum(one.simulation_s for one in found.sampled) / sum(one.ops for one in found.sampled) * 1e9
    yield f"measured: {n} simulations of {len(found.sampled)} studies, {1000 * per:.1f} ms each, {ns:.0f} ns an operation"
    trust = "" if found.spread_s == 0 else " (not known how well: one study)" if math.isnan(found.spread_s) else f" ± {span(found.spread_s)}"
    yield f"CPU time: {span(found.simulate_s)}{trust} simulating, {span(found.streams_s)} compiling streams, {span(found.search_s)} searching"
    share = found.search_s / found.simulate_s if found.simulate_s else 0.0
    advice = "; sampler: auto or qmc, or larger batches, would take less" if share > SEARCH_SHARE else ""
    yield f"search: {100 * share:.1f} % of the simulations{advice}"
    if not all(is_compiled(policy) for policy in plan.sweep.policies):
        yield f"compiler: about {span(COMPILE_S)} once on each node"
    for count in sorted({1, cores, 8, 64}):
        yield f"wall time on {count} core{'s' if count > 1 else ''}: {span(found.wall_s(count))}"
    mlflow = f"{found.runs} runs, about {found.runs * ROWS_OF_RUN} rows, {size(MLFLOW_EMPTY + found.runs * MLFLOW_BYTES)}"
    yield f"store: {size(found.store_bytes)}; MLflow: {mlflow}"
    yield from _baselines(plan)


def _baselines(plan: Plan) -> Iterator[str]:
    """In the first cell, which trials are baselines, and which baselines are not run there and why."""
    from sweep import baselines

    machine = plan.cells[0].machine
    published = baselines.chosen(plan.sweep.search.baselines, plan.file)
    for policy in plan.sweep.policies if published else ():
        placed = baselines.place(published, policies.load(policy), machine)
        run = [f"{number} {one.name}" for number, one in enumerate((one for one in placed if not one.why_not), start=1)]
        yield f"baselines of {policy} on {machine.name}, by trial: {', '.join(run)}"
        yield from (f"  not {one.name}: {one.why_not}" for one in placed if one.why_not)


def span(seconds: float) -> str:
    """A duration with two digits that matter: "340 ms", "12 s", "4.1 min", "3.2 h"."""
    for limit, unit, factor in ((1, "ms", 0.001), (100, "s", 1), (5400, "min", 60)):
        if seconds < limit:
            value = seconds / factor
            return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
    return f"{seconds / 3600:.1f} h"


def size(number: float) -> str:
    """Bytes for people."""
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} GB"
