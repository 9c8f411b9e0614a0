"""FreeBSD's laundry thread: sys/vm/vm_pageout.c:vm_pageout_laundry_worker(), vm_pageout_scan_inactive(), FreeBSD 12."""

from __future__ import annotations

from enum import Enum, auto
from math import isqrt
from typing import TYPE_CHECKING

from core import gfp
from core.units import KIB_PER_PAGE, MS
from tests.twin.actor import NEVER, Actor, Sleep, Steps, Wait
from tests.twin.laundry import in_laundries
from tests.twin.reclaim import ScanControl
from tests.twin.vmscan_2623 import launder_zones

if TYPE_CHECKING:
    from tests.twin.kernel import Kernel

TENTH = 100 * MS


class Request(Enum):
    """What the page daemon wants."""

    BACKGROUND = auto()  # it is done: is there enough to launder?
    SHORTFALL = auto()  # it scanned the whole inactive queue and that was not enough


class LaundryThread(Actor):
    """vm_pageout_laundry_worker().

    Attributes:
        request: what the page daemon wants.
        clean_freed, nfreed: clean pages freed since this thread looked last, and since its last background laundering.
        target, last_target: pages still to launder; what the present background run began with.
        in_shortfall, cycles: a laundering for a shortfall and the rounds it has left.
    """

    frees_for_others = True

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.memalloc = 1
        self.request: Request | None = None
        self.clean_freed = self.nfreed = 0
        self.target = self.last_target = 0
        self.in_shortfall = False
        self.cycles = 0
        self.rate = max(kernel.scale.nearest(kernel.values["background_launder_rate"] // KIB_PER_PAGE // 10), 1)
        self.most = kernel.scale.nearest(kernel.values["background_launder_max"] // KIB_PER_PAGE)
        self.body = self.live()

    def ask(self, request: Request, now: int) -> None:
        """The page daemon, at the end of a scan."""
        if self.request or not in_laundries(self.kernel):
            return
        self.request = request
        if self.asleep and self.asleep.what is Wait.WORK:
            self.wake(now)

    def live(self) -> Steps:
        """Ten looks a second while there is anything to do."""
        k = self.kernel
        yield Sleep(Wait.WORK, NEVER)
        while True:
            pages = self.pages_to_launder(self.take_request())
            if pages:
                looked = yield from self.call(launder_zones(k, self, ScanControl(gfp.KERNEL), k.zones, pages))
                self.target -= min(looked, self.target)
            elif not self.target and not self.request:
                yield Sleep(Wait.WORK, NEVER)
                continue
            yield Sleep(Wait.TIMER, self.clock + TENTH)

    @property
    def free_min(self) -> int:
        return sum(zone.marks.min for zone in self.kernel.zones)

    def laundry_target(self) -> int:
        """vm_laundry_target(): what is missing to four times free_min."""
        return 4 * self.free_min - self.kernel.free_pages

    def take_request(self) -> int:
        """Pages missing, if that is what is asked; a request stays until its laundering is over."""
        shortfall = 0
        if self.request is Request.SHORTFALL and not (self.in_shortfall and self.cycles):
            shortfall = max(self.laundry_target(), 0)
            self.target = 0
        if not self.target:
            self.request = None
        self.nfreed += self.clean_freed
        self.clean_freed = 0
        return shortfall

    def pages_to_launder(self, shortfall: int) -> int:
        """A shortfall in one round, else as the background rate allows."""
        if shortfall:
            self.in_shortfall, self.cycles, self.target = True, 1, shortfall
        elif self.in_shortfall and (not self.cycles or self.laundry_target() <= 0):
            self.in_shortfall, self.target = False, 0
        if not self.in_shortfall:
            return self.background()
        pages = self.target // self.cycles
        self.cycles -= 1
        return pages

    def background(self) -> int:
        """Launder when dirty pages outweigh clean ones, the sooner the more was freed; not for ever if nothing is freed meanwhile."""
        k = self.kernel
        above_min = max(3 * self.free_min, 1)  # free_target - free_min
        clean = k.free_pages + sum(len(zone.inactive) for zone in k.zones)
        if not self.target and in_laundries(k) * isqrt(-(-(self.nfreed + 1) // above_min)) >= clean:
            self.target = max(above_min // 10, 1)
        if not self.target:
            return 0
        if self.nfreed:
            self.nfreed = 0
            self.last_target = self.target
        elif self.last_target - self.target >= self.most:
            self.target = 0
        return min(self.rate, self.target)
