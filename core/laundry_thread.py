"""The laundry thread of FreeBSD: it alone writes what the page daemon has put on the laundry list.

Source:  sys/vm/vm_pageout.c:vm_pageout_laundry_worker(), vm_pageout_launder(), vm_pageout_scan_inactive(), vm_pageout_init_domain();
         sys/vm/vm_pagequeue.h:vm_laundry_target(); FreeBSD 12.
It looks ten times a second (VM_LAUNDER_RATE). In shortfall, when the page daemon scanned the inactive queue and missed its target, it launders
free_target - free_count pages at once. Else in the background: when dirty * isqrt(ceil((freed + 1) / (free_target - free_min))) >= clean, with ``freed`` the
clean pages freed since the last background laundering, so that the more is freed, the fewer dirty pages suffice, it launders (free_target - free_min) / 10
pages at vm.background_launder_rate, and stops for good after vm.background_launder_max if the page daemon frees nothing meanwhile.
Differs: free_min is the sum of the min watermarks and free_target four times that (there about 3.4 to 4 times, 4 * free_min + free_reserved); kilobytes are
         divided by the page size (that code multiplies, a slip for 4 KiB pages that makes its rate sixteen times what the sysctl says); a laundering counts
         the pages it looks at, not only those it writes.
"""

from __future__ import annotations

from typing import Any, Final

from core import gfp
from core.dirty import free_pages
from core.jit import jit, outlined
from core.laundry import in_laundry, launder_queue
from core.mmzone import INACTIVE, LISTS
from core.reclaim import DEF_PRIORITY
from core.sched import WAIT_TIMER, WAIT_WORK, sleep, wake_up
from core.units import INFINITY, MS

LAUNDER_RATE: Final = 10  # VM_LAUNDER_RATE, times a second

FREE_TARGET: Final = 4  # times free_min

IDLE: Final = 0
BACKGROUND: Final = 1
SHORTFALL: Final = 2

START: Final = 0
READY: Final = 1
LAUNDERED: Final = 2


@jit
def request_laundry(m: Any, shortfall: bool, now: int) -> None:
    """The end of vm_pageout_scan_inactive(): ask the laundry thread, unless it was asked already."""
    vm = m.vm[0]
    if vm.laundry_request != IDLE or in_laundry(m) == 0:
        return
    vm.laundry_request = SHORTFALL if shortfall else BACKGROUND
    if m.actors[vm.launderd].wait == WAIT_WORK:
        wake_up(m, vm.launderd, now)


@jit
def inactive_pages(m: Any) -> int:
    """Pages on the inactive lists of all zones."""
    pages = 0
    for z in range(len(m.zones)):
        pages += m.queues[z * LISTS + INACTIVE].nr
    return int(pages)


@jit
def free_min(m: Any) -> int:
    """Sum of the min watermarks."""
    pages = 0
    for z in range(len(m.zones)):
        pages += m.zones[z].wmark_min
    return int(pages)


@jit
def laundry_target(m: Any) -> int:
    """vm_laundry_target(): pages missing to the free target."""
    return int(FREE_TARGET * free_min(m) - free_pages(m))


@jit
def isqrt(number: int) -> int:
    """The integer square root."""
    root = 0
    while (root + 1) * (root + 1) <= number:
        root += 1
    return root


@jit
def take_request(m: Any) -> int:
    """The end of the worker's loop: the shortfall to launder, 0 if there is none."""
    vm = m.vm[0]
    shortfall = 0
    if vm.laundry_request == SHORTFALL and (not vm.launder_in_shortfall or vm.launder_cycle == 0):
        shortfall = max(laundry_target(m), 0)
        vm.launder_target = 0
    if vm.launder_target == 0:
        vm.laundry_request = IDLE
    vm.nfreed += vm.clean_freed
    vm.clean_freed = 0
    return int(shortfall)


@jit
def to_launder(m: Any, shortfall: int) -> int:
    """The start of the worker's loop: pages to launder now."""
    vm = m.vm[0]
    if shortfall > 0:
        vm.launder_in_shortfall = 1
        vm.launder_cycle = 1  # VM_LAUNDER_RATE / VM_INACT_SCAN_RATE
        vm.launder_target = shortfall
    elif vm.launder_in_shortfall and (vm.launder_cycle == 0 or laundry_target(m) <= 0):
        vm.launder_in_shortfall = 0
        vm.launder_target = 0
    if vm.launder_in_shortfall:
        pages = vm.launder_target // vm.launder_cycle
        vm.launder_cycle -= 1
        return int(pages)
    return background(m)


@jit
def background(m: Any) -> int:
    """Pages of a background laundering to write now."""
    vm = m.vm[0]
    above_min = max((FREE_TARGET - 1) * free_min(m), 1)  # free_target - free_min
    clean = free_pages(m) + inactive_pages(m)
    if vm.launder_target == 0 and in_laundry(m) * isqrt((vm.nfreed + above_min) // above_min) >= clean:
        vm.launder_target = max(above_min // 10, 1)
    if vm.launder_target == 0:
        return 0
    if vm.nfreed > 0:
        vm.nfreed = 0
        vm.launder_last_target = vm.launder_target
    elif vm.launder_last_target - vm.launder_target >= vm.launder_max:
        vm.launder_target = 0
    return int(min(vm.launder_rate, vm.launder_target))


@outlined
def step(m: Any, a: int, f: Any) -> int:
    """The worker's endless loop."""
    vm = m.vm[0]
    now = m.actors[a].local_ns
    if f.phase == START:
        f.gfp = gfp.KERNEL
        f.priority = DEF_PRIORITY
        f.may_writepage = 1
        f.may_swap = 1
        f.phase = READY
        return sleep(m, a, WAIT_WORK, 0, INFINITY)
    if f.phase == LAUNDERED:
        f.phase = READY
        vm.launder_target -= min(f.ret, vm.launder_target)
        return sleep(m, a, WAIT_TIMER, 0, now + 1000 * MS // LAUNDER_RATE)
    pages = to_launder(m, take_request(m))
    if pages > 0:
        f.phase = LAUNDERED
        return launder_queue(m, a, 0, len(m.zones) - 1, pages)
    if vm.launder_target == 0 and vm.laundry_request == IDLE:
        return sleep(m, a, WAIT_WORK, 0, INFINITY)
    return sleep(m, a, WAIT_TIMER, 0, now + 1000 * MS // LAUNDER_RATE)
