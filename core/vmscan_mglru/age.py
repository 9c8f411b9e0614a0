"""Ageing: look at the page tables, then open a new youngest generation.

Kernel: mm/vmscan.c:should_run_aging(), try_to_inc_max_seq(), walk_mm(), inc_max_seq(), inc_min_seq(), try_to_inc_min_seq(), lru_gen_age_node(),
        lru_gen_look_around(), lruvec_is_reclaimable(), v6.12; the wait for another's walk is that of v6.1 (mm_state.wait).
"""

from __future__ import annotations

from typing import Any, Final

from core import lru
from core.jit import inlined, jit, outlined
from core.mmzone import GENS, NO_LIST
from core.oom import out_of_memory
from core.page import ACCESSED, ACTIVE, PRESENT, REFERENCED
from core.reclaim import DEF_PRIORITY
from core.region import END, MAPPED
from core.sched import AGE_MGLRU, CONTINUE, WAIT_AGEING, give_way, pop, push, sleep, wake
from core.units import INFINITY
from core.vmscan_mglru.feedback import carry_over
from core.vmscan_mglru.gens import MIN_NR_GENS, gen_list, make_youngest

WALK_BATCH: Final = 4096  # real pages between two points where others may run
LOOK_AROUND: Final = 64  # page table entries beside a young one, MIN_LRU_BATCH
PTRS_PER_PTE: Final = 512  # of a page table, x86-64

WAITED: Final = 1  # for another's walk


@jit
def evictable_seq(node: Any, swappiness: int) -> int:
    """evictable_min_seq(): the oldest generation that may be evicted from."""
    if swappiness == 0:
        return int(node.min_seq[1])
    return int(min(node.min_seq[0], node.min_seq[1]))


@jit
def should_run_aging(m: Any, n: int, swappiness: int) -> tuple[bool, int]:
    """Is a new generation due? And how many pages there are to evict from (0: none before ageing)."""
    node = m.nodes[n]
    if evictable_seq(node, swappiness) + MIN_NR_GENS > node.max_seq:
        return True, 0
    total = 0
    young = 0
    old = 0
    for is_file in range(0 if swappiness else 1, 2):
        for seq in range(node.min_seq[is_file], node.max_seq + 1):
            pages = m.queues[gen_list(n, is_file, seq)].nr
            total += pages
            if seq == node.max_seq:
                young += pages
            elif seq + MIN_NR_GENS == node.max_seq:
                old += pages
    if evictable_seq(node, swappiness) + MIN_NR_GENS < node.max_seq:
        return False, int(total)
    return bool(young * MIN_NR_GENS > total or old * (MIN_NR_GENS + 2) < total), int(total)


@jit
def age(m: Any, a: int, n: int, swappiness: int, priority: int) -> int:
    """Enter try_to_inc_max_seq(). When another reclaimer is at it, wait for it from priority 10 on, before that do nothing."""
    f = push(m, a, AGE_MGLRU)
    f.node = n
    f.page = 0
    f.may_swap = swappiness
    if m.nodes[n].ageing:
        if priority > DEF_PRIORITY - 2:
            return pop(m, a, 0)
        f.phase = WAITED
        return sleep(m, a, WAIT_AGEING, n, INFINITY)
    m.nodes[n].ageing = 1
    return CONTINUE


@outlined
def step(m: Any, a: int, f: Any) -> int:
    """Walk the page tables in batches; what was used since the last walk joins the youngest generation, then a younger one begins."""
    if f.phase == WAITED:
        return pop(m, a, 1)
    vm = m.vm[0]
    last = min(f.page + WALK_BATCH // vm.page_scale, vm.n_pages)
    looked = 0
    for p in range(f.page, last):
        if not m.flags[p] & PRESENT or not m.page[p].attr & MAPPED:
            continue
        looked += 1
        if m.flags[p] & ACCESSED and m.page[p].list != NO_LIST and m.zones[m.page[p].zone].node == f.node:
            m.flags[p] &= 255 ^ ACCESSED
            make_youngest(m, p)
    m.actors[a].local_ns += looked * vm.walk_ns
    f.page = last
    if last < vm.n_pages:
        return give_way(m, a)
    new_generation(m, f.node, f.may_swap, m.actors[a].local_ns)
    m.nodes[f.node].ageing = 0
    wake(m, WAIT_AGEING, f.node, m.actors[a].local_ns)
    return pop(m, a, 1)


@outlined
def new_generation(m: Any, n: int, swappiness: int, now: int) -> None:
    """inc_max_seq(): a type with four generations first joins its two oldest."""
    node = m.nodes[n]
    for is_file in range(2):
        if node.max_seq - node.min_seq[is_file] + 1 == GENS:
            if is_file or swappiness:
                join_oldest(m, n, is_file)
            carry_over(node, is_file)
            node.min_seq[is_file] += 1
    node.max_seq += 1
    node.birth[node.max_seq % GENS] = now


@jit
def join_oldest(m: Any, n: int, is_file: int) -> None:
    """inc_min_seq(): the oldest generation goes to the old end of the second oldest, oldest page first (so the order turns round, as in the kernel)."""
    seq = m.nodes[n].min_seq[is_file]
    old = gen_list(n, is_file, seq)
    pages = m.queues[old].nr
    for _ in range(pages):
        p = lru.pop_tail(m, old)
        m.flags[p] &= 255 ^ (REFERENCED | ACTIVE)
        lru.add_tail(m, p, gen_list(n, is_file, seq + 1))


@jit
def retire_empty(m: Any, n: int, swappiness: int) -> None:
    """try_to_inc_min_seq(): empty oldest generations go, two of each type always stay; anonymous pages never lag behind file pages by themselves."""
    node = m.nodes[n]
    anon = int(node.min_seq[0])
    file = int(node.min_seq[1])
    while anon + MIN_NR_GENS <= node.max_seq and swappiness and m.queues[gen_list(n, 0, anon)].nr == 0:
        anon += 1
    while file + MIN_NR_GENS <= node.max_seq and m.queues[gen_list(n, 1, file)].nr == 0:
        file += 1
    if swappiness:
        anon = min(anon, file)
        file = max(anon, int(node.min_seq[1]))
    if anon > node.min_seq[0]:
        carry_over(node, 0)
        node.min_seq[0] = anon
    if file > node.min_seq[1]:
        carry_over(node, 1)
        node.min_seq[1] = file


@outlined
def look_around(m: Any, a: int, p: int) -> None:
    """lru_gen_look_around(): beside a page found young at eviction, its neighbours' page table entries are in the cache: look at them too.

    64 of them with the page in the middle, as far as its mapping and its page table reach.
    """
    vm = m.vm[0]
    around = LOOK_AROUND // vm.page_scale
    table = p - p % (PTRS_PER_PTE // vm.page_scale)
    first = p
    while first > max(table, p - around) and not m.page[first - 1].attr & END:
        first -= 1
    end = p + 1
    while end < min(table + PTRS_PER_PTE // vm.page_scale, p + around, vm.n_pages) and not m.page[end - 1].attr & END:
        end += 1
    if end - first > around:
        if end - p < around // 2:
            first = end - around
        elif p - first >= around // 2:
            first = p - around // 2
        end = first + around
    looked = 0
    for q in range(first, end):
        if m.flags[q] & PRESENT:
            looked += 1
            if m.flags[q] & ACCESSED and m.page[q].list != NO_LIST:
                m.flags[q] &= 255 ^ ACCESSED
                make_youngest(m, q)
    m.actors[a].local_ns += looked * vm.walk_ns


@jit
def set_initial_priority(m: Any, n: int, sc: Any) -> None:
    """set_initial_priority(): kswapd begins where (total >> priority) * inactive / total is what it wants."""
    least = max(m.nodes[n].lru_batch, m.vm[0].batch + 1)  # more than the 32 of direct reclaim, whatever the scale
    if sc.priority != DEF_PRIORITY or sc.nr_to_reclaim < least:
        return
    node = m.nodes[n]
    inactive = 0
    for is_file in range(0 if m.vm[0].swap_free > 0 else 1, 2):
        for seq in range(node.min_seq[is_file], node.max_seq - 1):
            inactive += m.queues[gen_list(n, is_file, seq)].nr
    sc.priority = min(max(bits(inactive) - 1 - bits(sc.nr_to_reclaim - 1), DEF_PRIORITY // 2), DEF_PRIORITY)


@inlined
def bits(number: int) -> int:
    """fls_long()."""
    n = 0
    while number > 0:
        number >>= 1
        n += 1
    return n


@outlined
def age_node(m: Any, a: int, n: int, sc: Any) -> None:
    """lru_gen_age_node(): with min_ttl_ms set, kswapd calls the OOM killer when the oldest generation of files is younger, or hardly any page is left."""
    vm = m.vm[0]
    set_initial_priority(m, n, sc)
    if vm.min_ttl_ns == 0:
        return
    node = m.nodes[n]
    swappiness = vm.swappiness if vm.swap_free >= node.lru_batch else 0
    pages = lru.type_pages(m, n, 1) + (lru.type_pages(m, n, 0) if swappiness else 0)
    sizable = pages * vm.page_scale >> sc.priority > 0
    birth = node.birth[node.min_seq[1] % GENS]  # lruvec_is_reclaimable()
    now = m.actors[a].local_ns
    if not sizable or now < birth + vm.min_ttl_ns:
        out_of_memory(m, now)
