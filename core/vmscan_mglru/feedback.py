"""The refault feedback loop: which type is evicted, and which tier of it is spared.

Kernel: mm/vmscan.c:read_ctrl_pos(), reset_ctrl_pos(), positive_ctrl_err(), get_type_to_scan(), get_tier_idx(), v6.12;
        mm/workingset.c:lru_gen_eviction(), lru_gen_refault(), v6.1 and v6.12.
Differs: two tiers; the shadow holds the generation and the tier, as there, but never wraps.
"""

from __future__ import annotations

from typing import Any, Final

from core.jit import inlined, jit
from core.page import ACTIVE
from core.region import ANON, MAPPED

TIERS: Final = 2
COUNTS_ALL: Final = 605  # kernel version: workingset_refault_*; before, only refaults that count here
MAX_SWAPPINESS: Final = 200


@inlined
def tier_of(flags: int) -> int:
    """folio_lru_refs(): 1 when used again through file descriptors."""
    return 1 if flags & ACTIVE else 0


@inlined
def total(node: Any, is_file: int, tier: int) -> int:
    """Evicted or spared pages of a tier, with the moving average of earlier generations."""
    at = is_file * TIERS + tier
    pages = node.avg_total[at] + node.evicted[at]
    if tier:
        pages += node.spared[is_file]
    return int(pages)


@inlined
def refaulted(node: Any, is_file: int, tier: int) -> int:
    """Refaults of a tier, with the moving average of earlier generations."""
    at = is_file * TIERS + tier
    return int(node.avg_refaulted[at] + node.refaulted[at])


@jit
def cheaper(node: Any, sp: int, sp_tier: int, sp_gain: int, pv: int, pv_tier: int, pv_gain: int) -> bool:
    """positive_ctrl_err(): tier ``pv_tier`` of type ``pv`` refaults little, or less for its evictions than that of ``sp``, each times its gain."""
    pv_refaulted = refaulted(node, pv, pv_tier)
    if pv_refaulted < node.lru_batch:
        return True
    left = pv_refaulted * (total(node, sp, sp_tier) + node.lru_batch) * sp_gain
    return bool(left <= (refaulted(node, sp, sp_tier) + 1) * total(node, pv, pv_tier) * pv_gain)


@jit
def type_to_evict(node: Any, swappiness: int, may_io: bool) -> tuple[int, int]:
    """isolate_folios(): the type with the older generation; of equally old ones the type whose refaults cost less by swappiness. 0 anonymous, 1 file.

    With it the highest tier of it that is evicted, if the types were weighed: get_type_to_scan() holds it against the first tier of the other; else -1.
    """
    if swappiness == 0:
        return 1, -1
    if node.min_seq[0] < node.min_seq[1]:
        return 0, -1
    if swappiness == 1 or not may_io:
        return 1, -1
    if swappiness == MAX_SWAPPINESS:
        return 0, -1
    if cheaper(node, 0, 0, swappiness, 1, 0, MAX_SWAPPINESS - swappiness):
        return 1, 1 if cheaper(node, 0, 0, swappiness, 1, 1, MAX_SWAPPINESS - swappiness) else 0
    return 0, 1 if cheaper(node, 1, 0, MAX_SWAPPINESS - swappiness, 0, 1, swappiness) else 0


@jit
def last_tier(node: Any, is_file: int) -> int:
    """get_tier_idx(): the highest tier that is evicted; the tier above it would refault more than half as much again as the first."""
    return 1 if cheaper(node, is_file, 0, 1, is_file, 1, 2) else 0


@jit
def carry_over(node: Any, is_file: int) -> None:
    """reset_ctrl_pos(): the oldest generation of a type is gone, its counts go into the average."""
    for tier in range(TIERS):
        at = is_file * TIERS + tier
        node.avg_refaulted[at] = refaulted(node, is_file, tier) // 2
        node.avg_total[at] = total(node, is_file, tier) // 2
        node.refaulted[at] = 0
        node.evicted[at] = 0
    node.spared[is_file] = 0


@inlined
def shadow(m: Any, n: int, is_file: int, tier: int) -> int:
    """lru_gen_eviction(): count the eviction; what is remembered of it."""
    node = m.nodes[n]
    node.evicted[is_file * TIERS + tier] += 1
    return int(node.min_seq[is_file] * TIERS + tier)


@jit
def refault(m: Any, p: int, n: int) -> None:
    """lru_gen_refault(): page ``p``, back on node ``n``, counts against its type and tier if the generation it was evicted from is still the oldest."""
    vm = m.vm[0]
    pg = m.page[p]
    is_file = 0 if pg.attr & ANON else 1
    node = m.nodes[n]
    recent = m.zones[pg.zone].node == n and pg.stamp // TIERS == node.min_seq[is_file]
    if recent or vm.version >= COUNTS_ALL:
        if is_file:
            vm.workingset_refault_file += 1
        else:
            vm.workingset_refault_anon += 1
    if not recent:
        return
    node.refaulted[is_file * TIERS + pg.stamp % TIERS] += 1
    if pg.attr & MAPPED:  # lru_gen_in_fault(): it comes back to the youngest generation
        if is_file:
            vm.workingset_activate_file += 1
        else:
            vm.workingset_activate_anon += 1
