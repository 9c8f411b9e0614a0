"""The generations of the multi-generational LRU: mm/vmscan.c (CONFIG_LRU_GEN), mm/workingset.c:lru_gen_eviction(), lru_gen_refault(), v6.12.

A generation is a number; pages of a type and generation are a list. Two tiers: read or written once through a file descriptor, and more than once
(``page.active``). Mapped pages are told by their page table entries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.twin.lru import LruList

if TYPE_CHECKING:
    from tests.twin.actor import Actor
    from tests.twin.kernel import Kernel
    from tests.twin.node import Node
    from tests.twin.page import Page

ANON, FILE = False, True
MIN_GENS, MAX_GENS = 2, 4
TIERS = (0, 1)
LRU_BATCH = 64  # MIN_LRU_BATCH
MOST_SWAPPY = 200
PMD = 512  # page table entries


class Shadow(NamedTuple):
    """What is remembered of an evicted page."""

    node: Node
    seq: int
    tier: int


class Counts:
    """Refaults of a tier, and pages evicted or spared, since the generation became the oldest and on average before."""

    def __init__(self) -> None:
        self.refaulted = self.evicted = self.spared = 0
        self.avg_refaulted = self.avg_total = 0

    @property
    def refaults(self) -> int:
        return self.avg_refaulted + self.refaulted

    @property
    def total(self) -> int:
        return self.avg_total + self.evicted + self.spared

    def carry_over(self) -> None:
        """reset_ctrl_pos(): the generation has gone."""
        self.avg_refaulted, self.avg_total = self.refaults // 2, self.total // 2
        self.refaulted = self.evicted = self.spared = 0


def tier_of(page: Page) -> int:
    return 1 if page.active else 0


class Generations:
    """lru_gen_folio of a node; ``birth``: when each generation began; ``batch``: MIN_LRU_BATCH."""

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.max_seq = MIN_GENS + 1
        self.min_seq = {ANON: 0, FILE: 0}
        self.birth = dict.fromkeys(range(self.max_seq + 1), 0)
        self.lists = {(file, seq): LruList() for file in (ANON, FILE) for seq in range(self.max_seq + 1)}
        self.counts = {(file, tier): Counts() for file in (ANON, FILE) for tier in TIERS}
        self.ageing = False

    def seqs(self, file: bool) -> range:
        return range(self.min_seq[file], self.max_seq + 1)

    def nr(self, file: bool, active: bool) -> int:
        """lru_gen_is_active(): the two youngest generations are what other mechanisms call active."""
        return sum(len(self.lists[file, seq]) for seq in self.seqs(file) if (seq + MIN_GENS > self.max_seq) == active)

    def oldest(self, swappy: bool) -> int:
        """The oldest generation that may be evicted from."""
        return min(self.min_seq.values()) if swappy else self.min_seq[FILE]

    # --- where pages go --------------------------------------------------------------------------------------------------------------------

    def put(self, page: Page, seq: int, *, oldest: bool = False) -> None:
        pages = self.lists[not page.anon, seq]
        pages.add_oldest(page) if oldest else pages.add(page)

    def add(self, page: Page) -> None:
        """lru_gen_add_folio(): what was faulted in is youngest; what was read or written is second oldest, or oldest if there are few generations."""
        seq = self.max_seq
        if not page.mappable:
            seq = self.min_seq[not page.anon]
            if seq + MIN_GENS < self.max_seq:
                seq += 1
        self.put(page, seq)

    def put_back(self, page: Page) -> None:
        """The end of evict_folios() for a page that was not freed."""
        if page.reclaim and (page.dirty or page.writeback):
            self.put(page, self.max_seq - 1)
        elif page.dirty or page.writeback or page.referenced or page.active or page.mappable:
            page.referenced = page.active = False
            self.put(page, self.max_seq)
        else:  # it has become clean: at once again
            self.put(page, self.min_seq[not page.anon], oldest=True)

    def rotate(self, page: Page) -> None:
        """folio_rotate_reclaimable()."""
        page.lru.remove(page)
        self.put(page, self.min_seq[not page.anon], oldest=True)

    def used(self, page: Page) -> None:
        """folio_update_gen(): it was found young, so it joins the youngest generation."""
        page.young = False
        if page.lru is not self.lists[not page.anon, self.max_seq]:
            page.lru.remove(page)
            page.referenced = page.active = False
            self.put(page, self.max_seq)

    # --- generations come and go -----------------------------------------------------------------------------------------------------------

    def should_age(self, swappy: bool) -> tuple[bool, int]:
        """should_run_aging(), and how many pages may be evicted at all."""
        if self.oldest(swappy) + MIN_GENS > self.max_seq:
            return True, 0
        sizes = [(seq, len(self.lists[file, seq])) for file in ((ANON, FILE) if swappy else (FILE,)) for seq in self.seqs(file)]
        total = sum(pages for _, pages in sizes)
        if self.oldest(swappy) + MIN_GENS < self.max_seq:
            return False, total
        young = sum(pages for seq, pages in sizes if seq == self.max_seq)
        old = sum(pages for seq, pages in sizes if seq + MIN_GENS == self.max_seq)
        return young * MIN_GENS > total or old * (MIN_GENS + 2) < total, total

    def begin_new(self, swappy: bool, now: int) -> None:
        """inc_max_seq(): of a type with four generations the two oldest become one first."""
        for file in (ANON, FILE):
            if len(self.seqs(file)) < MAX_GENS:
                self.lists[file, self.max_seq + 1] = LruList()
                continue
            oldest = self.lists.pop((file, self.min_seq[file]))
            self.retire(file, self.min_seq[file] + 1)
            if file or swappy:
                self.lists[file, self.max_seq + 1] = LruList()
                for page in oldest.take_oldest(len(oldest)):
                    page.referenced = page.active = False
                    self.put(page, self.min_seq[file], oldest=True)
            else:  # numbers are taken modulo four: pages that nobody moves find themselves in the youngest
                self.lists[file, self.max_seq + 1] = oldest
        self.max_seq += 1
        self.birth[self.max_seq] = now

    def retire(self, file: bool, min_seq: int) -> None:
        for tier in TIERS:
            self.counts[file, tier].carry_over()
        self.min_seq[file] = min_seq

    def retire_empty(self, swappy: bool) -> None:
        """try_to_inc_min_seq(): two generations always stay, and anonymous ones are never ahead of those of files."""

        def first_with_pages(file: bool) -> int:
            return next((seq for seq in self.seqs(file) if seq + MIN_GENS > self.max_seq or self.lists[file, seq]), self.max_seq)

        anon, file = self.min_seq[ANON], first_with_pages(FILE)
        if swappy:
            anon = min(first_with_pages(ANON), file)
            file = max(anon, self.min_seq[FILE])
        for kind, seq in ((ANON, anon), (FILE, file)):
            if seq > self.min_seq[kind]:
                for gone in range(self.min_seq[kind], seq):
                    assert not self.lists.pop((kind, gone))
                self.retire(kind, seq)

    # --- what is evicted -------------------------------------------------------------------------------------------------------------------

    def cheaper(self, than: tuple[bool, int, int], which: tuple[bool, int, int]) -> bool:
        """positive_ctrl_err(): (type, tier, gain) ``which`` refaults little, or less for its evictions than ``than``."""
        sp, pv = self.counts[than[:2]], self.counts[which[:2]]
        return pv.refaults < self.batch or pv.refaults * (sp.total + self.batch) * than[2] <= (sp.refaults + 1) * pv.total * which[2]

    def type_and_tier(self, swappiness: int, may_io: bool) -> tuple[bool, int | None]:
        """isolate_folios(): the type to try first; with get_type_to_scan() also the highest tier to evict."""
        if not swappiness:
            return FILE, None
        if self.min_seq[ANON] < self.min_seq[FILE]:
            return ANON, None
        if swappiness == 1:
            return FILE, None
        if swappiness == MOST_SWAPPY:
            return ANON, None
        if not may_io:
            return FILE, None
        gain = {ANON: swappiness, FILE: MOST_SWAPPY - swappiness}
        file = self.cheaper((ANON, 0, gain[ANON]), (FILE, 0, gain[FILE]))
        return file, int(self.cheaper((not file, 0, gain[not file]), (file, 1, gain[file])))

    def last_tier(self, file: bool) -> int:
        """get_tier_idx(): the highest tier to evict, by its own first tier."""
        return int(self.cheaper((file, 0, 1), (file, 1, 2)))

    def evicted(self, node: Node, page: Page) -> Shadow:
        """lru_gen_eviction()."""
        file = not page.anon
        self.counts[file, tier_of(page)].evicted += 1
        return Shadow(node, self.min_seq[file], tier_of(page))


def refaulted(k: Kernel, page: Page, node: Node) -> None:
    """lru_gen_refault(): it counts if the generation that the page was evicted from is still the oldest."""
    file = not page.anon
    kind = "file" if file else "anon"
    shadow = page.shadow
    recent = shadow.node is node and shadow.seq == node.gens.min_seq[file]
    k.count[f"workingset_refault_{kind}"] += recent or k.version >= 605
    if not recent:
        return
    node.gens.counts[file, shadow.tier].refaulted += 1
    if page.mappable:  # lru_gen_in_fault()
        k.count[f"workingset_activate_{kind}"] += 1


def look_around(k: Kernel, actor: Actor, page: Page) -> None:
    """lru_gen_look_around(): 64 entries about that of a young page, of its mapping and its page table."""
    entries, around = PMD // k.scale.real, LRU_BATCH // k.scale.real
    start = page.index - page.index % entries
    end = min(start + entries, len(k.pages))
    start = max([start, *(p.index + 1 for p in k.pages[start : page.index] if p.last)])
    end = min([end, *(p.index + 1 for p in k.pages[page.index : end] if p.last)])
    if end - start > around:
        if end - page.index < around // 2:
            start = end - around
        elif page.index - start >= around // 2:
            start = page.index - around // 2
        end = start + around
    mapped = [p for p in k.pages[start:end] if p.mapped]
    for p in mapped:
        if p.young and p.lru is not None:
            k.node_of(p).gens.used(p)
    actor.clock += len(mapped) * k.machine.walk_ns
