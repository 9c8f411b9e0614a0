"""The ring lists against plain Python lists."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import lru, policies
from core.builder import Builder
from core.memory import boot
from core.mmzone import NO_LIST
from core.watermark import ERA_6_12

PAGES = 40


@pytest.fixture(autouse=True, scope="module")
def interpreted() -> Iterator[None]:
    """What these functions call is interpreted like them; the hint to the processor exists in compiled code only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lru, "prefetch", lambda array, index: None)
        for name in ("enqueue", "fetch_soon", "compact"):
            patch.setattr(lru, name, plain(getattr(lru, name)))
        yield


def plain(function):  # type: ignore[no-untyped-def]
    return getattr(function, "py_func", function)


def memory():  # type: ignore[no-untyped-def]
    from tests.core.random_case import random_machine

    builder = Builder()
    builder.anon(PAGES)
    builder.task().think(1)
    machine = random_machine(np.random.default_rng(0))
    policy = policies.load("flusher_only")
    state = boot(machine, ERA_6_12, policy.resolve(machine, {}), np.zeros(1, np.int64), builder.build(10))[0]
    return state._replace(rings=np.zeros((len(state.queues), 64), np.int32))  # small, so that it is full often


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, PAGES - 1), st.integers(0, 1)), max_size=400))
def test_rings_behave_like_lists(steps: list[tuple[int, int, int]]) -> None:
    m = memory()
    lists: list[list[int]] = [[], []]  # oldest first
    for action, page, which in steps:
        on = next((i for i in range(2) if page in lists[i]), None)
        if action == 0 and on is None:
            plain(lru.add_head)(m, page, which)
            lists[which].append(page)
        elif action == 1 and on is None:
            plain(lru.add_tail)(m, page, which)
            lists[which].insert(0, page)
        elif action == 2 and on is not None:
            plain(lru.remove)(m, page)
            lists[on].remove(page)
        elif action == 3:
            assert plain(lru.pop_tail)(m, which) == (lists[which].pop(0) if lists[which] else -1)
        assert [int(m.queues[i].nr) for i in range(2)] == [len(x) for x in lists]
        assert {p for p in range(PAGES) if m.page[p].list != NO_LIST} == set(lists[0]) | set(lists[1])
