"""Devices: classes of them, for machines whose devices nobody measured (configs/devices/classes.yaml)."""

from __future__ import annotations

from typing import Any, Final

from core.machine import Device
from sweep.errors import refusal
from sweep.fields import build
from sweep.library import shipped
from sweep.yamlfile import Plain, load_mapping

FILE: Final = "devices/classes.yaml"
NONE: Final = "none"  # of swap


def classes() -> dict[str, dict[str, Plain]]:
    """The keys of a device of each class."""
    return {name: keys for name, keys in load_mapping(shipped() / FILE).items() if isinstance(keys, dict)}


def device(kind: str, name: str, option: str) -> dict[str, Any]:
    """The keys of a device.

    Args:
        kind: a class.
        name: of the device.
        option: what an error names.

    Raises:
        ConfigError: there is no such class.
    """
    known = classes()
    if kind not in known:
        raise refusal(option, "", kind, ", ".join(known))
    found: dict[str, Any] = {"name": name, **known[kind]}
    build(Device, found)
    return found


def class_of(device_keys: Device) -> str:
    """The class that a device is nearest to, by seek and bandwidth: hdd, usb, ssd ..."""
    import math

    def distance(keys: dict[str, Plain]) -> float:
        pairs = ((getattr(device_keys, key), keys[key]) for key in ("seek_ns", "write_mb_s", "read_mb_s"))
        return sum(abs(math.log((float(a) + 100) / (float(str(b)) + 100))) for a, b in pairs)

    known = classes()
    alike = {name: keys for name, keys in known.items() if bool(keys.get("network", False)) == device_keys.network}
    return min(alike, key=lambda name: distance(alike[name]))
