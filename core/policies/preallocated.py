"""Preallocated writeout: what the write of a page will need is allocated when the page is dirtied.

Source:  N. Piggin (fsblock), linux-mm, 23 Aug 2007, <20070823033826.GE18788@wotan.suse.de>, and <1187861208.6114.342@twins>.
Kernel:  2.6.23 otherwise; see core/prealloc.py.
A task that dirties a page first allocates what the page's device will need (w_alloc of the swap device for anonymous memory, of the file device for page
cache), GFP_KERNEL in a fault and GFP_NOFS in write(2), and may reclaim for it. It is held while the page is dirty, travels with the write and is freed
when that is done. The write itself allocates nothing, whoever writes.
Differs: the swap cache's own tree node is not preallocated. Mempools and writeout_cap_pages do not apply.
Expect:  no write fails for want of memory; every dirty page costs w_alloc pages for as long as it is dirty, which anonymous memory is most of its life.
"""

from __future__ import annotations

from core.policy import Policy, Tunable

POLICY = Policy(
    name="preallocated",
    title="writeout memory allocated at dirtying (fsblock)",
    source="N. Piggin, 23 Aug 2007 (quoted in <1187861208.6114.342@twins>)",
    era="2.6.23",
    own=(Tunable("preallocate", 0, 1, 1, "", "1: allocate what a write needs when the page is dirtied; 0: when it is written"),),
)
