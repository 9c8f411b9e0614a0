"""Trials: pure, and the streams of a cell are compiled once."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import Outcome, Streams
from core.builder import Builder
from core.operations import WRITE
from sweep.plan import load_plan
from sweep.trial import StreamCache, run_trial
from tests import tinysweep

pytestmark = pytest.mark.timeout(400)


def test_a_trial_is_a_pure_function(tmp_path: Path) -> None:
    study = load_plan(tinysweep.write(tmp_path)).studies[0]
    replicates = study.replicates("search")
    first = run_trial(study.cell, "inline", 3, {"min_free_kbytes": 900}, replicates)
    assert first == run_trial(study.cell, "inline", 3, {"min_free_kbytes": 900}, replicates)
    assert dict(first.params)["min_free_kbytes"] == 900
    assert [row.replicate for row in first.replicates] == list(replicates)
    assert len({row.stream_digest for row in first.replicates}) == 2, "replicates differ"
    other = run_trial(study.cell, "postponed", 0, {}, replicates)
    assert [row.stream_digest for row in other.replicates] == [row.stream_digest for row in first.replicates]
    row = dict(zip(Outcome.fields(), first.replicates[0].counters, strict=True))
    assert first.replicates[0].throughput == row["ops_done"] * 1e9 / row["elapsed_ns"]
    with pytest.raises(ValueError, match=r"params\.min_free_kbytes: 1; allowed: 128 to"):
        run_trial(study.cell, "inline", 0, {"min_free_kbytes": 1}, replicates)


def test_the_cache_holds_the_most_recent_streams() -> None:
    compiled: list[int] = []

    def make(number: int) -> Streams:
        compiled.append(number)
        builder = Builder()
        region = builder.anon(1000)
        builder.task().run(WRITE, region.first, region.pages)
        return builder.build(1)

    size = make(0).page_attr.nbytes + make(0).ops.nbytes
    compiled.clear()
    cache = StreamCache(2 * size)
    for number in (0, 1, 0, 2, 0, 1):
        cache.get(("cell", number), lambda number=number: make(number))  # type: ignore[misc]
    assert compiled == [0, 1, 2, 1], "1 was the oldest when 2 came"
