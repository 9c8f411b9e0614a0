"""The decision points of a policy, called as plain Python: one method each."""

from __future__ import annotations

from collections.abc import Mapping

from core.decisions import ALL_DIRTY
from core.era import ERAS
from core.policy import Policy
from tests.twin.scale import Scale


class Decisions:
    """Asks the policy, or its era where the policy says nothing."""

    def __init__(self, policy: Policy, values: Mapping[str, int], scale: Scale) -> None:
        functions = {**ERAS[policy.era].decisions, **policy.decides}
        self._functions = {name: getattr(function, "py_func", function) for name, function in functions.items()}
        self._own = [scale.up(values[t.name]) if t.unit == "pages" else values[t.name] for t in policy.own] or [0]

    def _ask(self, name: str, *arguments: int) -> int:
        return int(self._functions[name](*map(int, arguments), self._own))

    def dirty_page(self, is_kswapd: bool, anon: bool, marked: bool, node_dirty: bool, priority: int) -> int:
        return self._ask("dirty_page", is_kswapd, anon, marked, node_dirty, priority)

    def writeback_page(self, is_kswapd: bool, marked: bool, node_writeback: bool) -> int:
        return self._ask("writeback_page", is_kswapd, marked, node_writeback)

    def launder(self, is_kswapd: bool, when: int, nr_laundry: int, priority: int) -> int:
        """How many pages of the laundry to write; nobody is asked about an empty one."""
        return self._ask("launder", is_kswapd, when, nr_laundry, priority) if nr_laundry else 0

    def launder_memalloc(self, is_kswapd: bool) -> bool:
        return bool(self._ask("launder_memalloc", is_kswapd))

    def recurse(self, when: int, flags: int) -> int:
        return self._ask("recurse", when, flags)

    def atomic_scan(self, flags: int) -> int:
        return self._ask("atomic_scan", flags)

    def before_direct(self, flags: int, free: int, half_min: int, hopeless: bool) -> int:
        return self._ask("before_direct", flags, free, half_min, hopeless)

    def throttle(self, is_kswapd: bool, why: int, priority: int) -> int:
        return self._ask("throttle", is_kswapd, why, priority)

    def wake_pdflush(self, is_kswapd: bool, priority: int) -> bool:
        return bool(self._ask("wake_pdflush", is_kswapd, priority))

    def wake_flusher_for_batch(self, is_kswapd: bool) -> bool:
        """A whole batch was dirty and not under writeback."""
        return bool(self._ask("wake_pdflush", is_kswapd, ALL_DIRTY))

    def out_of_memory(self, loops: int, reclaimed: bool, hopeless: bool, could_help: bool) -> bool:
        return bool(self._ask("out_of_memory", loops, reclaimed, hopeless, could_help))

    def receive(self) -> int:
        return self._ask("receive")
