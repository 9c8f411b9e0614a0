"""dirty_bytes in sweeps and recommendations: of a pair one key is searched, written and undone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core import Device, Machine, policies
from sweep.arms import Arm
from sweep.candidates import Candidates, Params
from sweep.config import Range, Search
from sweep.handout import write_handout
from sweep.recommend import Change, Recommendation, recommend
from sweep.results import Results
from sweep.shortlist import pool
from sweep.space import Space, check_ranges, dimensions
from sweep.sysctl import parse
from sweep.undo import left_alone, undone
from tests.planted import Truth, planted

FLUSHER = policies.load("flusher_only")
MACHINE = Machine("m", 64, 1, 0, Device("d", 100, 100, 0), Device("d", 100, 100, 0))
MIB = 1 << 20


def sweep_with_bytes() -> Results:
    """The tuned best sets dirty_bytes, so that its dirty_ratio is 0."""
    results = planted(lambda _c, _p, tuned: Truth(speed=60_000 if tuned else 50_000), axes={}, points=("node",))
    trials = results.trials.copy()
    tuned = trials["is_best"].astype(bool)
    for name, default, best in (("dirty_bytes", 0, 8 * MIB), ("dirty_background_bytes", 0, 0), ("dirty_ratio", 20, 0)):
        trials[f"param:{name}"] = default
        trials.loc[tuned, f"param:{name}"] = best
    for name in ("min_free_kbytes", "watermark_scale_factor", "swappiness", "dirty_background_ratio"):
        if f"param:{name}" in trials:
            trials[f"param:{name}"] = trials.groupby("policy")[f"param:{name}"].transform("first")
    return replace(results, trials=trials)


def arm(cell: int, policy: str, params: Params) -> Arm:
    """Faster by the bytes."""
    values = dict(params)
    assert not (values["dirty_bytes"] and values["dirty_ratio"]), "both keys of a pair were run"
    n, speed = 60, 60_000.0 if values["dirty_bytes"] else 50_000.0
    return Arm(cell, policy, -1, params, tuple(range(n)), ("s",) * n, (False,) * n, tuple(speed * (1 + 0.001 * (i % 5)) for i in range(n)))


def test_files_write_one_key_and_undo_writes_the_other(tmp_path: Path) -> None:
    results = sweep_with_bytes()
    found = recommend(results, cell=0, oom_bound=0.06, retest=arm)
    assert [(change.name, change.value) for change in found.changes] == [("dirty_bytes", 8 * MIB)]
    assert parse(found.text) == {"vm.dirty_bytes": str(8 * MIB)}
    assert list(undone(found)) == [("dirty_ratio", 20)], "0 is no value that the kernel takes"
    assert "dirty_ratio = 20" not in found.text
    assert "nor beside vm.dirty_ratio." in found.text
    assert not {"dirty_ratio", "dirty_bytes", "dirty_background_bytes"} & {name for name, _ in left_alone(found)}
    write_handout(results, found, tmp_path / "x.conf")
    assert parse((tmp_path / "x.undo").read_text()) == {"vm.dirty_ratio": "20"}


def test_a_captured_limit_in_bytes_is_what_comes_back() -> None:
    found = Recommendation(
        "flusher_only",
        ((0, "c"),),
        0.1,
        changes=(Change("dirty_ratio", 30, 20),),
        unchanged=(("dirty_bytes", 0), ("swappiness", 60)),
        present=(("dirty_ratio", 0), ("dirty_bytes", 5 * MIB)),
    )
    assert list(undone(found)) == [("dirty_bytes", 5 * MIB)]
    assert left_alone(found) == (("swappiness", 60),)


def test_half_way_to_the_defaults_leaves_bytes() -> None:
    candidates = Candidates(sweep_with_bytes(), "flusher_only", arm)
    assert set(pool(candidates, [0], candidates.defaults(0))) == {(("dirty_bytes", 8 * MIB),)}


def search(**ranges: tuple[int, int]) -> Search:
    return Search(params={name: Range(low=low, high=high) for name, (low, high) in ranges.items()})


def space(**ranges: tuple[int, int]) -> Space:
    return Space(FLUSHER, MACHINE, dimensions(FLUSHER, search(**ranges)))


def test_a_search_keeps_the_background_below_the_limit() -> None:
    both = space(dirty_background_bytes=(4096, 16 * MIB), dirty_bytes=(8192, 32 * MIB))
    assert both.settled({"dirty_background_bytes": 9 * MIB, "dirty_bytes": 4 * MIB}) == {"dirty_background_bytes": 2 * MIB, "dirty_bytes": 4 * MIB}
    assert both.problem({"dirty_background_bytes": 9 * MIB, "dirty_bytes": 4 * MIB}).startswith("search.params.dirty_background_bytes: 9437184; allowed: below")
    mixed = space(dirty_background_ratio=(1, 60), dirty_bytes=(0, 32 * MIB))
    assert mixed.settled({"dirty_background_ratio": 50, "dirty_bytes": 4 * MIB}) == {"dirty_background_ratio": 50, "dirty_bytes": 4 * MIB}
    assert mixed.settled({"dirty_background_ratio": 50, "dirty_bytes": 0}) == {"dirty_background_ratio": 10, "dirty_bytes": 0}
    assert mixed.settled({"dirty_background_ratio": 5, "dirty_bytes": 100})["dirty_bytes"] == 8192
    assert mixed.problem({"dirty_background_ratio": 50, "dirty_bytes": 4 * MIB}) == ""


def test_ratio_and_bytes_are_not_searched_together() -> None:
    with pytest.raises(ValueError, match=r"search.params.dirty_bytes: together with dirty_ratio; allowed: one of them"):
        check_ranges([FLUSHER], search(dirty_ratio=(5, 50), dirty_bytes=(8192, 32 * MIB)))
