"""Recursive reclaim (RFC 0/3): clean pages instead of a failed allocation, two deep, no deeper."""

from __future__ import annotations

import numpy as np
import pytest

from core import Outcome, Policy, Streams, policies, simulate
from core.decisions import BEFORE_RESERVE, MAPPED, NO
from core.jit import decision
from core.state import Memory
from tests.core.random_case import random_machine, random_params, random_streams
from tests.core.stories import prepared, reading_then_growing, small_machine

pytestmark = pytest.mark.compiled

BURST = 200  # the reserve is 32 pages


def test_shrinker(memory: Memory) -> None:
    """RFC 3/3: the next shrink_slab() takes BURST pages one by one, under PF_MEMALLOC."""
    memory.vm[0].slab_burst = BURST


test_shrinker.__test__ = False  # type: ignore[attr-defined]


def burst(policy: Policy, load: Streams, **params: int) -> Outcome:
    return prepared(small_machine(), policy, params, load, test_shrinker)[0]


def test_a_burst_larger_than_the_reserve_fails_inline_and_lives_on_clean_pages_in_recursion() -> None:
    load = reading_then_growing(350, 150)
    inline, recursive = burst(policies.load("inline"), load), burst(policies.load("recursive"), load)
    assert (inline.memalloc_fail, inline.recursions) == (1, 0)
    assert inline.slab_burst_max < 60
    assert inline.nr_free_min_seen == 0
    assert (recursive.memalloc_fail, recursive.slab_burst_max) == (0, BURST)
    assert recursive.recursions > 1
    assert 32 <= recursive.recursion_reclaimed / recursive.recursions <= 64  # "52-64 pages" in the trace of 14 August
    assert recursive.reclaim_depth == 2


def test_without_clean_pages_it_is_inline() -> None:
    load = reading_then_growing(4, 500)
    inline, recursive = burst(policies.load("inline"), load), burst(policies.load("recursive"), load)
    assert inline.memalloc_fail == recursive.memalloc_fail == 1
    assert recursive.slab_burst_max <= inline.slab_burst_max + 4


@pytest.mark.parametrize(("takes_mapped_clean", "survives"), [(0, False), (1, True)])
def test_as_posted_it_does_not_take_program_text(takes_mapped_clean: int, survives: bool) -> None:
    """The mail says "mapped clean pages"; with may_swap=0 shrink_page_list() keeps every mapped page."""
    out = burst(policies.load("recursive"), reading_then_growing(350, 150, mapped=True), takes_mapped_clean=takes_mapped_clean)
    assert (out.memalloc_fail == 0) is survives
    assert (out.recursion_reclaimed >= BURST // 2) is survives


def test_clean_pages_may_go_before_the_reserve() -> None:
    load = reading_then_growing(350, 150)
    last, first = (burst(policies.load("recursive"), load, clean_first=value) for value in (0, 1))
    assert first.memalloc_fail == last.memalloc_fail == 0
    assert last.nr_free_min_seen == 0
    assert first.nr_free_min_seen > last.nr_free_min_seen
    assert first.reserve_used < last.reserve_used


def test_the_posted_defect_skips_the_naps() -> None:
    """Direct reclaim runs through its 13 priorities at once: here the load is done sooner for it."""
    load = reading_then_growing(4, 1_000)
    napping, racing = (prepared(small_machine(), policies.load("recursive"), {"inverted_throttle": value}, load)[0] for value in (0, 1))
    assert napping.ops_done == racing.ops_done
    assert racing.elapsed_ns < napping.elapsed_ns


def test_postponed_laundering_with_recursion_is_the_combined_fix() -> None:
    load = reading_then_growing(350, 150)
    postponed = policies.load("postponed")
    assert burst(postponed, load).memalloc_fail == 1
    fixed = burst(postponed, load, launder_keeps_memalloc=1, recursion=1)
    assert (fixed.memalloc_fail, fixed.slab_burst_max) == (0, BURST)


@decision
def _mapped_when_empty(when, gfp, own):  # type: ignore[no-untyped-def]
    if when == BEFORE_RESERVE:
        return NO
    return MAPPED


MODERN = Policy("modern", "6.12 without its bail-out", "test", "6.12", {"recurse": _mapped_when_empty})


def test_6_12_without_its_bail_out_for_pf_memalloc() -> None:
    load = reading_then_growing(350, 150)
    plain, recursive = burst(policies.load("flusher_only"), load), burst(MODERN, load)
    assert (plain.memalloc_fail, plain.recursions) == (1, 0)
    assert (recursive.memalloc_fail, recursive.slab_burst_max) == (0, BURST)
    assert recursive.reclaim_depth == 2


@pytest.mark.parametrize("seed", range(6))
def test_reclaim_never_nests_deeper_than_two(seed: int) -> None:
    rng = np.random.default_rng(seed)
    machine, params, load = random_machine(rng), random_params(rng), random_streams(rng, tasks=3, blocks=3, touches=200)
    for clean_first in (0, 1):
        out = simulate(machine, policies.load("recursive"), params | {"clean_first": clean_first, "takes_mapped_clean": 1}, load)
        assert out.reclaim_depth <= 2
