"""An era: the mechanics around a policy's decisions, and what its kernel decides where the policy says nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from core.decisions import (
    ACTIVATE,
    ALL_DIRTY,
    ARGUMENTS,
    BY_CONGESTION,
    BY_EVENT,
    DROP,
    FILTER,
    KEEP,
    NO,
    RECLAIM,
    WAIT_FOR_RESERVE,
    WRITE,
)
from core.jit import decision
from core.watermark import ERA_2_6_23, ERA_6_12

MAX_RECLAIM_RETRIES: Final = 16  # mm/internal.h, v6.12


@dataclass(frozen=True)
class Era:
    """A kernel's rules.

    Attributes:
        name: the version, as policies write it.
        mechanics: ERA_2_6_23 or ERA_6_12, which of the two engines runs.
        decisions: what that kernel decides, a function for each name of ``decisions.ARGUMENTS``.
        rt_quarter: a real-time task that may wait goes a quarter below min (to 6.2), not half.
        version: the same as a number, 100 times major plus minor; 206 for 2.6.23.
    """

    name: str
    mechanics: int
    decisions: Mapping[str, Callable[..., Any]]
    rt_quarter: int = 0
    version: int = 0


@decision
def _write(is_kswapd, anon, marked, node_dirty, priority, own):  # type: ignore[no-untyped-def]
    """pageout(), v2.6.23: who finds it writes it."""
    return WRITE


@decision
def _leave_files(is_kswapd, anon, marked, node_dirty, priority, own):  # type: ignore[no-untyped-def]
    """shrink_folio_list(), v6.12, with ->writepage gone: swap anonymous pages out, move file pages out of the way until they are flushed."""
    if anon:
        return WRITE
    return ACTIVATE


@decision
def _write_twice_seen(is_kswapd, anon, marked, node_dirty, priority, own):  # type: ignore[no-untyped-def]
    """shrink_page_list(), v4.11 to v6.1: kswapd writes a file page seen twice when all it meets is dirty and not queued (ext4's ->writepage)."""
    if anon or (is_kswapd and marked and node_dirty):
        return WRITE
    return ACTIVATE


@decision
def _keep(is_kswapd, marked, node_writeback, own):  # type: ignore[no-untyped-def]
    """shrink_page_list(), v2.6.23: it stays where it is."""
    return KEEP


@decision
def _activate(is_kswapd, marked, node_writeback, own):  # type: ignore[no-untyped-def]
    """shrink_folio_list() since v4.11: out of the scanner's way."""
    return ACTIVATE


@decision
def _no_launder(is_kswapd, when, nr_laundry, priority, own):  # type: ignore[no-untyped-def]
    """There is no laundry."""
    return 0


@decision
def _keep_memalloc(is_kswapd, own):  # type: ignore[no-untyped-def]
    """PF_MEMALLOC is never taken away."""
    return 1


@decision
def _no_recursion(when, gfp, own):  # type: ignore[no-untyped-def]
    """Allocations with PF_MEMALLOC do not reclaim."""
    return NO


@decision
def _no_atomic_reclaim(gfp, own):  # type: ignore[no-untyped-def]
    """Who may not wait may not reclaim."""
    return 0


@decision
def _reclaim(gfp, free, half_min, hopeless, own):  # type: ignore[no-untyped-def]
    """Everybody reclaims for himself."""
    return RECLAIM


@decision
def _throttle_direct_reclaim(gfp, free, half_min, hopeless, own):  # type: ignore[no-untyped-def]
    """throttle_direct_reclaim(): half of the reserve is kept for those who write."""
    if free > half_min or hopeless:
        return RECLAIM
    return WAIT_FOR_RESERVE


@decision
def _congestion_wait(is_kswapd, why, priority, own):  # type: ignore[no-untyped-def]
    """congestion_wait(WRITE, HZ/10)."""
    return BY_CONGESTION


@decision
def _reclaim_throttle(is_kswapd, why, priority, own):  # type: ignore[no-untyped-def]
    """reclaim_throttle()."""
    return BY_EVENT


@decision
def _wake(is_kswapd, priority, own):  # type: ignore[no-untyped-def]
    """wakeup_pdflush(total_scanned)."""
    return 1


@decision
def _wake_when_all_dirty(is_kswapd, priority, own):  # type: ignore[no-untyped-def]
    """shrink_inactive_list() since v4.11."""
    return 1 if priority == ALL_DIRTY else 0


@decision
def _all_unreclaimable(loops, reclaimed, hopeless, could_help, own):  # type: ignore[no-untyped-def]
    """try_to_free_pages() returned 0: every zone is all_unreclaimable."""
    return 1 - reclaimed


@decision
def _should_reclaim_retry(loops, reclaimed, hopeless, could_help, own):  # type: ignore[no-untyped-def]
    """should_reclaim_retry(): more than 16 times without progress, or nothing left worth reclaiming."""
    if loops > MAX_RECLAIM_RETRIES or not could_help:
        return 1
    return 0


@decision
def _drop(own):  # type: ignore[no-untyped-def]
    """The packet is lost."""
    return DROP


@decision
def _filter(own):  # type: ignore[no-untyped-def]
    """sk_filter() since v3.6: a packet in a pfmemalloc page is dropped unless its socket is SOCK_MEMALLOC."""
    return FILTER


_COMMON: Final[dict[str, Any]] = {
    "launder": _no_launder,
    "launder_memalloc": _keep_memalloc,
    "recurse": _no_recursion,
    "atomic_scan": _no_atomic_reclaim,
}

LINUX_2_6_23: Final = Era(
    "2.6.23",
    ERA_2_6_23,
    _COMMON
    | {
        "dirty_page": _write,
        "writeback_page": _keep,
        "before_direct": _reclaim,
        "throttle": _congestion_wait,
        "wake_pdflush": _wake,
        "out_of_memory": _all_unreclaimable,
        "receive": _drop,
    },
    version=206,
)
LINUX_6_1: Final = Era(
    "6.1",
    ERA_6_12,
    _COMMON
    | {
        "dirty_page": _write_twice_seen,
        "writeback_page": _activate,
        "before_direct": _throttle_direct_reclaim,
        "throttle": _reclaim_throttle,
        "wake_pdflush": _wake_when_all_dirty,
        "out_of_memory": _should_reclaim_retry,
        "receive": _filter,
    },
    rt_quarter=1,
    version=601,
)
LINUX_6_12: Final = Era(
    "6.12",
    ERA_6_12,
    _COMMON
    | {
        "dirty_page": _leave_files,
        "writeback_page": _activate,
        "before_direct": _throttle_direct_reclaim,
        "throttle": _reclaim_throttle,
        "wake_pdflush": _wake_when_all_dirty,
        "out_of_memory": _should_reclaim_retry,
        "receive": _filter,
    },
    version=612,
)
ERAS: Final = {era.name: era for era in (LINUX_2_6_23, LINUX_6_1, LINUX_6_12)}

assert all(set(era.decisions) == set(ARGUMENTS) for era in ERAS.values())
