"""Baselines: every published setting is loaded, placed on a machine, or says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import Device, Machine, policies
from sweep.baselines import chosen, load_baselines, place
from sweep.errors import ConfigError

DISK = Device("sda", 50, 50, 100_000)
SMALL, LARGE = Machine("box", 128, 2, 256, DISK, DISK), Machine("server", 65_536, 16, 1024, DISK, DISK)
INLINE, FLUSHER = policies.load("inline"), policies.load("flusher_only")
HERE = Path("sweep.yaml")


def test_every_published_setting_has_a_source_and_can_be_set() -> None:
    found = load_baselines(HERE)
    assert len(found) >= 30
    for name, baseline in found.items():
        assert baseline.source, name
        assert baseline.role, name
    placed = {one.name: one for one in place(found, FLUSHER, LARGE)}
    assert list(placed) == list(found)
    assert {one.name: one.why_not for one in placed.values() if one.why_not} == {
        "tuned-sap-hana": "is the same as tuned-throughput-performance",
        "openshift-node-performance": "is the same as tuned-latency-performance",
    }


def test_shares_of_ram_and_limits_in_bytes_are_put_in_the_policys_terms() -> None:
    placed = {one.name: dict(one.params) for one in place(load_baselines(HERE), FLUSHER, LARGE)}
    assert placed["gpfs"] == {"min_free_kbytes": round(65_536 * 1024 * 0.055)}
    assert placed["suse-bytes"] == {"dirty_bytes": 629_145_600, "dirty_background_bytes": 314_572_800}
    old = {one.name: dict(one.params) for one in place(load_baselines(HERE), INLINE, LARGE)}
    assert old["suse-bytes"] == {"dirty_ratio": 2, "dirty_background_ratio": 1}, "2.6.23 has no bytes: 0.9 % and 0.4 % of RAM; its ratios begin there"
    assert placed["ceph-osd"] == {"min_free_kbytes": 4194303, "swappiness": 10}


def test_what_a_machine_or_policy_cannot_take_says_so() -> None:
    small = {one.name: one for one in place(load_baselines(HERE), INLINE, SMALL)}
    assert small["suse-bytes"].why_not == "is for 8192 MiB of RAM and more"
    assert small["aerospike"].why_not == "min_free_kbytes: 1310720; allowed: at most half of RAM, 65536"
    assert small["wsf-50"].why_not == "is the same as the kernel's defaults"
    assert dict(small["pop-os"].params) == {"dirty_ratio": 100, "dirty_background_ratio": 99, "swappiness": 10}
    assert small["zram-community"].why_not == "swappiness: 180; allowed: 0 to 100"


def test_a_sweep_names_them_and_may_bring_its_own(tmp_path: Path) -> None:
    (tmp_path / "baselines").mkdir()
    (tmp_path / "baselines" / "ours.yaml").write_text("ours: {source: our wiki, role: all of our nodes, values: {min_free_kbytes: 8192}}\n")
    sweep = tmp_path / "sweep.yaml"
    assert chosen([], sweep) == {}
    assert list(chosen(["ours", "gpfs"], sweep)) == ["ours", "gpfs"]
    assert "ours" in chosen(["all"], sweep)
    with pytest.raises(ConfigError, match=r"sweep.yaml: search.baselines\[0\]: nobody; allowed: all, aerospike"):
        chosen(["nobody"], sweep)
    (tmp_path / "baselines" / "ours.yaml").write_text("ours: {source: our wiki, role: all, values: {}}\n")
    with pytest.raises(ConfigError, match=r"ours.yaml: ours.*values"):
        chosen(["ours"], sweep)
