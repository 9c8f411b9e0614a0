"""Capture: a machine file from a running system, which is only read, or from a few options."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import Device
from sweep.capture import Given, capture, checked, load_captured, mib, policy_of, version
from sweep.devices import class_of, classes, device
from sweep.errors import ConfigError
from sweep.fields import build
from sweep.probe import probe

FILES = {
    "proc/meminfo": "MemTotal:        4030464 kB\nMemFree: 1 kB\nSwapTotal: 1 kB\n",
    "proc/swaps": "Filename Type Size Used Priority\n/dev/zram0 partition 100 0 100\n/dev/sda2 partition 1048572 0 -2\n",
    "proc/self/mountinfo": "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 22 0:50 / /srv rw - nfs4 box:/srv rw\n24 22 259:1 / /fast rw - xfs /dev/nvme0n1p1 rw\n",
    "proc/sys/kernel/osrelease": "5.10.0-28-amd64\n",
    "proc/sys/vm/min_free_kbytes": "67584\n",
    "proc/sys/vm/swappiness": "10\n",
    "sys/block/sda/queue/rotational": "1\n",
    "sys/block/nvme0n1/queue/rotational": "0\n",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
    "sys/kernel/mm/lru_gen/enabled": "0x0000\n",
}


@pytest.fixture
def system(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_a_running_system_is_read_and_not_changed(system: Path, tmp_path: Path) -> None:
    before = {path: (path.read_text(), path.stat().st_mtime_ns) for path in system.rglob("*") if path.is_file()}
    found = probe(system)
    assert (found.ram_kib, found.swap_kib, found.kernel) == (4030464, 1048572, "5.10.0-28-amd64")
    assert (found.swap_class, found.file_class, found.same_device) == ("hdd", "hdd", True)
    assert dict(found.vm) == {"min_free_kbytes": 67584, "swappiness": 10}
    assert found.is_thp
    assert not found.is_mglru
    assert any("zram0" in remark for remark in found.remarks)
    assert {path: (path.read_text(), path.stat().st_mtime_ns) for path in system.rglob("*") if path.is_file()} == before
    file = tmp_path / "machine.yaml"
    file.write_text(capture(Given(), found))
    loaded = load_captured(str(file))
    assert (loaded.policy, loaded.version, loaded.vm["swappiness"]) == ("linux_4_11", (5, 10), 10)
    machine = checked(loaded.machine, "test")
    assert (machine.ram_mib, machine.swap_mib, machine.page_scale, machine.thp, machine.same_device) == (3936, 1023, 2, True, True)


@pytest.mark.parametrize(("path", "kind"), [("/srv/data", "nfs"), ("/fast", "nvme"), ("/var/lib", "hdd")])
def test_the_file_device_is_what_the_path_is_on(system: Path, path: str, kind: str) -> None:
    assert probe(system, path).file_class == kind


def test_a_description_asks_no_system(tmp_path: Path) -> None:
    given = Given(ram="2GiB", swap_device="ssd", file_device="hdd", kernel="6.1")
    assert given.is_whole
    file = tmp_path / "machine.yaml"
    file.write_text(capture(given, None))
    loaded = load_captured(str(file))
    machine = checked(loaded.machine, "test")
    assert (loaded.policy, machine.ram_mib, machine.swap_mib, machine.page_scale) == ("linux_5_16", 2048, 2048, 1)
    assert (class_of(machine.swap), class_of(machine.file)) == ("ssd", "hdd")
    assert loaded.vm == {}


def test_no_swap_is_a_machine_too(tmp_path: Path) -> None:
    file = tmp_path / "machine.yaml"
    file.write_text(capture(Given(ram="512M", swap_device="none", file_device="nvme", kernel="6.12", mglru=True), None))
    loaded = load_captured(str(file))
    assert (loaded.policy, loaded.machine["swap_mib"]) == ("mglru", 0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Given(ram="lots", file_device="hdd", kernel="6.1"), "--ram: lots; allowed: a size from 1 MiB on"),
        (Given(ram="1G", file_device="tape", kernel="6.1"), "--file-device: tape; allowed: hdd, ssd"),
        (Given(ram="1G", file_device="hdd", kernel="2.4.20"), "--kernel: 2.4.20; allowed: a version as 6.1, from 2.6 on"),
        (Given(ram="1G", file_device="hdd", swap_device="floppy", kernel="6.1"), "--swap-device: floppy; allowed: hdd"),
    ],
)
def test_a_wrong_option_is_one_line(given: Given, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        capture(given, None)
    assert words in str(refused.value)


def test_sizes_versions_and_classes() -> None:
    assert [mib(text, "--ram") for text in ("512M", "2GiB", "1.5g", "1048576k")] == [512, 2048, 1536, 1024]
    assert [policy_of(version(text, "--kernel")) for text in ("2.6.23", "3.4", "3.10", "5.15", "6.1.0-21", "6.12")] == [
        *("inline", "linux_3_2", "linux_3_6", "linux_4_11", "linux_5_16", "flusher_only"),
    ]
    for name in classes():
        assert class_of(build(Device, device(name, "x", "--file-device"))) == name


def test_a_shipped_machine_serves_by_name() -> None:
    assert load_captured("vm-512m-ssd").machine["ram_mib"] == 512
