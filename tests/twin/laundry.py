"""Laundry lists of the zones: dirty pages that nobody writes yet (C. Lameter, 21 Aug 2007; FreeBSD's PQ_LAUNDRY). They count as LRU pages and stay mapped."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel
    from tests.twin.page import Page


def to_laundry(k: Kernel, page: Page) -> None:
    """An isolated page that is dirty waits on the list of its zone."""
    assert page.zone is not None
    page.zone.laundry.add(page)
    k.count["laundry_isolated"] += 1
    k.count["laundry_max"] = max(k.count["laundry_max"], in_laundries(k))


def in_laundries(k: Kernel) -> int:
    """Pages on these lists."""
    return sum(len(zone.laundry) for zone in k.zones)
