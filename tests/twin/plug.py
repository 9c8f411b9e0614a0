"""The plug of a reclaimer: block/blk-mq.c:blk_add_rq_to_plug(), blk_finish_plug(), v6.1; 16 requests instead of 32 to v5.15."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.twin.actor import Actor
    from tests.twin.device import BlockDevice
    from tests.twin.kernel import Kernel
    from tests.twin.page import Page

LONG = 32  # real pages: 128 KiB


@dataclass
class PluggedRequest:
    """Pages that follow one another on a device."""

    device: BlockDevice
    pages: list[Page]


class Plug:
    """Requests that wait until their submitter sleeps or has finished what it does."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.nested = 0
        self.requests: list[PluggedRequest] = []

    def start(self) -> None:
        self.nested += self.kernel.version >= 301

    def finish(self, actor: Actor) -> None:
        if self.nested:
            self.nested -= 1
            if not self.nested:
                self.flush(actor)

    def takes(self, device: BlockDevice) -> bool:
        """Writes that need memory first, and those over the network, are not held back."""
        return self.nested > 0 and not (device.device.w_alloc_milli or device.device.network or self.kernel.writeout.at_dirtying)

    def merges(self, device: BlockDevice, page: Page) -> bool:
        """Does the page follow the last one?"""
        if not self.requests or self.requests[-1].device is not device or len(self.requests[-1].pages) >= device.longest:
            return False
        return device.block_of(self.requests[-1].pages[-1]) + 1 == device.block_of(page)

    def add(self, device: BlockDevice, page: Page, actor: Actor) -> None:
        """A page more; it may be the one that does not fit any more."""
        self.kernel.count["writes plugged"] += 1
        if self.merges(device, page):
            self.requests[-1].pages.append(page)
            return
        many = 32 if self.kernel.version >= 516 else 16
        if len(self.requests) >= many or (self.requests and len(self.requests[-1].pages) * self.kernel.scale.real >= LONG):
            self.flush(actor)
        self.kernel.count["requests plugged behind another"] += bool(self.requests)
        self.requests.append(PluggedRequest(device, [page]))

    def flush(self, actor: Actor) -> None:
        """Submit all of them."""
        requests, self.requests = self.requests, []
        for request in requests:
            for page in request.pages:
                request.device.submit_by(actor, page, True)
