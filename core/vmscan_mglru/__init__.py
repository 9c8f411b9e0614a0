"""The multi-generational LRU of 6.12, in place of the four lists of vmscan_612/; kswapd, direct reclaim and what becomes of a page are shared.

Generations are numbered: the youngest of both types is ``node.max_seq``, the oldest of a type ``node.min_seq[type]``; two to four exist. A generation
of a type is one list, number type * 4 + seq % 4 of its node. Ageing looks at all page tables, moves what was used into the youngest generation and opens
a new one; eviction takes the oldest generation of the type whose refaults cost less. What is used through read(2) stays where it is and rises in tier: it
is evicted too unless pages like it come back too often, and then goes one generation up.

Differs: no memory cgroups; no Bloom filter, ageing looks at every present page; two tiers (used once, used again) instead of four, since the engine
         stops counting at two; a page found young is moved at once, not when eviction meets it; no PG_workingset restore.
"""
