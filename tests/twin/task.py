"""A task: its operations one by one, faults, read(2) and write(2).

Kernel: mm/memory.c:do_anonymous_page(), do_swap_page(); mm/filemap.c, v2.6.23 and v6.12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from core import gfp
from core.operations import ALLOC, DISCARD, EXIT, FILE_READ, FILE_WRITE, FREE, FSYNC, JUMP, PAGE_MASK, READ, RECEIVE, RUN, SLEEP, THINK, WRITE
from core.streams import Streams
from core.units import MS
from tests.twin.actor import GIVE_WAY, NEVER, Actor, Sleep, Steps, Wait
from tests.twin.allocator import alloc_page, wake_kswapd_of
from tests.twin.file_readahead import Window as FileWindow
from tests.twin.file_readahead import found_mark, next_window, read_window
from tests.twin.flusher import fsync
from tests.twin.generations import refaulted
from tests.twin.lru import mark_page_accessed, put_on_lru
from tests.twin.oom import exit_memory
from tests.twin.page import Page, forget, map_page
from tests.twin.swap_readahead import Window, found_in_swap_cache, read_in
from tests.twin.watermarks import Mark
from tests.twin.workingset import workingset_refault
from tests.twin.zone import Zone

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel

READAHEAD = 32


class Operation(NamedTuple):
    """One operation of a stream; for a jump ``count`` is the index of the operation to go on at."""

    code: int
    page: int
    count: int
    inner: int


def decode(words: list[int]) -> list[Operation]:
    """The operations of a task."""
    operations: list[Operation] = []
    index_of: dict[int, int] = {}
    at = 0
    while at < len(words):
        index_of[at] = len(operations)
        code = words[at] >> 40 & 255
        single = code <= FILE_WRITE
        operations.append(Operation(code, words[at] & PAGE_MASK, 1 if single else words[at + 1], code if single else words[at] >> 48 & 255))
        at += 1 if single else 2
    return [op._replace(count=index_of[op.count]) if op.code == JUMP else op for op in operations]


class Task(Actor):
    """A task.

    Attributes:
        at, done: the present operation, and how many of its touches are done.
        kernel_pages: kernel pages it holds; ``stash``: those for the write of the next page it dirties.
        next_read: the page after the last one read by read(2).
    """

    is_task = True

    def __init__(self, kernel: Kernel, streams: Streams, index: int) -> None:
        super().__init__(kernel)
        self.node = kernel.nodes[index % len(kernel.nodes)]
        self.operations = decode([int(w) for w in streams.ops[streams.task_first[index] : streams.task_last[index]]])
        own = int(streams.op_ns[index])
        touch, copy = kernel.machine.touch_ns + own, kernel.machine.copy_ns + own
        self.cost = {READ: touch, WRITE: touch, FILE_READ: copy, FILE_WRITE: copy}
        self.at = self.done = 0
        self.kernel_pages = self.stash = 0
        self.next_read = -1
        self.file_readahead = FileWindow()
        self.swap_readahead = Window()
        self.floor_pass = False  # it waited for the clean floor in vain: the next page is let through
        self.body = self.live()

    @property
    def in_write(self) -> bool:
        op = self.operations[self.at]
        return op.code <= RUN and op.inner == FILE_WRITE

    def live(self) -> Steps:
        """Operation by operation, until it exits or is killed."""
        k = self.kernel
        while not self.memdie:
            self.touch_what_is_there()
            if self.clock < self.limit:
                op = self.operations[self.at]
                if op.code == EXIT:
                    break
                if op.code <= RUN:
                    yield from self.touch(k.pages[op.page + self.done], op.inner)
                else:
                    yield from self.other(op)
            yield from self.cond_resched()
        exit_memory(k, self)
        k.progress = self.clock
        k.last_op = max(k.last_op, self.clock)

    def touch_what_is_there(self) -> None:
        """Touches that need nothing from the kernel, as long as there is time."""
        k = self.kernel
        before = self.clock
        while self.clock < self.limit:
            op = self.operations[self.at]
            if op.code > RUN:
                break
            page = k.pages[op.page + self.done]
            if not page.present or (op.inner in (WRITE, FILE_WRITE) and not page.dirty):
                break
            if not (page.young if op.inner <= WRITE else not self.marks(op.inner) or (page.referenced and page.active)):
                break
            self.clock += self.cost[op.inner]
            if op.inner == FILE_READ:
                self.next_read = page.index + 1
            self.next_touch(op)
        if self.clock > before:
            k.progress = self.clock
            k.last_op = max(k.last_op, self.clock)

    def marks(self, code: int) -> bool:
        """Is the page marked accessed by read(2) or, to 4.6, write(2)?"""
        return code == FILE_READ or self.kernel.version < 407

    def next_touch(self, op: Operation) -> None:
        self.kernel.count["ops_done"] += 1
        self.done += 1
        if self.done >= op.count:
            self.at += 1
            self.done = 0

    def complete(self, ns: int) -> None:
        """The operation (one touch of a run) is done and took ``ns``."""
        k = self.kernel
        self.clock += ns
        k.progress = self.clock
        k.last_op = max(k.last_op, self.clock)
        op = self.operations[self.at]
        self.next_touch(op if op.code <= RUN else op._replace(count=1))

    # --- touches ---------------------------------------------------------------------------------------------------------------------------

    def touch(self, page: Page, code: int) -> Steps:
        """One step of a touch whose page is not as it needs it."""
        k = self.kernel
        if code == FILE_READ and page.ahead and not page.gone:
            found_mark(k, self, page)
        if page.locked:
            yield Sleep(Wait.PAGE, NEVER, page)
        elif page.gone:  # its old contents are still being written
            yield Sleep(Wait.TIMER, self.clock + MS)
        elif page.cached:
            if code in (WRITE, FILE_WRITE) and not page.dirty and (need := k.writeout.missing(self, page)):
                yield from self.call(k.writeout.preload(self, page, need))
            else:
                yield from self.touch_cached(page, code)
        elif page.anon and page.slot is None and code != WRITE:
            if not page.zero_page:
                k.count["pgfault"] += 1
                self.clock += k.machine.minor_fault_ns
                page.zero_page = True
            page.present = page.young = True
        elif (page.anon or code == FILE_WRITE) and k.clean_floor.stops(self):
            yield from self.call(k.clean_floor.wait(self))
        elif page.anon and (need := k.writeout.missing(self, page)):
            yield from self.call(k.writeout.preload(self, page, need))
        else:
            yield from self.fault_in(page, code)

    def touch_cached(self, page: Page, code: int) -> Steps:
        """The page is in memory: map it, dirty it, mark it accessed."""
        k = self.kernel
        if page.mappable and not page.present:
            k.count["pgfault"] += 1
            self.clock += k.machine.minor_fault_ns
            if page.slot is not None:
                found_in_swap_cache(k, self, page)
            map_page(k, page)
        dirtied = code in (WRITE, FILE_WRITE) and not page.dirty
        if dirtied and not page.anon and k.clean_floor.stops(self):
            yield from self.call(k.clean_floor.wait(self))
            return
        if dirtied:
            self.set_page_dirty(page)
        if code <= WRITE:
            page.young = True
        else:
            if self.marks(code):
                mark_page_accessed(k, page)
            self.complete(self.cost[code])
            if code == FILE_READ:
                self.next_read = page.index + 1
        if dirtied and self.dirtied and self.dirtied >= k.dirty_throttle.look_after(self):
            yield from self.call(k.dirty_throttle.balance_dirty_pages(self))

    def set_page_dirty(self, page: Page) -> None:
        """An anonymous page gives up its copy on the swap device, which is stale now."""
        k = self.kernel
        page.dirty = True
        if not page.anon:
            k.dirty.add(page)
            k.count["nr_dirtied"] += 1
            k.dirty_throttle.dirtied += 1
            self.dirtied += 1
            page.dirtied_ns = max(self.clock, 1)
        else:
            k.dirty_anon.add(page)
            if not page.writeback:
                k.swap.free_slot(page)
        k.writeout.dirtied(self, page)

    def fault_in(self, page: Page, code: int) -> Steps:
        """Allocate a frame, then zero it, overwrite it, or read it from the page's device."""
        k = self.kernel
        if page.mappable:
            k.count["pgfault"] += 1
        zone = yield from alloc_page(k, self, gfp.KERNEL)
        if zone is None:
            if not self.memdie:
                yield GIVE_WAY
        elif self.memdie or page.cached or page.gone:  # it dies, or somebody was faster
            k.free_frame(zone)
        else:
            self.give_frame(page, zone)
            yield from self.fill(page, code)

    def give_frame(self, page: Page, zone: Zone) -> None:
        """The page has a frame now and goes onto the LRU."""
        k = self.kernel
        page.clear_flags()
        page.zone = zone
        if not page.anon:
            k.page_cache.add(page)
        page.active = page.shadow is not None and refault(k, page)
        page.shadow = None
        page.zero_page = False
        if page.anon and k.old:
            page.active = True  # lru_cache_add_active()
        put_on_lru(k, page)

    def fill(self, page: Page, code: int) -> Steps:
        """What the new frame contains."""
        k = self.kernel
        if page.anon and page.slot is None:
            self.clock += k.machine.minor_fault_ns
            page.young = page.dirty = True
            k.dirty_anon.add(page)
            map_page(k, page)
            k.writeout.dirtied(self, page)
            page.owner = self
            return
        if page.anon:
            k.count["pswpin"] += 1
            if not k.swap.enter_cache(page, gfp.KERNEL, Mark.MIN, Mark.NONE):
                k.swap.cache.add(page)
        elif code == FILE_WRITE:
            map_page(k, page)
            return
        if page.mappable:
            k.count["pgmajfault"] += 1
        self.clock += k.machine.major_fault_ns
        ahead = code == FILE_READ and self.reads_ahead(page)
        if page.anon:
            faults = max(k.scale.real >> k.values["page_cluster"], 1)
            page.locked = True
            self.clock += k.machine.swapin_ns
            read_in(k, self, page, faults)
        else:
            faults = 1 if ahead and any(zone.ok(Mark.LOW, gfp.KERNEL, k.old) for zone in k.zones) else k.scale.real
            self.start_read(page, faults)
        if ahead and k.old:
            self.read_ahead(page)
        elif ahead:
            read_window(k, self, page, self.file_readahead)
        yield Sleep(Wait.PAGE, NEVER, page)
        if faults > 1 and not self.memdie:  # they come one after another, each with its latency
            yield Sleep(Wait.TIMER, self.clock + (faults - 1) * k.device_of(page).device.latency_ns)

    def start_read(self, page: Page, faults: int = 1) -> None:
        """A page here stands for several real ones: either they are read in one go, or each is a fault of its own."""
        page.locked = True
        self.kernel.device_of(page).submit_by(self, page, False, faults=faults)

    def reads_ahead(self, page: Page) -> bool:
        """Is the miss part of a sequential read, as far as the kernel can tell?"""
        if self.kernel.old:
            return page.index == self.next_read or self.operations[self.at].code == RUN
        return next_window(self.kernel, self, page, False) is not None

    def read_ahead(self, page: Page) -> None:
        """2.6.23: what follows in the file, while memory above low is left."""
        k = self.kernel
        for _ in range(k.scale.nearest(READAHEAD) - 1):
            if page.last:
                return
            page = k.pages[page.index + 1]
            if page.cached or page.gone:
                return
            zone = k.take_frame(Mark.LOW, gfp.KERNEL)
            if zone is None:
                return
            self.give_frame(page, zone)
            self.start_read(page)

    # --- other operations ------------------------------------------------------------------------------------------------------------------

    def other(self, op: Operation) -> Steps:
        """Everything that is not a touch."""
        k = self.kernel
        if op.code == THINK:
            yield from self.think(op.count)
        elif op.code == SLEEP:
            yield Sleep(Wait.SLEEP, self.clock + op.count)
            if not self.memdie:
                self.complete(0)
        elif op.code == ALLOC:
            yield from self.alloc_kernel_pages(op.count, op.inner)
        elif op.code == FREE:
            pages = min(op.count, self.kernel_pages)
            self.kernel_pages -= pages
            k.free_kernel_pages(pages)
            self.complete(100 * (pages * k.scale.real + 1))
        elif op.code == RECEIVE:
            packets = min(op.count, k.network.backlog)
            k.network.backlog -= packets
            k.free_kernel_pages(packets)
            self.complete(100 + k.machine.copy_ns * packets)
        elif op.code == FSYNC:
            yield from self.call(fsync(k, self, k.pages[op.page : op.page + op.count]))
            if not self.memdie:
                self.complete(0)
        elif op.code == DISCARD:
            for page in k.pages[op.page : op.page + op.count]:
                forget(k, page)
            self.complete(100 * op.count * k.scale.real)
        else:
            assert op.code == JUMP
            self.at = op.count
            self.clock += 1

    def think(self, ns: int) -> Steps:
        """Use the CPU."""
        while not self.memdie:
            part = min(ns, MS)
            ns -= part
            self.clock += part
            if not ns:
                self.complete(0)
                return
            yield from self.cond_resched()

    def alloc_kernel_pages(self, pages: int, flags: int) -> Steps:
        """Take kernel pages one by one; a failure ends the operation."""
        k = self.kernel
        for _ in range(pages):
            zone = yield from alloc_page(k, self, flags)
            if self.memdie:
                if zone is not None:
                    k.free_frame(zone)
                return
            if zone is None:
                self.complete(100)
                return
            zone.kernel += 1
            self.kernel_pages += 1
            if flags & gfp.FALLBACK and not k.old and zone.fell_back(k.values["watermark_boost_factor"]):
                k.count["watermarks boosted"] += 1
                wake_kswapd_of(k, zone.node, self.clock)
        self.complete(100 * (pages * k.scale.real + 1))


def refault(k: Kernel, page: Page) -> bool:
    """An evicted page is back; 6.12 decides by the refault distance whether it is active."""
    if k.generations:
        refaulted(k, page, k.node_of(page))
        return False
    if not k.old:
        return workingset_refault(k, page)
    k.count["workingset_refault_anon" if page.anon else "workingset_refault_file"] += 1
    return False
