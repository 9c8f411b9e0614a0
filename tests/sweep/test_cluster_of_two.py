"""Two raylets on this machine: the same table as one process gives, with one of them taken away under load and another one joining."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import tinysweep

pytestmark = [pytest.mark.timeout(400), pytest.mark.chaos, pytest.mark.ray]

LONGER = tinysweep.TINY.replace("duration_s: 0.1", "duration_s: 0.3").replace("trials: 5", "trials: 10").replace("batch: 2", "batch: 5")

# In a process of its own: a cluster of two nodes with one CPU each beside a head without any; one of them is taken away while it works.
DRIVER = """
import os, sys, threading, time
from pathlib import Path
os.environ["RAY_health_check_period_ms"] = "500"
os.environ["RAY_health_check_failure_threshold"] = "3"
from ray.cluster_utils import Cluster
from sweep.executor import RayExecutor
from sweep.plan import load_plan
from sweep.runner import Runner, open_store
from sweep.stopping import Stop
from sweep.store import Store

file, results = Path(sys.argv[1]), Path(sys.argv[2])
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
plan = load_plan(file)
seen = []

def report(tally):
    if tally.simulations_now > 10 and not seen:
        seen.append(tally.simulations_now)
        cluster.remove_node(nodes[0], allow_graceful=False)
        cluster.add_node(num_cpus=1)

with Store(results) as store, Stop("") as stop:
    open_store(plan, store)
    executor = RayExecutor(None, cluster.address, results)
    tally = Runner(plan, store, executor, report).run(stop)
    executor.close()
cluster.shutdown()
print(f"removed at {seen}, {tally.simulations_now} simulations")
"""


def test_two_nodes_one_of_which_goes_away_give_the_bytes_of_one_process(tmp_path: Path) -> None:
    path = tinysweep.write(tmp_path, LONGER)
    whole = tinysweep.run(tmp_path, "--executor", "serial", "--results", tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    command = [sys.executable, "-c", DRIVER, str(path), str(tmp_path / "two")]
    done = subprocess.run(command, env=tinysweep.environment(), capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    told = done.stdout.splitlines()[-1]
    assert told.startswith("removed at ["), done.stdout
    assert not told.startswith("removed at []"), "the node went away under load"
    assert tinysweep.tables(tmp_path / "two") == tinysweep.tables(tmp_path / "whole")
