"""The multi-generational LRU: generations instead of active and inactive lists; dirty file pages are only ever moved up.

Kernel:  mm/vmscan.c (CONFIG_LRU_GEN), v6.12; merged in 6.1, switched on by configuration or /sys/kernel/mm/lru_gen/enabled.
Differs: see vmscan_mglru/; with it the kernel sets no node flags, so nobody is throttled for writeback or congestion.
Expect:  a hot set survives a stream of pages used once; from 6.2 to 6.12 nobody wakes the flusher for dirty pages met at the tail.
"""

from __future__ import annotations

from core.decisions import ALL_DIRTY
from core.jit import decision
from core.policy import Policy, Tunable

WAKE_FLUSHER = 1


@decision
def wake_pdflush(is_kswapd, priority, own):  # type: ignore[no-untyped-def]
    """try_to_shrink_lruvec() of 6.13 wakes the flusher when all file pages met were dirty; that of 6.2 to 6.12 does not."""
    return own[WAKE_FLUSHER] if priority == ALL_DIRTY else 0


POLICY = Policy(
    name="mglru",
    title="multi-generational LRU (6.12)",
    source="mm/vmscan.c:lru_gen_shrink_node(), v6.12",
    era="6.12",
    decides={"wake_pdflush": wake_pdflush},
    own=(
        Tunable("min_ttl_ms", 0, 600_000, 0, "ms", "the OOM killer comes when all that could be evicted is younger (/sys/kernel/mm/lru_gen/min_ttl_ms)"),
        Tunable("wake_flusher", 0, 1, 0, "", "1: as 6.13, the flusher is woken when all file pages met are dirty"),
    ),
    lru="mglru",
)
