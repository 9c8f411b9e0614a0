"""Everything a search can do in one sweep: the same bytes from every executor, killed or not, and every replicate accounted for."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from sweep.results import Results, load_results
from sweep.verdict import verdicts
from tests import tinysweep

pytestmark = pytest.mark.timeout(400)

W1 = 2  # after the grid of two cells
# W1, where postponed laundering dies in every replicate and inline in none, beside the tiny mixes.
TEXT = (
    tinysweep.TINY.replace(
        "points:\n",
        "points:\n  - {name: w1, machine: pc-2007-128m, workload: w1-zijlstra, set: {workload.duration_s: 3}}\n",
    )
    .replace("  trials: 5\n", "  trials: 9\n")
    .replace("  batch: 2\n", "  batch: 4\n")
    .replace("  replicates: 2\n  confirm: 2\n", "  replicates: 4\n  confirm: 3\n  confirm_max: 6\n  racing: {oom_rate: 0.2, slower: 0.5}\n")
    .replace("search:\n", "search:\n  objectives: [oom_rate, throughput, stall_p99_ns]\n  baselines: [tuned-throughput-performance, gpfs]\n  history: 16\n")
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("full")
    tinysweep.write(directory, TEXT)
    return directory


@pytest.fixture(scope="module")
def whole(directory: Path) -> Results:
    done = tinysweep.run(directory, "--executor", "serial", "--results", directory / "whole")
    assert done.returncode == 0, done.stderr
    return load_results(directory / "whole")


@pytest.mark.usefixtures("whole")
def test_two_processes_killed_in_the_middle_give_the_bytes_of_one(directory: Path) -> None:
    results = directory / "process"
    options = ("run", directory / "tiny.yaml", "--no-map", "--no-mlflow", "--executor", "process", "--workers", "2", "--results", results)
    process = subprocess.Popen(tinysweep.command(*options), cwd=directory, env=tinysweep.environment(), stderr=subprocess.PIPE)
    while process.poll() is None and not (results / "sweep.db").exists():
        time.sleep(0.01)
    time.sleep(1.5)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = tinysweep.run(directory, "--executor", "process", "--workers", "2", "--results", results)
    assert done.returncode == 0, done.stderr
    assert tinysweep.tables(results) == tinysweep.tables(directory / "whole")


def test_every_replicate_is_accounted_for(whole: Results) -> None:
    trials = whole.trials
    assert (trials["n_search"] + trials["n_not_run"] == 4).all()
    given_up = trials[trials["n_not_run"] > 0]
    assert len(given_up) > 0, "W1 kills whatever postponed tries"
    assert (given_up["trial"] >= 3).all(), "the defaults and two baselines are run in full"
    assert not given_up["is_best"].any()
    counted = whole.replicates[whole.replicates["phase"] == "search"].groupby(["cell", "policy", "trial"]).size()
    assert list(counted) == list(trials["n_search"])
    dead = given_up[(given_up["cell"] == W1) & (given_up["policy"] == "postponed")]
    assert len(dead) >= 4
    assert (dead["n_search"] == 2).all(), "two deaths of two are enough"


def test_more_replicates_only_where_it_is_undecided_and_for_both(whole: Results) -> None:
    confirm = whole.replicates[whole.replicates["phase"] == "confirm"]
    best = whole.trials[whole.trials["is_best"]][["cell", "policy", "trial"]]
    counts = confirm.merge(best, on=["cell", "policy", "trial"]).groupby(["cell", "policy"]).size().unstack()
    assert (counts["inline"] == counts["postponed"]).all()
    assert set(counts["inline"]) <= {3, 6}
    for verdict in verdicts(whole, "postponed", "inline"):
        assert verdict.looks == 2
        if verdict.n == 3:
            assert verdict.decided
    streams = confirm.groupby(["cell", "replicate"])["stream_digest"].nunique()
    assert (streams == 1).all(), "common streams, in later looks too"


def test_baselines_are_in_the_table_under_their_numbers(whole: Results) -> None:
    one = whole.trials[(whole.trials["cell"] == W1) & (whole.trials["policy"] == "inline")].set_index("trial")
    assert (one.loc[1, "param:dirty_ratio"], one.loc[1, "param:swappiness"]) == (40, 10)
    assert one.loc[2, "param:min_free_kbytes"] == round(128 * 1024 * 0.055)
