"""Damage: a store that was cut or altered on disk is refused by name or read as it was at an earlier moment; never a wrong number."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from sweep.errors import StoreError
from sweep.plan import load_plan
from sweep.results import Results, load_results
from sweep.runner import open_store
from sweep.seeds import CONFIRM, SEARCH
from sweep.store import FILE, Store
from sweep.study import Batch
from tests import tinysweep
from tests.sweep.test_store import trial

PLACES = 40  # of each kind, 240 in all


def fingerprint(results: Results) -> tuple[str, ...]:
    """Everything that a reader could take from it."""
    tables = (results.trials.drop(columns="is_best"), results.replicates, results.cells, results.poison)
    return (results.name, results.config_sha256, *(table.to_csv() for table in tables))


def batches() -> list[Batch]:
    """A few studies, the way a run would commit them."""
    found = []
    for cell, policy in ((0, "inline"), (0, "postponed"), (1, "inline")):
        found.append(Batch(cell, policy, 0, SEARCH, (trial(0, SEARCH, oom=True), trial(1, SEARCH, ops=cell + 7))))
        found.append(Batch(cell, policy, 1, SEARCH, tuple(trial(n, SEARCH, ops=n * 11) for n in range(2, 5))))
        found.append(Batch(cell, policy, 2, CONFIRM, (trial(0, CONFIRM), trial(3, CONFIRM))))
    return found


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, set[tuple[str, ...]]]:
    """A store with its log still beside it, one whose log was taken in, and what it said after each commit."""
    directory = tmp_path_factory.mktemp("damage")
    said = set()
    with Store(directory / "open") as store:
        open_store(load_plan(tinysweep.write(directory)), store)
        said.add(fingerprint(load_results(directory / "open")))
        for batch in batches():
            store.commit(batch)
            said.add(fingerprint(load_results(directory / "open")))
        shutil.copytree(directory / "open", directory / "killed")  # what a SIGKILL would leave
    shutil.copytree(directory / "open", directory / "closed")
    assert (directory / "killed" / f"{FILE}-wal").stat().st_size > 100_000
    assert not (directory / "closed" / f"{FILE}-wal").exists()
    assert len(said) == len(batches()) + 1
    return directory / "killed", directory / "closed", said


def flip(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def cut(path: Path, rng: random.Random) -> None:
    with path.open("r+b") as file:
        file.truncate(rng.randrange(path.stat().st_size))


def blank(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    page = rng.randrange(len(data) // 4096 + 1) * 4096
    data[page : page + 4096] = bytes(len(data[page : page + 4096]))
    path.write_bytes(data)


def read_all(directory: Path) -> tuple[str, ...]:
    return fingerprint(load_results(directory))


def open_and_close(directory: Path) -> None:
    Store(directory).close()


def said_by(act: Callable[[], object]) -> tuple[object, str | None]:
    """What it gave, or why it refused."""
    try:
        return act(), None
    except StoreError as error:
        return None, str(error)


@pytest.mark.chaos
@pytest.mark.parametrize("harm", [flip, cut, blank])
@pytest.mark.parametrize("which", ["killed", "closed"])
def test_a_damaged_store_is_refused_or_is_an_earlier_one(
    tmp_path: Path, story: tuple[Path, Path, set[tuple[str, ...]]], which: str, harm: Callable[[Path, random.Random], None]
) -> None:
    killed, closed, said = story
    rng = random.Random(f"{which} {harm.__name__}")
    outcomes = {"refused": 0, "earlier": 0}
    for number in range(PLACES):
        copy = tmp_path / str(number)
        shutil.copytree(killed if which == "killed" else closed, copy)
        harm(rng.choice(sorted(copy.glob("sweep.db*"))) if number % 2 else copy / FILE, rng)
        read, problem = said_by(partial(read_all, copy))
        if problem is None:
            assert read in said, f"{which} {harm.__name__} {number}: a wrong number"
        _, refusal = said_by(partial(open_and_close, copy))
        for line in filter(None, (problem, refusal)):
            assert str(copy) in line
            assert "\n" not in line
        outcomes["earlier" if problem is None else "refused"] += 1
        shutil.rmtree(copy)
    assert outcomes["refused"] > 0 or which == "killed", outcomes  # what is damaged may lie in the log as well, whole


@pytest.mark.parametrize(
    "theft",
    [
        "DELETE FROM replicates WHERE trial = 1 AND replicate = 1 AND cell = 0",
        "DELETE FROM trials WHERE trial = 4",
        "DELETE FROM batches WHERE seq = 2",
        "DELETE FROM batches WHERE seq = 9",
        "DELETE FROM cells WHERE cell = 2",
        "DELETE FROM meta WHERE key = 'config_sha256'",
        "UPDATE batches SET phase = 'search' WHERE phase = 'confirm'",
        "UPDATE batches SET batch = 7 WHERE seq = 9",
        "UPDATE trials SET seq = 2 WHERE seq = 1",
        "UPDATE cells SET label = 'another' WHERE cell = 0",
        "DELETE FROM batches WHERE seq = 2; DELETE FROM trials WHERE seq = 2; DELETE FROM replicates WHERE seq = 2",
    ],
)
def test_a_theft_is_found(tmp_path: Path, story: tuple[Path, Path, set[tuple[str, ...]]], theft: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(story[1], copy)
    with sqlite3.connect(copy / FILE) as db:
        db.executescript(theft)
    db.close()
    with pytest.raises(StoreError, match=r"sweep\.db"):
        load_results(copy)
    with pytest.raises(StoreError, match=r"sweep\.db"):
        Store(copy)
