"""Progress: a tally is one line; decided cells are counted when it is worth it."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from sweep.progress import Decided, Reporter, Tally, duration

TALLY = Tally(
    studies_done=3,
    studies=10,
    simulations_done=250,
    simulations=1000,
    simulations_now=100,
    cells_complete=1,
    cells=5,
    elapsed_s=20.0,
)


def test_a_tally_is_one_line() -> None:
    assert TALLY.text(1) == "250/1000 simulations (25 %), 3/10 studies, 20 % of 5 cells decided, 5.0/s, ETA 2:30"
    assert replace(TALLY, simulations_now=0).text(None) == "250/1000 simulations (25 %), 3/10 studies, 0.0/s, ETA ?"


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (59.6, "1:00"), (3599, "59:59"), (7325, "2:02:05")])
def test_durations_read_like_a_clock(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_decided_cells_are_counted_when_a_cell_is_complete() -> None:
    asked: list[int] = []

    def count() -> int:
        asked.append(1)
        return len(asked)

    decided = Decided(count)
    assert decided.update(0) == 0
    assert decided.update(1) == 2, "the first count only warmed up"
    assert decided.update(1) == 2, "nothing new"
    assert decided.update(2, is_last=True) == 3
    assert Decided(None).update(4) is None, "a sweep that compares nothing"


def test_away_from_a_terminal_there_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    with Reporter("duel", Decided(None), stream) as report:
        for _ in range(100):
            report(TALLY)
        assert stream.getvalue() == "", "a sweep of seconds needs none"
        monkeypatch.setattr("sweep.progress.PLAIN_EVERY_S", 0.0)
        report(TALLY)
    assert stream.getvalue() == f"duel: {TALLY.text(None)}\n"
    assert report.summary(TALLY) == "duel: complete: 10 studies, 250 simulations (100 now in 0:20, 5.0/s)"


def test_on_a_terminal_the_line_is_live() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    with Reporter("duel", Decided(None), Terminal()) as report:
        report(TALLY)
        assert report._live is not None
        assert report._live.tasks[0].completed == 250
        assert report._live.tasks[0].fields["text"] == TALLY.text(None)
