"""Capture: a machine file from the running system, or from what somebody knows of a machine, for ``highwater recommend --machine``.

The file holds three things: ``kernel``, the version, from which the policy follows; ``vm``, what is set now, if a running system was asked; and ``machine``,
which is a machine as in configs/machines/ and may be put into a sweep file as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field, ValidationError

from core import Machine
from core.units import PAGES_PER_MIB
from sweep.config import Model
from sweep.devices import NONE, classes, device
from sweep.errors import ConfigError, refusal
from sweep.explain import explain, first_problem, problem_line
from sweep.fields import build, model_of
from sweep.library import config_file
from sweep.sysctl import Kernel
from sweep.yamlfile import load_mapping

if TYPE_CHECKING:
    from sweep.probe import Probed

UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
VERSION: Final = re.compile(r"(\d+)\.(\d+)")
MOST_PAGES: Final = 1 << 19  # simulated: 2 GiB in pages of 4 KiB, above it page_scale
KERNEL_SHARE: Final = 64  # estimate: 1/64 of RAM for page structures, which is exact, ...
KERNEL_MIB: Final = 40  # ... and so much for the rest of what the kernel takes at boot
COSTS: Final = {"touch_ns": 30, "copy_ns": 600, "minor_fault_ns": 900, "major_fault_ns": 4000, "scan_ns": 200, "unmap_ns": 500, "submit_ns": 1500}

# Which policy of core/policies a kernel runs, from the newest; mglru where it is switched on.
POLICIES: Final[tuple[tuple[Kernel, str], ...]] = (
    ((6, 2), "flusher_only"),
    ((5, 16), "linux_5_16"),
    ((4, 11), "linux_4_11"),
    ((3, 6), "linux_3_6"),
    ((3, 2), "linux_3_2"),
    ((2, 6), "inline"),
)


@dataclass(frozen=True)
class Given:
    """The options of ``highwater capture``; None: as the running system is."""

    ram: str | None = None
    cpus: int | None = None
    swap: str | None = None
    swap_device: str | None = None
    file_device: str | None = None
    same_device: bool | None = None
    kernel: str | None = None
    mglru: bool | None = None
    name: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether a machine is described without asking the running system."""
        return self.ram is not None and self.file_device is not None and self.kernel is not None


class Captured(Model):
    """What a captured file holds.

    Attributes:
        kernel: version.
        mglru: the multi-generational LRU is on.
        vm: what is set on the machine; empty: not known.
        machine: as in configs/machines/.
    """

    kernel: str
    mglru: bool = False
    vm: dict[str, int] = Field(default_factory=dict)
    machine: dict[str, Any]

    @property
    def version(self) -> Kernel:
        """Of the kernel."""
        return version(self.kernel, "kernel")

    @property
    def policy(self) -> str:
        """Of core/policies."""
        return "mglru" if self.mglru and self.version >= (6, 1) else policy_of(self.version)


def version(text: str, source: str) -> Kernel:
    """Major and minor version of a kernel.

    Raises:
        ConfigError: it has none, or one of before 2.6.
    """
    found = VERSION.match(text)
    number = (int(found[1]), int(found[2])) if found else (0, 0)
    if number < POLICIES[-1][0]:
        raise refusal(source, "", text, "a version as 6.1, from 2.6 on")
    return number


def policy_of(kernel: Kernel) -> str:
    """The policy that a kernel runs."""
    return next(policy for since, policy in POLICIES if kernel >= since)


def mib(text: str, option: str) -> int:
    """A size in MiB, from "2GiB", "512M" ...

    Raises:
        ConfigError: it is no size.
    """
    found = SIZE.fullmatch(text.strip())
    size = int(float(found[1]) * UNITS[found[2].lower()]) >> 20 if found else 0
    if not found or (size < 1 and float(found[1]) > 0):
        raise refusal(option, "", text, "a size from 1 MiB on, as 512M or 2GiB")
    return size


def capture(given: Given, probed: Probed | None) -> str:
    """The text of a captured file.

    Args:
        given: what the user says; it is put over what was probed.
        probed: the running system; None: it was not asked.

    Raises:
        ConfigError: a wrong option, or one that is missing where the system does not say.
    """
    given = replace(given, cpus=given.cpus or (probed.cpus if probed else 2))
    ram_mib = mib(given.ram, "--ram") if given.ram else (probed.ram_kib >> 10 if probed else 0)
    file_class = given.file_device or (probed.file_class if probed else "")
    swap_class = given.swap_device or (probed.swap_class if probed and not given.file_device else NONE)
    kernel = given.kernel or (probed.kernel if probed else "")
    for option, value in (("--ram", ram_mib), ("--file-device", file_class), ("--swap-device", swap_class), ("--kernel", kernel)):
        if not value:
            allowed = f"one of {', '.join(classes())}" if option.endswith("device") else "a value"
            raise ConfigError(f"{option}: this machine does not say; allowed: {allowed}")
    number = version(kernel, "--kernel")
    swap_mib = _swap_mib(given, probed, swap_class, ram_mib)
    same = given.same_device if given.same_device is not None else bool(probed and probed.same_device and not (given.swap_device or given.file_device))
    machine: dict[str, Any] = {"name": given.name or "my-machine", "ram_mib": ram_mib, "cpus": given.cpus, "swap_mib": swap_mib}
    machine |= {"kernel_pages": min(ram_mib // KERNEL_SHARE + KERNEL_MIB, ram_mib // 4) * PAGES_PER_MIB}
    machine |= {"page_scale": page_scale(ram_mib), "thp": bool(probed and probed.is_thp), "same_device": same}
    machine |= {
        "swap": device(
            file_class if swap_class == NONE else swap_class,
            _name(probed, "swap", given.swap_device),
            "--file-device" if swap_class == NONE else "--swap-device",
        )
    }
    machine |= {"file": device(file_class, _name(probed, "file", given.file_device), "--file-device")} | COSTS
    checked(machine, "capture")
    is_mglru = given.mglru if given.mglru is not None else bool(probed and probed.is_mglru and not given.kernel)
    vm = dict(probed.vm) if probed and not given.is_whole else {}
    return "\n".join(_lines(kernel, number, is_mglru, vm, machine, probed.remarks if probed else ())) + "\n"


def _swap_mib(given: Given, probed: Probed | None, swap_class: str, ram_mib: int) -> int:
    if given.swap is not None:
        return mib(given.swap, "--swap")
    if swap_class == NONE:
        return 0
    return probed.swap_kib >> 10 if probed and not given.swap_device else ram_mib


def _name(probed: Probed | None, kind: str, given: str | None) -> str:
    seen = getattr(probed, f"{kind}_name") if probed and not given else ""
    return re.sub(r"[^A-Za-z0-9._-]", "-", seen).strip("-") or kind


def page_scale(ram_mib: int) -> int:
    """Real pages that a simulated one stands for, so that a run stays affordable; 1 up to 2 GiB."""
    scale = 1
    while ram_mib * PAGES_PER_MIB // scale > MOST_PAGES and scale < 64:
        scale *= 2
    return scale


def checked(machine: Mapping[str, Any], source: str) -> Machine:
    """The machine of a mapping.

    Raises:
        ConfigError: it is none.
    """
    try:
        return build(Machine, machine)
    except ValidationError as error:
        raise ConfigError(f"{source}: machine.{problem_line(first_problem(error), model_of(Machine))}") from None
    except ValueError as error:
        raise ConfigError(f"{source}: machine.{error}") from None


def _lines(kernel: str, number: Kernel, is_mglru: bool, vm: Mapping[str, int], machine: Mapping[str, Any], remarks: Sequence[str]) -> list[str]:
    policy = "mglru" if is_mglru and number >= (6, 1) else policy_of(number)
    lines = ["# Written by `highwater capture`; for `highwater recommend --machine`. Look at the devices: their figures are those of a class, and those of",
             "# the device at hand are better. CPU costs are estimates for a machine of today (configs/machines/vm-512m-ssd.yaml)."]  # fmt: skip
    lines += [f"# {remark}" for remark in remarks]
    lines += [f'kernel: "{kernel}" # simulated as policy {policy}']
    lines += ["mglru: true"] if is_mglru else []
    lines += [f"vm: {{{', '.join(f'{name}: {value}' for name, value in vm.items())}}} # as it is set now"] if vm else []
    lines += ["machine:"]
    for name, value in machine.items():
        text = f"{{{', '.join(f'{key}: {_scalar(one)}' for key, one in value.items())}}}" if isinstance(value, dict) else _scalar(value)
        note = " # estimate: page structures and what else the kernel takes at boot" if name == "kernel_pages" else ""
        note = (
            " # a simulated page stands for so many, for speed: docs/page-scale.md says what that costs in truth"
            if name == "page_scale" and value > 1
            else note
        )
        lines.append(f"  {name}: {text}{note}")
    return lines


def _scalar(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def load_captured(name_or_path: str) -> Captured:
    """A captured file, a machine file, or the name of a shipped machine.

    Raises:
        ConfigError: it is none of them.
    """
    path = config_file(name_or_path, "machine")
    raw = load_mapping(path)
    if "machine" not in raw:
        raw = {"kernel": "6.12", "machine": {"name": path.stem, **raw}}
    try:
        found = Captured.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{path}{explain(error, '', Captured)}") from None
    checked({"name": path.stem, **found.machine}, str(path))
    return found.model_copy(update={"machine": {"name": path.stem, **found.machine}})


def describe(path: Path, captured: Captured) -> str:
    """The machine in a line."""
    machine = captured.machine
    return f"{path.name}: {machine['ram_mib']} MiB, kernel {captured.kernel} as policy {captured.policy}"
