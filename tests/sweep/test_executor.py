"""Executors: the same bytes from every one of them, however many workers there are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sweep.errors import ConfigError, WorkerError
from sweep.executor import Executor, ProcessExecutor, SerialExecutor, check_options
from sweep.history import Past
from sweep.pieces import Part
from sweep.plan import load_plan
from sweep.runner import Runner, open_store
from sweep.stopping import Stop
from sweep.store import Store
from sweep.study import Batch, Task, run_task
from sweep.work import Work
from tests import tinysweep

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("executors")
    tinysweep.write(directory)
    return directory


@pytest.fixture(scope="module")
def expected(directory: Path) -> object:
    return tinysweep.undisturbed(directory)


def test_two_processes_give_the_bytes_of_one(directory: Path, expected: object) -> None:
    results = directory / "process"
    done = tinysweep.run(directory, "--executor", "process", "--workers", "2", "--results", results)
    assert done.returncode == 0, done.stderr
    assert tinysweep.tables(results) == expected


@pytest.mark.ray
@pytest.mark.parametrize("workers", [1, 2])
def test_ray_gives_the_bytes_of_one_process(directory: Path, expected: object, workers: int) -> None:
    results = directory / f"ray-{workers}"
    done = tinysweep.run(directory, "--executor", "ray", "--workers", str(workers), "--results", results)
    assert done.returncode == 0, done.stderr
    assert tinysweep.tables(results) == expected
    assert not (results / "ray.token").exists()


def first_task(directory: Path) -> Task:
    return Task(load_plan(tinysweep.write(directory)).studies[0], 0, "search", Past())


def broken_task(directory: Path) -> Task:
    """A task that no plan would contain: its history lacks what it searches."""
    task = first_task(directory)
    return Task(task.study, 1, "confirm", Past())


def result(executor: Executor, task: Task) -> Batch:
    """Submit and wait."""
    try:
        executor.submit(task)
        while (batch := executor.next(1.0)) is None:
            pass
        return batch
    finally:
        executor.close()


@pytest.mark.parametrize("executor", [SerialExecutor, lambda: ProcessExecutor(1)], ids=["serial", "process"])
def test_a_task_that_fails_is_named(tmp_path: Path, executor: Callable[[], Executor]) -> None:
    with pytest.raises(WorkerError, match=r"cell 0 \(anon_share=0.2\), policy inline, batch 1: ValueError:"):
        result(executor(), broken_task(tmp_path))


def test_a_process_computes_what_this_one_does(tmp_path: Path) -> None:
    task = first_task(tmp_path)
    assert result(ProcessExecutor(1), task) == run_task(task)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("ray", 0, None), "--workers: 0; allowed: >= 1"),
        (("serial", 2, None), "--workers: 2; allowed: 1 with --executor serial"),
        (("process", None, "auto"), "--address: auto; allowed: only with --executor ray"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: tuple[str, int, str], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        check_options(*options)  # type: ignore[arg-type]


TOKEN = """
import os, sys
from pathlib import Path
from sweep.executor import RayExecutor
os.environ.pop("RAY_AUTH_TOKEN", None)
executor = RayExecutor(1, None, Path(sys.argv[1]))
import ray
path = Path(os.environ["RAY_AUTH_TOKEN_PATH"])
print(path, oct(path.stat().st_mode & 0o777), len(path.read_text()), os.environ["RAY_AUTH_MODE"], executor.workers)
print(ray._private.services.get_node_ip_address() != "", ray._private.worker._global_node.webui_url or "no dashboard")
executor.close()
print(path.exists())
"""


@pytest.mark.ray
def test_a_cluster_started_here_has_its_own_token_and_no_dashboard(tmp_path: Path) -> None:
    environment = tinysweep.environment() | {"HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", TOKEN, str(tmp_path)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    token, dashboard, gone = done.stdout.splitlines()
    assert token == f"{tmp_path / 'ray.token'} 0o600 64 token 1"
    assert dashboard.endswith("no dashboard")
    assert gone == "False"
    assert not (tmp_path / ".ray").exists(), "nothing is left in the home directory"
    assert done.stderr == ""


TWICE = """
import os, sys
from pathlib import Path
from sweep.executor import RayExecutor
os.environ.pop("RAY_AUTH_TOKEN", None)
for name in ("first", "second"):
    scratch = Path(sys.argv[1], name)
    scratch.mkdir()
    executor = RayExecutor(1, None, scratch)
    print(name, (scratch / "ray.token").exists(), executor.workers)
    executor.close()
"""


@pytest.mark.ray
def test_a_file_of_several_maps_starts_a_cluster_for_each(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", TWICE, str(tmp_path)], env=tinysweep.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["first True 1", "second True 1"]


@pytest.mark.ray
def test_a_cluster_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    tinysweep.write(tmp_path)
    done = tinysweep.run(tmp_path, "--address", "127.0.0.1:9")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("highwater: error: --address: 127.0.0.1:9: ")


@pytest.mark.ray
def test_four_workers_on_ray_give_the_bytes_of_one_process(directory: Path, expected: object) -> None:
    """More workers than studies that can go on: batches fan out."""
    results = directory / "ray-4"
    done = tinysweep.run(directory, "--executor", "ray", "--workers", "4", "--results", results)
    assert done.returncode == 0, done.stderr
    assert tinysweep.tables(results) == expected


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_hash_seeds_change_nothing(directory: Path, expected: object, seed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", seed)
    results = directory / f"hash-{seed}"
    done = tinysweep.run(directory, "--executor", "process", "--workers", "2", "--results", results)
    assert done.returncode == 0, done.stderr
    assert tinysweep.tables(results) == expected


def test_a_batch_fans_out_where_workers_outnumber_studies(tmp_path: Path) -> None:
    """One study, four workers: the trials of each batch are simulated in several pieces, and the table is the same."""
    one = tinysweep.TINY.replace("policies: [inline, postponed]", "policies: [inline]").replace("compare: {challenger: postponed, baseline: inline}\n", "")
    one = "\n".join(line for line in one.splitlines() if "name: anon_share" not in line and "slow-swap" not in line)
    one = one.replace("axes:\n", "").replace("points:\n", "").replace("batch: 2", "batch: 5") + "\n"
    tables = []
    for workers in (1, 4):
        tinysweep.write(tmp_path, one)
        with Store(tmp_path / str(workers)) as store, Stop("") as stop:
            plan = load_plan(tmp_path / "tiny.yaml")
            open_store(plan, store)
            executor = Counting(workers)
            Runner(plan, store, executor, lambda tally: None).run(stop)
            executor.close()
        kinds = {type(piece) for piece in executor.submitted}
        assert (Part in kinds) == (workers == 4), kinds
        tables.append(tinysweep.tables(tmp_path / str(workers)))
    assert tables[0] == tables[1]


class Counting(SerialExecutor[object]):
    """Claims to have many workers, and remembers what it was given."""

    def __init__(self, workers: int) -> None:
        super().__init__()
        self.workers = workers
        self.submitted: list[object] = []

    def submit(self, work: Work[object]) -> None:
        self.submitted.append(work)
        super().submit(work)


LISTENING = """
import os, sys
from pathlib import Path
from sweep.executor import RayExecutor
from tests import family
executor = RayExecutor(1, None, Path(sys.argv[1]))
ours = set()
for pid in (os.getpid(), *family.descendants(os.getpid())):
    try:
        ours |= {os.readlink(one) for one in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:
        continue
rows = [line.split() for kind in ("tcp", "tcp6") for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]]
print(*sorted({row[1].rpartition(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in ours}))
executor.close()
"""


@pytest.mark.ray
def test_a_cluster_started_here_listens_on_the_loopback_interface_alone(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LISTENING, str(tmp_path)], env=tinysweep.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    addresses = done.stdout.splitlines()[-1].split()
    assert addresses
    assert set(addresses) <= {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
