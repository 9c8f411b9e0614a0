"""Comparing: the rows of a scenario run on the same replicates, and what they expect is checked."""

from __future__ import annotations

import csv
import re
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from core import Outcome, policies, simulate
from sweep.cells import Cell
from sweep.compare import RowResult, compare
from sweep.errors import ConfigError
from sweep.expectation import Interval
from sweep.scenario import Row, load_scenario
from sweep.table import columns, number, text
from sweep.trial import Replicate, ReplicateRow
from sweep.workloads import compile_streams
from tests import tinyscenario, tinysweep

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[RowResult]:
    return compare(load_scenario(tinyscenario.write(tmp_path_factory.mktemp("compare"))))


def test_replicate_n_of_a_row_is_a_simulation_with_seed_n(results: list[RowResult]) -> None:
    slow = results[2]
    assert [row.replicate.seed for row in slow.replicates] == [0, 1, 2]
    streams = compile_streams(slow.row.cell.workload, slow.row.cell.machine, 2)
    assert slow.replicates[2].digest == simulate(slow.row.cell.machine, policies.load("inline"), {"min_free_kbytes": 400}, streams).digest


def test_rows_see_the_same_streams(results: list[RowResult]) -> None:
    inline, postponed, slow, mix = ([row.stream_digest for row in result.replicates] for result in results)
    assert inline == postponed == slow, "another machine draws the same load"
    assert set(inline).isdisjoint(mix)
    assert len(set(inline)) == 3


def test_two_processes_find_what_one_does(results: list[RowResult], tmp_path: Path) -> None:
    assert compare(load_scenario(tinyscenario.write(tmp_path)), jobs=2) == results


def test_what_the_tiny_scenario_expects_holds(results: list[RowResult]) -> None:
    assert [list(result.failures()) for result in results] == [[], [], [], []]
    assert [result.count("killed") for result in results[:2]] == [0, 3]
    assert results[0].baseline == results[1].baseline == results[0].replicates
    assert results[3].baseline == results[3].replicates


def test_progress_ends_with_everything(tmp_path: Path) -> None:
    told: list[int] = []
    scenario = load_scenario(tinyscenario.write(tmp_path)).only(["mix"])
    compare(scenario, report=told.append)
    assert told == [1, 2, 3]


def replicate(seed: int, **fields: int) -> ReplicateRow:
    """A replicate with these fields; the others are 0."""
    counters = tuple(fields.get(name, 0) for name in Outcome.fields())
    return ReplicateRow(Replicate("compare", seed, seed), "", "", oom=False, deadlock=False, throughput=0.0, counters=counters)


def planted(
    here: list[Mapping[str, int]], there: list[Mapping[str, int]] | None, expect: Mapping[str, str | Interval], medians: Mapping[str, Interval]
) -> RowResult:
    """The result of a row whose replicates and whose baseline's are given."""
    cell = Cell(0, "", "point", (), None, None, "")  # type: ignore[arg-type]
    row = Row("planted", "inline", {}, cell, "base", expect, medians)
    made = [tuple(replicate(seed, **fields) for seed, fields in enumerate(rows)) for rows in (here, there or [])]
    return RowResult(row, made[0], made[1] if there else None)


def pages(*counts: int) -> list[Mapping[str, int]]:
    """Replicates that swapped out so many pages."""
    return [{"pswpout": count} for count in counts]


def test_a_ratio_is_the_median_over_pairs() -> None:
    result = planted(pages(10, 40, 90), pages(10, 10, 100), {}, {})
    assert result.ratio("pswpout") == 1.0, "of 1, 4 and 0.9; the medians' ratio is 4"
    assert planted(pages(10, 40, 90), pages(0, 10, 0), {}, {}).ratio("pswpout") == 4.0, "pairs without a ratio are left out"
    assert planted(pages(10), pages(0), {}, {}).ratio("pswpout") is None
    assert planted(pages(10), None, {}, {}).ratio("pswpout") is None


def test_computed_measures_are_what_their_names_say() -> None:
    killed = {
        "oom_kills": 1,
        "time_to_low_ns": 1_000_000_000,
        "time_to_first_oom_ns": 1_500_000_000,
        "reserve_used": 30,
        "pgsteal_kswapd": 40,
        "pgsteal_direct": 20,
    }
    alive = {"time_to_low_ns": 5, "time_to_first_oom_ns": -1, "ops_done": 300, "elapsed_ns": 2_000_000_000}
    result = planted([killed | {"elapsed_ns": 1_000_000_000, "ops_done": 50}, alive, alive], None, {}, {})
    assert result.count("killed") == 1
    assert result.values("killed_after_low_s") == [0.5, None, None]
    assert result.median("killed_after_low_s") == 0.5
    assert result.values("reserve_per_freed") == [0.5, None, None]
    assert result.values("throughput") == [50.0, 150.0, 150.0]


@pytest.mark.parametrize(
    ("counts", "word", "holds"),
    [
        ((1, 1, 5), "all", True),
        ((1, 0, 5), "all", False),
        ((0, 0, 0), "none", True),
        ((0, 2, 0), "none", False),
        ((0, 2, 0), "some", True),
        ((1, 2, 3), "some", True),
        ((0, 0, 0), "some", False),
        ((0, 0, 0), "any", True),
    ],
)
def test_a_word_counts_replicates(counts: tuple[int, ...], word: str, holds: bool) -> None:
    found = list(planted(pages(*counts), None, {"pswpout": word}, {}).failures())
    assert found == ([] if holds else [f"pswpout: {sum(c > 0 for c in counts)} of 3 replicates; expected: {word}"])


@pytest.mark.parametrize(
    ("low", "high", "failure"),
    [
        (0.5, 0.5, None),
        (None, 0.5, None),
        (0.5, None, None),
        (0.6, None, 'pswpout: 0.5 times that of "base"; expected: [0.6, null]'),
        (0.1, 0.4, 'pswpout: 0.5 times that of "base"; expected: [0.1, 0.4]'),
    ],
)
def test_an_interval_bounds_the_ratio(low: float | None, high: float | None, failure: str | None) -> None:
    assert list(planted(pages(5), pages(10), {"pswpout": Interval(low, high)}, {}).failures()) == ([failure] if failure else [])


def test_an_undefined_value_is_never_as_expected() -> None:
    alive = [{"pswpout": 5, "time_to_first_oom_ns": -1}]
    result = planted(alive, pages(0), {"pswpout": Interval(None, None)}, {"killed_after_low_s": Interval(0, None)})
    assert list(result.failures()) == [
        'pswpout: undefined times that of "base"; expected: [null, null]',
        "killed_after_low_s: median undefined; expected: [0, null]",
    ]


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "-"), (0, "0"), (3.0, "3"), (0.12345, "0.123"), (2999.4, "2 999"), (1234567.0, "1 234 567"), (90.5, "90.5")]
)
def test_numbers_are_for_people(value: float | None, shown: str) -> None:
    assert number(value) == shown


HEAD = [
    *("row", "policy", "seeds", "killed", "deadlock", "ops/s", "ops/s", "pswpout"),
    *("free", "min", "reserve/", "killed", "after", "atomic", "allocstall", "as"),
]


def test_the_table_is_aligned_and_shows_the_range_of_a_kill(results: list[RowResult]) -> None:
    lines = text(results, columns(results, ["pswpout"], ["allocstall"])).splitlines()
    assert len(lines) == 2 + len(results)
    assert lines[0].split() == HEAD
    assert lines[3].startswith("W1 postponed  postponed      3     3/3       0/3")
    kills = [{"time_to_low_ns": 0, "time_to_first_oom_ns": at, "elapsed_ns": 1} for at in (120_000_000, 1_830_000_000, 1_830_000_000)]
    assert "1.83 (0.12–1.83)" in text([found := planted(kills, None, {}, {})], columns([found]))
    assert "expected" not in text([found], columns([found])), "nothing is expected, nothing is compared"
    assert "of base" not in text([found], columns([found]))


def highwater(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return tinysweep.highwater(directory, "compare", *arguments)


def test_the_command_prints_the_table_and_writes_it(tmp_path: Path) -> None:
    tinyscenario.write(tmp_path)
    done = highwater(tmp_path, "tiny.yaml", "--row", "W1 postponed", "--seeds", "2", "--csv", "out.csv", "--columns", "laundry_max,pswpout", "--jobs", "1")
    assert (done.returncode, done.stderr) == (0, "tiny: 2 rows, 4 simulations\n")
    assert [line.split()[0] for line in done.stdout.splitlines()[2:]] == ["inline", "W1"]
    with (tmp_path / "out.csv").open() as file:
        inline, postponed = csv.DictReader(file)
    assert (inline["row"], inline["killed"], inline["throughput_ratio"], inline["as_expected"]) == ("inline", "0", "1.0", "yes")
    assert (postponed["row"], postponed["killed"], postponed["seeds"]) == ("W1 postponed", "2", "2")
    assert float(postponed["laundry_max"]) > 1000
    assert inline["killed_after_low_s"] == ""
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["out.csv", "tiny.yaml"]


def test_what_does_not_hold_is_told_after_the_table(tmp_path: Path) -> None:
    tinyscenario.write(tmp_path, tinyscenario.TINY.replace("killed: none, throughput: [1, 1]", "killed: some, throughput: [2, 3]"))
    done = highwater(tmp_path, "tiny.yaml", "--row", "inline", "--jobs", "1")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].split()[-1] == "NO"
    assert done.stderr.splitlines()[1:] == [
        'tiny.yaml: row "inline": killed: 0 of 3 replicates; expected: some',
        'highwater: error: tiny.yaml: row "inline": throughput: 1 times that of "inline"; expected: [2, 3] (2 expectations do not hold)',
    ]


MISSED = 'expect: {killed: none}\n    missed: {killed: "its accounting is wrong"}\n    expect_median: {killed_after_low_s: [0, 1]}'


def test_a_known_miss_is_in_the_table_with_its_reason_and_no_failure(tmp_path: Path) -> None:
    tinyscenario.write(tmp_path, tinyscenario.TINY.replace("expect: {killed: all}\n    expect_median: {killed_after_low_s: [0, 1]}", MISSED))
    done = highwater(tmp_path, "tiny.yaml", "--row", "W1 postponed", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("  miss (known): killed: its accounting is wrong")


def test_a_known_miss_that_holds_is_told_unless_the_run_is_smaller(tmp_path: Path) -> None:
    tinyscenario.write(tmp_path, tinyscenario.TINY.replace("throughput: [1, 1]}", 'throughput: [1, 1]}\n    missed: {killed: "once it was"}'))
    done = highwater(tmp_path, "tiny.yaml", "--row", "inline", "--jobs", "1")
    assert done.returncode == 1
    told = 'tiny.yaml: row "inline": killed: as expected, but recorded as missed; allowed: without the key missed'
    assert done.stderr.splitlines()[-1] == f"highwater: error: {told}"
    assert highwater(tmp_path, "tiny.yaml", "--row", "inline", "--jobs", "1", "--seeds", "2").returncode == 0


def test_a_miss_hides_no_other_failure() -> None:
    result = planted(pages(5), None, {"pswpout": "none", "pswpin": "all"}, {})
    known = replace(result, row=replace(result.row, missed={"pswpout": "why"}))
    assert list(known.failures()) == ["pswpin: 0 of 1 replicates; expected: all"]
    assert list(known.known_misses()) == ["pswpout: why"]


def test_only_what_is_expected_can_be_missed(tmp_path: Path) -> None:
    tinyscenario.write(tmp_path, tinyscenario.TINY.replace("throughput: [1, 1]}", 'throughput: [1, 1]}\n    missed: {pswpout: "never asked"}'))
    with pytest.raises(ConfigError, match=r"rows\[0\].missed: pswpout; allowed: a measure of which the row expects something: killed, throughput"):
        load_scenario(tmp_path / "tiny.yaml")


def test_without_a_file_the_shipped_ones_are_listed(tmp_path: Path) -> None:
    done = highwater(tmp_path)
    assert done.returncode == 0
    assert "w1: the load of the 2007 thread" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["nowhere"], "nowhere: no such file; allowed: a scenario file, or a shipped scenario: "),
        (["tiny.yaml", "--columns", "pswpout,foo"], "--columns: foo; allowed: killed, throughput, "),
        (["tiny.yaml", "--csv", "nowhere/out.csv"], "--csv: nowhere/out.csv; allowed: a file in a directory that exists"),
        (["tiny.yaml", "--row", "foo"], "--row: foo; allowed: inline, W1 postponed, W1 slow, mix"),
        (["tiny.yaml", "--seeds", "0"], "Invalid value for '--seeds'"),
        (["tiny.yaml", "--jobs", "0"], "Invalid value for '--jobs'"),
        (["tiny.yaml", "--set", "rows.0.policy=no"], "tiny.yaml: rows[0].policy: no; allowed: "),
    ],
)
def test_a_wrong_command_line_is_one_line(tmp_path: Path, arguments: list[str], problem: str) -> None:
    tinyscenario.write(tmp_path)
    done = highwater(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"highwater: error: {problem}")


def test_a_simulation_that_cannot_run_is_named(tmp_path: Path) -> None:
    """Streams are compiled by the workers, so what only they can find is found there."""
    text = tinyscenario.TINY.replace("{kind: mix, anon_share: 0.8", "{kind: mix, readers: 0, writers: 0, anon_share: 0")
    done = highwater(tmp_path, str(tinyscenario.write(tmp_path, text)), "--jobs", "2")
    assert done.returncode == 70
    assert re.match(r'highwater: error: row "mix", policy postponed, seed [01]: ValueError: anon_share: ', done.stderr.splitlines()[-1])
