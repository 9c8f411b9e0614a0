"""Replay: a trial again from its id, sliced into a time line, with the digest of the run that was not."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweep import replay as replays
from sweep.errors import ConfigError, DeterminismError
from sweep.library import sweep_file
from sweep.plan import load_plan
from sweep.results import load_results
from sweep.runner import open_store
from sweep.store import Store
from sweep.timeline import timeline
from tests import tinysweep

DYING = tinysweep.TINY.replace("footprint_mib: 20", "footprint_mib: 48").replace("duration_s: 0.1", "duration_s: 1").replace("swap_mib: 64", "swap_mib: 16")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("replay")
    tinysweep.write(directory, DYING)
    done = tinysweep.run(directory, "--executor", "serial", "--results", directory / "results", "--set", "search.trials=2", "--set", "axes=[]")
    assert done.returncode == 0, done.stderr
    return directory / "results"


def test_a_replay_has_the_digest_of_the_store_and_says_how_it_ended(directory: Path, tmp_path: Path) -> None:
    told = list(replays.replay(directory, "0/postponed/0", "search/1", tmp_path / "it.png"))
    assert told[0].startswith("0/postponed/0 search 1: cell ")
    assert "as in the store" in told[2]
    assert "as in the store" in told[3]
    assert told[4].startswith(("out of memory: ", "it lived", "it died"))
    assert "swap slots free" in told[5]
    assert (tmp_path / "it.png").read_bytes().startswith(b"\x89PNG")
    uid = f"{load_results(directory).config_sha256[:16]}/0/postponed/0"
    assert list(replays.replay(directory, uid, "search/1", tmp_path / "it.png")) == told


def test_a_crew_comes_back_from_the_store_with_its_tasks_in_their_order(tmp_path: Path) -> None:
    """`memory, read, write, burn, du` are no longer that if they are sorted, and other streams."""
    from sweep.workloads import compile_streams

    plan = load_plan(sweep_file("vendors"))
    with Store(tmp_path) as store:
        open_store(plan, store)
    results = load_results(tmp_path)
    for ran in plan.cells:
        stored = replays.stored_cell(results, ran.index)
        assert compile_streams(stored.workload, stored.machine, 1).digest == compile_streams(ran.workload, ran.machine, 1).digest, ran.label


@pytest.mark.parametrize("policy", ["inline", "postponed"])
def test_a_run_in_slices_is_the_same_run(directory: Path, policy: str) -> None:
    """However many slices; and its columns end where the outcome does."""
    from core import policies, simulate
    from sweep.workloads import compile_streams

    results = load_results(directory)
    found = replays.recorded(directory, results, 0, policy, 0, None)
    cell = replays.stored_cell(results, 0)
    streams = compile_streams(cell.workload, cell.machine, found.seed)
    whole = simulate(cell.machine, policies.load(policy), found.params, streams)
    for moments in (1, 7, 100):
        sliced = timeline(cell.machine, policies.load(policy), found.params, streams, moments)
        assert sliced.outcome.digest == whole.digest == found.digest
        assert int(sliced.columns["ops_done"][-1]) == whole.ops_done
        assert int(sliced.columns["nr_free"][-1]) == whole.nr_free_final
        assert int(sliced.columns["oom_kill"][-1]) == whole.oom_kills
        assert (sliced.columns["in_direct_reclaim"] <= streams.n_tasks).all()


@pytest.mark.parametrize("policy", ["linux_3_2", "linux_3_6", "linux_4_11", "linux_5_16", "mglru"])
def test_a_run_in_slices_is_of_the_kernel_version_of_its_policy(policy: str) -> None:
    from core import policies, simulate
    from tests.core.digests import RECLAIMING
    from tests.twin.cases import case

    loaded = policies.load(policy)
    for seed in RECLAIMING[:4]:
        machine, params, streams = case(seed, loaded)
        assert timeline(machine, loaded, params, streams, 3).outcome.digest == simulate(machine, loaded, params, streams).digest


@pytest.mark.parametrize("trial", ["0/postponed", "x/postponed/0", "9/inline/0", "0123456789abcdef/0/inline/0", "0/inline/77"])
def test_an_unknown_trial_is_one_line(directory: Path, trial: str) -> None:
    with pytest.raises(ConfigError, match="allowed: "):
        list(replays.replay(directory, trial))


def test_an_unknown_replicate_is_one_line(directory: Path) -> None:
    with pytest.raises(ConfigError, match=r"--replicate: confirm/77; allowed: confirm/0, "):
        list(replays.replay(directory, "0/inline/0", "confirm/77"))


def test_another_digest_is_an_alarm(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = replays.recorded

    def altered(*arguments: object) -> replays.Recorded:
        from dataclasses import replace

        return replace(real(*arguments), digest="0" * 64)  # type: ignore[arg-type]

    monkeypatch.setattr(replays, "recorded", altered)
    with pytest.raises(DeterminismError, match="in the store 0000000000000000"):
        list(replays.replay(directory, "0/inline/0"))
