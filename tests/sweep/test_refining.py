"""A sweep that refines its map: chosen cells, the same on every executor and after every interruption."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from sweep.config import Sweep
from sweep.errors import ConfigError
from sweep.maps import build_map
from sweep.refining import next_places
from sweep.results import load_results
from sweep.sweepfile import load_sweep
from tests import tinysweep
from tests.planted import Truth, planted

AXES = {"anon_share": [0.2, 0.5, 0.8, 1.0], "w_alloc_milli": [0, 250, 1000, 2000]}
REFINED = tinysweep.TINY.replace("points:\n  - {name: slow-swap, set: {machine.swap.write_mb_s: 5}}\n", "refine: {cells: 3, batch: 2, finest: 0.1}\n")
REFINED = REFINED.replace("trials: 5", "trials: 1").replace("replicates: 2", "replicates: 1").replace("confirm: 2", "confirm: 8")
REFINED = REFINED.replace("footprint_mib: 20", "footprint_mib: 28").replace("duration_s: 0.1", "duration_s: 0.3").replace("[0.2, 0.8]", "[0.2, 0.6]")


def a_sweep(axes, refine):
    """What the planted sweep's file would say."""
    return Sweep.model_validate(
        {
            "name": "planted",
            "seed": 1,
            "machine": "pc-2007-128m",
            "workload": "mix",
            "policies": ("inline", "postponed"),
            "compare": {"challenger": "postponed", "baseline": "inline"},
            "axes": tuple({"name": name, "set": f"workload.{name}", "values": tuple(values)} for name, values in axes.items()),
            "refine": refine,
        }
    )


def dies_beyond(share, milli):
    return lambda cell, policy, _: Truth(oom=1.0 if policy == "postponed" and cell["anon_share"] > share and cell["w_alloc_milli"] > milli else 0.0)


def test_cells_gather_at_the_planted_boundary_and_stay_within_the_budget():
    sweep = a_sweep(AXES, {"cells": 20, "batch": 6, "finest": 0.125})
    refined = []
    while places := next_places(sweep, planted(dies_beyond(0.71, 400), axes=AXES, refined=refined, noise=0.002)):
        assert len(places) <= 6
        refined += [dict(place) for place in places]
    assert len(refined) == 20
    assert len({tuple(place.items()) for place in refined}) == 20
    near = [place for place in refined if 0.5 <= place["anon_share"] <= 0.8 or 250 <= place["w_alloc_milli"] <= 1000]
    assert len(near) == 20
    assert all(isinstance(place["w_alloc_milli"], int) for place in refined)
    sentence = build_map(planted(dies_beyond(0.71, 400), axes=AXES, refined=refined, noise=0.002)).sentences["tuned"][1]
    assert "anon_share ≥ 0.725 (tried next: 0.65)" in sentence or "anon_share ≥ 0.725 (tried next: 0.6875)" in sentence


def test_nothing_is_placed_where_every_cell_agrees():
    assert next_places(a_sweep(AXES, {"cells": 20}), planted(axes=AXES, noise=0.002)) == ()


def test_between_neighbouring_whole_numbers_there_is_nothing():
    axes = {"cpus": [1, 2]}
    results = planted(lambda cell, policy, _: Truth(oom=float(policy == "postponed" and cell["cpus"] == 2)), axes=axes, noise=0.002)
    assert next_places(a_sweep(axes, {"cells": 4}), results) == ()


def test_each_name_of_an_axis_has_its_own_boundary():
    axes = {"disk": ["ide", "nvme"], "ram": [64, 128, 256, 512]}

    def truth(cell, policy, _):
        limit = 100 if cell["disk"] == "ide" else 300
        return Truth(oom=float(policy == "postponed" and cell["ram"] < limit))

    places = next_places(a_sweep(axes, {"cells": 8}), planted(truth, axes=axes, noise=0.002))
    assert {(dict(place)["disk"], dict(place)["ram"]) for place in places} == {("ide", 96), ("nvme", 384)}


@pytest.mark.parametrize(
    ("change", "words"),
    [("axes: []", "refine: nothing to refine; allowed: with compare, and with an axis of two numbers or more"), ("refine: {cells: 0}", "refine.cells: 0")],
)
def test_a_refinement_of_nothing_is_refused(tmp_path, change, words):
    key = change.partition(":")[0]
    lines = [line for line in REFINED.splitlines() if not line.startswith((key, "  - {name: anon_share" if key == "axes" else key))]
    path = tinysweep.write(tmp_path, "\n".join([*lines, change]))
    with pytest.raises(ConfigError, match=words.replace("{", "\\{")):
        load_sweep(path)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("refining")
    tinysweep.write(directory, REFINED)
    return directory


@pytest.fixture(scope="module")
def whole(directory):
    done = tinysweep.run(directory, "--executor", "serial", "--results", directory / "whole")
    assert done.returncode == 0, done.stderr
    return tinysweep.tables(directory / "whole")


def test_the_refined_cells_are_run_and_recorded(directory, whole):
    results = load_results(directory / "whole")
    refined = results.cells[results.cells["kind"] == "refined"]
    assert len(refined) == 3
    assert refined["anon_share"].between(0.2, 0.6, inclusive="neither").all()
    assert set(results.replicates["cell"]) == set(results.cells.index)
    assert [one["kind"] for one in results.config["cells"]] == ["grid", "grid", "refined", "refined", "refined"]
    assert json.loads(results.cells.loc[2, "workload"])["anon_share"] == pytest.approx(results.cells.loc[2, "anon_share"])


def test_processes_refine_alike(directory, whole):
    done = tinysweep.run(directory, "--executor", "process", "--workers", "2", "--results", directory / "process")
    assert done.returncode == 0, done.stderr
    assert tinysweep.tables(directory / "process") == whole


def replicates(results: Path) -> int:
    try:
        with sqlite3.connect(f"file:{results / 'sweep.db'}?mode=ro", uri=True) as db:
            return int(db.execute("SELECT count(*) FROM replicates").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


@pytest.mark.chaos
@pytest.mark.parametrize("kill_at", [40, 62])
def test_a_killed_refinement_goes_on_to_the_same_bytes(directory, whole, kill_at):
    results = directory / f"killed-{kill_at}"
    arguments = ("run", directory / "tiny.yaml", "--no-map", "--no-mlflow", "--executor", "serial", "--results", results)
    process = subprocess.Popen(tinysweep.command(*arguments), cwd=directory, env=tinysweep.environment(), stderr=subprocess.DEVNULL)
    while process.poll() is None and replicates(results) < kill_at:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = tinysweep.run(directory, "--executor", "serial", "--results", results)
    assert done.returncode == 0, done.stderr
    assert tinysweep.tables(results) == whole
