"""What both eras' reclaim shares: the scan_control, and going back to the LRU."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.decisions import NO, UNMAPPED
from tests.twin.actor import Actor
from tests.twin.lru import put_on_lru
from tests.twin.page import Page, bury

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel

BATCH = 32  # SWAP_CLUSTER_MAX
DEF_PRIORITY = 12


@dataclass
class ScanControl:
    """One reclaimer's intentions and what it has met."""

    flags: int
    priority: int = DEF_PRIORITY
    nr_scanned: int = 0
    recursion: int = NO
    for_floor: bool = False  # only to mend the clean floor: clean file pages stay
    laundry: list[Page] = field(default_factory=list)
    # 6.12
    nr_to_reclaim: int = 0
    nr_reclaimed: int = 0  # by direct reclaim before the present node
    may_deactivate: dict[bool, bool] = field(default_factory=dict)  # by is_file
    force_deactivate: bool = False
    skipped_deactivate: bool = False
    cache_trim_mode: bool = False
    no_cache_trim_mode: bool = False
    cache_trim_mode_failed: bool = False
    file_is_tiny: bool = False
    boosted: bool = False
    slab_scanned: int = 0
    met: Met = field(default_factory=lambda: Met())

    @property
    def may_writepage(self) -> bool:
        return not self.recursion and not self.boosted

    @property
    def may_swap(self) -> bool:
        return not self.recursion and not self.boosted

    @property
    def may_unmap(self) -> bool:
        return self.recursion != UNMAPPED


@dataclass
class Met:
    """What one call of shrink_node() met (6.12)."""

    taken: int = 0
    file_taken: int = 0
    dirty: int = 0
    unqueued_dirty: int = 0
    congested: int = 0
    writeback: int = 0
    immediate: int = 0


def isolated(pages: Iterable[Page]) -> list[Page]:
    """Pages taken off the LRU for a look count as scanned in their zones."""
    pages = list(pages)
    for page in pages:
        assert page.zone is not None
        page.zone.scanned += 1
    return pages


def put_back(k: Kernel, pages: Iterable[Page]) -> None:
    """putback_lru_page() of each; pages that have lost their contents meanwhile are freed."""
    for page in pages:
        k.laundry.discard(page)
        if page.gone and not page.writeback and not page.locked:
            bury(k, page)
        elif k.generations:
            k.node_of(page).gens.put_back(page)
        else:
            put_on_lru(k, page)


def count_scanned(k: Kernel, actor: Actor, pages: int) -> None:
    k.count["pgscan_kswapd" if actor.is_kswapd else "pgscan_direct"] += pages


def count_stolen(k: Kernel, actor: Actor, pages: int) -> None:
    k.count["pgsteal_kswapd" if actor.frees_for_others else "pgsteal_direct"] += pages
