"""The flusher: pdflush of 2.6.23, the bdi's thread of 6.12; and fsync()."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.units import JIFFY, MS, SECOND
from tests.twin.actor import GIVE_WAY, NEVER, Actor, Sleep, Steps, Wait
from tests.twin.page import Page
from tests.twin.page_io import pageout

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel

EXPIRE = 30 * SECOND
PERIOD = 5 * SECOND


class Flusher(Actor):
    """Writes on request, above the background threshold, and what is older than dirty_expire.

    Attributes:
        files: all file pages in order; ``cursor``: where the last search stopped.
    """

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.files = [page for page in kernel.pages if not page.anon]
        self.cursor = 0
        self.body = self.live()

    def live(self) -> Steps:
        k = self.kernel
        throttle = k.dirty_throttle
        next_old = PERIOD
        while True:
            if throttle.update_due and self.clock >= throttle.update_due:
                throttle.update_due = 0
                throttle.update_bandwidth(self.clock // JIFFY)
            before = 0
            work = bool(k.dirty) and (throttle.flush_wanted > 0 or len(k.dirty) > throttle.limits()[0])
            if not work and self.clock >= next_old:
                before = self.clock - EXPIRE
                work = before > 0 and bool(k.dirty)
                if not work:
                    next_old = self.clock + PERIOD
            if not work:
                throttle.flush_wanted = 0
                yield Sleep(Wait.WORK, min(next_old, throttle.update_due or NEVER))
                continue
            throttle.writepages_begin(self.clock)
            chunk = throttle.chunk(len(k.dirty) if before else throttle.flush_wanted)
            written = yield from self.call(write_dirty_pages(k, self, chunk, before))
            if throttle.update_due and self.clock >= throttle.update_due:
                throttle.update_due = 0
                throttle.update_bandwidth(self.clock // JIFFY)
            throttle.writepages_end(self.clock)
            throttle.flush_wanted = max(throttle.flush_wanted - written, 0) if written == chunk else 0
            if before and written < chunk:
                next_old = self.clock + PERIOD
            if written == 0 or (k.old and k.file_device.congested):
                yield Sleep(Wait.CONGESTION, self.clock + 100 * MS)


def write_dirty_pages(k: Kernel, actor: Actor, most: int, before: int = 0) -> Steps:
    """writeback_inodes(): up to ``most`` pages (dirtied before ``before``) in file order from where the last call stopped; how many."""
    flusher = k.flusher
    written = tried = 0
    for _ in range(len(flusher.files)):
        if written >= most or not k.dirty:
            break
        page = flusher.files[flusher.cursor]
        flusher.cursor = (flusher.cursor + 1) % len(flusher.files)
        if not page.dirty or page.writeback or page.gone or (before and page.dirtied_ns >= before):
            continue
        written += yield from actor.call(pageout(k, actor, page, False))
        tried += 1
        if tried % k.batch == 0:
            yield GIVE_WAY
    return written


def fsync(k: Kernel, actor: Actor, pages: list[Page]) -> Steps:
    """Write every dirty page, then wait for all that is being written."""
    k.dirty_throttle.writepages_begin(actor.clock)
    for page in pages:
        while page.dirty and not page.gone and not page.anon:
            if not page.writeback:
                yield from actor.call(pageout(k, actor, page, False))
                break
            yield Sleep(Wait.PAGE, NEVER, page)
    k.dirty_throttle.writepages_end(actor.clock)
    for page in pages:
        while page.writeback:
            yield Sleep(Wait.PAGE, NEVER, page)
