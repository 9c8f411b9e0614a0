"""Preallocated writeout: a write never lacks memory; dirty memory costs more."""

from __future__ import annotations

import pytest

from core import Builder, Outcome, Streams, operations, policies
from core.state import Memory
from core.units import SECOND
from tests.core.stories import disk, prepared, small_machine

pytestmark = pytest.mark.compiled


def dirtying(anon_pages: int, file_pages: int) -> Streams:
    builder = Builder()
    anon, file = builder.anon(anon_pages), builder.file(file_pages)
    task = builder.task(5_000).run(operations.WRITE, anon.first, anon_pages).run(operations.FILE_WRITE, file.first, file_pages)
    task.discard(file).run(operations.READ, anon.first, anon_pages).run(operations.WRITE, anon.first, anon_pages)
    return builder.build(20 * SECOND)


def run(load: Streams, w_alloc_milli: int, **params: int) -> tuple[Outcome, Memory]:
    machine = small_machine(disk("swap", w_alloc_milli, 5_000_000), disk("file", 500))
    return prepared(machine, policies.load("preallocated"), params, load)


def test_no_write_lacks_memory() -> None:
    load = dirtying(600, 50)
    (plain, _), (held, _) = run(load, 1_000, preallocate=0), run(load, 1_000)
    assert plain.reserve_used > 0
    assert (held.memalloc_fail, held.reserve_used) == (0, 0)
    assert held.ops_done == plain.ops_done
    assert held.nr_prealloc_max > 150  # one page for each page of dirty anonymous memory: half of RAM is its price
    assert held.pswpout > plain.pswpout


@pytest.mark.parametrize(("w_alloc_milli", "pages"), [(0, 0), (300, 30), (1_000, 100), (2_500, 250)])
def test_fractions_add_up_and_are_held_while_the_page_is_dirty(w_alloc_milli: int, pages: int) -> None:
    builder = Builder()
    anon = builder.anon(100)
    builder.task(5_000).run(operations.WRITE, anon.first, 100).sleep(SECOND)
    out, memory = run(builder.build(SECOND // 2), w_alloc_milli)
    assert memory.devs[0].prealloc == pages
    assert 0 <= out.nr_prealloc_max - pages <= 2  # the task's own stash
    assert out.nr_free_final == 512 - 100 - memory.vm[0].nr_prealloc


def test_an_exit_gives_it_back() -> None:
    builder = Builder()
    anon, file = builder.anon(100), builder.file(20)
    builder.task(5_000).run(operations.WRITE, anon.first, 100).run(operations.FILE_WRITE, file.first, 20).discard(file)
    out, memory = run(builder.build(SECOND), 1_500)
    assert out.nr_prealloc_max >= 160
    assert memory.vm[0].nr_prealloc == 0
    assert out.nr_free_final == 512
