"""A NUMA node, and from where an allocation on it takes its pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.twin.generations import Generations
from tests.twin.lru import NodeLists

if TYPE_CHECKING:
    from tests.twin.kswapd import Kswapd
    from tests.twin.zone import Zone


class Node(NodeLists):
    """pg_data_t; all but the zones and kswapd are of 6.12.

    Attributes:
        zones: from low to high.
        kswapd: its reclaimer, with the number of passes in a row that freed nothing.
        gens: generations instead of the four lists.
        dirty, writeback, congested: PGDAT_DIRTY, PGDAT_WRITEBACK, LRUVEC_NODE_CONGESTED.
        cost: what reclaim of anonymous and of file pages has cost, by is_file.
        activated, activated_seen: WORKINGSET_ACTIVATE now and at the last look.
        nonresident_age: the clock of evictions.
        isolated: NR_ISOLATED_ANON and NR_ISOLATED_FILE, by is_file.
        written_since_throttle: NR_THROTTLED_WRITTEN.
        scan_carry: real pages of each list left to scan that do not make one here.
    """

    kswapd: Kswapd

    def __init__(self, zones: list[Zone], generations: bool, lru_batch: int) -> None:
        super().__init__()
        self.zones = zones
        for zone in zones:
            zone.node = self
        self.gens = Generations(lru_batch)
        self.generations = generations
        if generations:
            self.lists = self.gens.lists
        self.kswapd_failures = 0
        self.dirty = self.writeback = self.congested = False
        self.cost = {False: 0, True: 0}
        self.activated = {False: 0, True: 0}
        self.activated_seen = {False: 0, True: 0}
        self.nonresident_age = 0
        self.isolated = {False: 0, True: 0}
        self.written_since_throttle = 0
        self.scan_carry = dict.fromkeys(self.lists, 0)

    def nr(self, file: bool, active: bool) -> int:
        return self.gens.nr(file, active) if self.generations else len(self.lists[file, active])

    @property
    def lru_pages(self) -> int:
        """Pages on its lists (6.12)."""
        return sum(map(len, self.lists.values()))


def zonelist(nodes: list[Node], home: Node) -> list[Zone]:
    """The zones of the home node from high to low, then those of the nodes below, round about."""
    return [zone for node in nodelist(nodes, home) for zone in reversed(node.zones)]


def nodelist(nodes: list[Node], home: Node) -> list[Node]:
    """The home node, then those below, round about."""
    place = nodes.index(home)
    return [*reversed(nodes[: place + 1]), *reversed(nodes[place + 1 :])]
