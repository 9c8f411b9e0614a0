"""Machines refuse what cannot be."""

from __future__ import annotations

import pytest

from core import Device, Machine

DISK = Device("disk", 60, 60, 0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"read_mb_s": 0}, "disk.read_mb_s: 0; allowed: 1 to 1000000"),
        ({"w_alloc_milli": -1}, "disk.w_alloc_milli: -1; allowed: 0 to 64000"),
        ({"w_class": "user"}, "disk.w_class: 'user'; allowed: noio, nofs, atomic"),
    ],
)
def test_devices_out_of_range(wrong: dict[str, object], says: str) -> None:
    arguments = {"name": "disk", "read_mb_s": 60, "write_mb_s": 60, "latency_ns": 0} | wrong
    with pytest.raises(ValueError, match=says):
        Device(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"ram_mib": 0}, "machine.ram_mib: 0; allowed: 1 to"),
        ({"cpus": 0}, "machine.cpus: 0; allowed: 1 to 1024"),
        ({"kernel_pages": 30_000}, "machine.kernel_pages: 30000; allowed: 0 to 24576"),
        ({"zones_mib": (16, 100)}, "machine.zones_mib: .* add up to ram_mib = 128"),
        ({"scan_ns": 0}, "machine.scan_ns: 0; allowed: 1 to"),
    ],
)
def test_machines_out_of_range(wrong: dict[str, object], says: str) -> None:
    arguments = {"name": "pc", "ram_mib": 128, "cpus": 1, "swap_mib": 256, "swap": DISK, "file": DISK} | wrong
    with pytest.raises(ValueError, match=says):
        Machine(**arguments)  # type: ignore[arg-type]
