"""Probe: what a running Linux says about its memory and its block devices. It reads /proc and /sys and writes nothing.

What is read: /proc/meminfo (MemTotal, SwapTotal), /proc/swaps, /proc/self/mountinfo, /proc/sys/kernel/osrelease, /proc/sys/vm/*, /sys/block/*/queue/rotational,
/sys/dev/block/MAJOR:MINOR, /sys/kernel/mm/lru_gen/enabled, /sys/kernel/mm/transparent_hugepage/enabled.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sweep.errors import ConfigError

NETWORK: Final = {"nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "fuse.sshfs", "glusterfs"}
IGNORED: Final = re.compile(r"^(loop|ram|fd|sr|zram)\d+$")
VIRTUAL: Final = re.compile(r"^(xvd|vd)[a-z]+$")
VM_KEYS: Final = (
    "min_free_kbytes",
    "watermark_scale_factor",
    "watermark_boost_factor",
    "dirty_background_ratio",
    "dirty_ratio",
    "dirty_background_bytes",
    "dirty_bytes",
    "swappiness",
)


@dataclass(frozen=True)
class Probed:
    """A running system.

    Attributes:
        ram_kib: MemTotal: what the kernel manages.
        swap_kib: of all swap areas but zram.
        cpus: online.
        kernel: as `uname -r`.
        swap_class, file_class: of the devices; "none", or "" if nothing is known.
        swap_name, file_name: of the devices.
        same_device: both are on one disk.
        is_mglru: the multi-generational LRU is on.
        is_thp: transparent huge pages are on.
        vm: what is set under /proc/sys/vm.
        remarks: what was seen and cannot be simulated.
    """

    ram_kib: int
    swap_kib: int
    cpus: int
    kernel: str
    swap_class: str
    swap_name: str
    file_class: str
    file_name: str
    same_device: bool
    is_mglru: bool
    is_thp: bool
    vm: tuple[tuple[str, int], ...]
    remarks: tuple[str, ...]


def probe(root: Path = Path("/"), path: str = "/") -> Probed:
    """Look at the system whose /proc and /sys are below ``root``.

    Args:
        root: where they are.
        path: a directory of the workload's files, as the system sees it: its device is the file device.

    Raises:
        ConfigError: it is no Linux.
    """
    meminfo = dict(re.findall(r"^(\w+):\s+(\d+) kB", _text(root / "proc/meminfo"), re.MULTILINE))
    if "MemTotal" not in meminfo:
        raise ConfigError(f"{root / 'proc/meminfo'}: no MemTotal; allowed: Linux, or --ram, --swap-device and --file-device")
    swap_kib, swap_name, remarks = _swap(root)
    file_name, file_class = _file(root, path)
    if VIRTUAL.match(file_name):
        remarks.append(f"{file_name} is a virtual disk: whether it is an hdd or an ssd is what the host says; --file-device if you know better")
    swap_disk, swap_class = _disk(root, swap_name) if swap_name else ("", "none")
    return Probed(
        ram_kib=int(meminfo["MemTotal"]),
        swap_kib=swap_kib,
        cpus=os.cpu_count() or 1,
        kernel=_text(root / "proc/sys/kernel/osrelease").strip(),
        swap_class=swap_class,
        swap_name=swap_disk,
        file_class=file_class,
        file_name=file_name,
        same_device=bool(swap_disk) and swap_disk == file_name,
        is_mglru=_text(root / "sys/kernel/mm/lru_gen/enabled").strip() not in ("", "0x0000", "0", "n"),
        is_thp=_is_thp(root),
        vm=tuple((key, int(value)) for key in VM_KEYS if (value := _text(root / "proc/sys/vm" / key).strip()).isdecimal()),
        remarks=tuple(remarks),
    )


def _is_thp(root: Path) -> bool:
    """Huge pages for all or for those who ask: either starts khugepaged, which raises min_free_kbytes (start_stop_khugepaged(), v6.12)."""
    enabled = _text(root / "sys/kernel/mm/transparent_hugepage/enabled")
    return "[always]" in enabled or "[madvise]" in enabled


def _text(path: Path) -> str:
    """The text of a file; empty if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _swap(root: Path) -> tuple[int, str, list[str]]:
    """Size of swap, the device of the area with the highest priority, and remarks."""
    areas = []
    for line in _text(root / "proc/swaps").splitlines()[1:]:
        fields = line.split()
        if len(fields) >= 5:
            areas.append((int(fields[4]), fields[0], fields[1], int(fields[2])))
    remarks = [f"swap on {name} is left out: compressed memory is not simulated" for _, name, _, _ in areas if "zram" in name]
    areas = [area for area in areas if "zram" not in area[1]]
    if not areas:
        return 0, "", remarks
    _, name, kind, _ = max(areas)
    if len(areas) > 1:
        remarks.append(f"{len(areas)} swap areas are taken for one on {name}")
    device = name if kind == "partition" else _source(root, name)
    return sum(area[3] for area in areas), device.removeprefix("/dev/"), remarks


def _mounts(root: Path) -> Iterator[tuple[str, str, str, str]]:
    """Mount point, MAJOR:MINOR, type and source of each mount."""
    for line in _text(root / "proc/self/mountinfo").splitlines():
        fields = line.split()
        if "-" in fields[6:]:
            dash = fields.index("-", 6)
            yield fields[4], fields[2], fields[dash + 1], fields[dash + 2]


def _mount(root: Path, path: str) -> tuple[str, str, str, str]:
    """The mount that a path is on."""
    on = [mount for mount in _mounts(root) if path == mount[0] or path.startswith(mount[0].rstrip("/") + "/")]
    return max(on, key=lambda mount: len(mount[0]), default=("", "", "", ""))


def _source(root: Path, path: str) -> str:
    return _mount(root, path)[3]


def _file(root: Path, path: str) -> tuple[str, str]:
    """Disk and class of what ``path`` is on."""
    _, number, kind, source = _mount(root, path)
    if kind in NETWORK:
        return source, "nfs"
    link = root / "sys/dev/block" / number
    name = link.resolve().name if link.exists() else source.removeprefix("/dev/")
    return _disk(root, name)


def _disk(root: Path, name: str) -> tuple[str, str]:
    """The disk of a partition or a device mapper's device, and its class; the class is empty if nothing is known."""
    blocks = root / "sys/block"
    name = Path(name).name
    disks = sorted((entry.name for entry in blocks.iterdir()), key=len, reverse=True) if blocks.is_dir() else []
    found = next((disk for disk in disks if name == disk or re.fullmatch(re.escape(disk) + r"p?\d+", name)), "")
    for _ in range(4):  # lvm on dm-crypt on a disk
        slaves = sorted((blocks / found / "slaves").iterdir()) if found and (blocks / found / "slaves").is_dir() else []
        if not slaves:
            break
        found = _disk(root, slaves[0].name)[0]
    if not found or IGNORED.match(found):
        return found, ""
    return found, _class(blocks / found)


def _class(block: Path) -> str:
    target = str(block.resolve())
    if block.name.startswith("nvme"):
        return "nvme"
    if block.name.startswith("mmcblk"):
        return "sd"
    if "/usb" in target:
        return "usb"
    return {"1": "hdd", "0": "ssd"}.get(_text(block / "queue/rotational").strip(), "")
