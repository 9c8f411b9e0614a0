"""Seeds: one for each purpose, the same for ever."""

from __future__ import annotations

from pathlib import Path

from sweep.grid import CellBuilder
from sweep.seeds import batch_seed, derive, replicate_seed, study_seed


def test_a_seed_depends_on_the_whole_purpose_and_on_nothing_else() -> None:
    purposes = [(), ("a",), ("a", 1), ("a", "1"), ("a", 1, 2), ("a", 12), ("b", 1)]
    seeds = [derive(seed, *purpose) for seed in (0, 1, 1 << 62) for purpose in purposes]
    assert len(set(seeds)) == len(seeds)
    assert seeds == [derive(seed, *purpose) for seed in (0, 1, 1 << 62) for purpose in purposes]
    assert all(0 <= seed < 1 << 32 for seed in seeds)


def test_a_recorded_sweep_can_be_continued_by_a_later_version() -> None:
    assert replicate_seed(2007, "cell", "search", 0) == 3896736721
    assert study_seed(2007, "cell", "inline") == 1317401888
    assert batch_seed(5, 3) == 2819321355


def test_keys_that_a_machine_did_not_have_then_change_no_seed_until_they_are_used() -> None:
    builder = CellBuilder(Path("none.yaml"))

    def key(**sets: int) -> str:
        return builder.cell(0, "cell", "point", (), "pc-2007-128m", "w1-zijlstra", {f"machine.{name}": value for name, value in sets.items()}).key

    assert key() == "997b3d08b8d645fd4b4dfa8afa05ed136e9b286544b89a13a959a9cbaf46d687", "as before request_ns, swapin_ns, pass_ns and refill_ns"
    assert len({key(), key(request_ns=1), key(swapin_ns=1), key(pass_ns=1)}) == 4
