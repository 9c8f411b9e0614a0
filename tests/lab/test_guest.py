"""A guest is booted, twice: it does the operations of the streams, and the same ones again."""

import shutil
from pathlib import Path

import pytest

from lab import plan, prefix, qemu
from lab.cache import LabError
from lab.image import archive, build
from lab.kernel import Kernel, find
from lab.point import Point, guest_mib, run_guest, run_simulator
from lab.running import Options, parse

needs_qemu = pytest.mark.skipif(
    not all(shutil.which(name) for name in ("qemu-system-x86_64", "gcc", "apt-get")),
    reason="boots a kernel: needs qemu-system-x86, gcc, libc6-dev and Debian's apt-get",
)


@needs_qemu
@pytest.mark.slow
def test_a_point_run_twice_consumes_the_same_operations_as_the_simulator() -> None:
    sets = ("workload.size_mib=72", "workload.duration_s=1", "machine.ram_mib=64", "vm.min_free_kbytes=2048")
    point = parse("lab-128m", "w1-zijlstra", Options(sets))
    kernel = find()
    first, second = run_guest(point, kernel), run_guest(point, kernel)
    for run in (first, second):
        (task,) = run.tasks
        assert task.checked > 1000
        assert prefix.rolling_hash(*prefix.first(point.streams.ops, task.checked)) == task.hash
        assert run.ending.how == "horizon"
        assert run.metrics["pswpout"] > 0
    assert second.metrics == first.metrics
    assert [sample.vmstat for sample in second.samples] == [sample.vmstat for sample in first.samples]
    assert first.metrics["oom_kills"] == 0
    assert [sample.ops for sample in first.samples] == sorted(sample.ops for sample in first.samples)
    simulated = run_simulator(point, first.start_free)
    assert simulated.ops_done == pytest.approx(first.metrics["ops_done"], rel=0.5)


@needs_qemu
@pytest.mark.slow
def test_a_kill_is_seen() -> None:
    sets = ("workload.size_mib=80", "workload.duration_s=2", "machine.ram_mib=64", "machine.swap_mib=0")
    run = run_guest(parse("lab-128m", "w1-zijlstra", Options(sets)), find())
    assert run.metrics["oom_kills"] == 1
    assert 0 < run.metrics["time_to_first_oom_ns"] < 2_000_000_000


def ending(point: Point, settings: list[tuple[str, str]], timeout_s: float = 60) -> qemu.Ending:
    kernel = find()
    made = plan.make(point.streams, point.machine, settings, 1)
    return qemu.boot(kernel, build(kernel), made, guest_mib(point.machine.ram_mib), 1, timeout_s)


@needs_qemu
@pytest.mark.slow
def test_panic_timeout_and_hang_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    small = ("machine.ram_mib=64", "workload.size_mib=4", "workload.duration_s=3")
    assert ending(parse("lab-128m", "w1-zijlstra", Options(small)), [("/proc/sysrq-trigger", "c")]).how == qemu.PANICKED
    assert ending(parse("lab-128m", "w1-zijlstra", Options(small)), [], timeout_s=0.2).how == qemu.TIMEOUT
    monkeypatch.setattr(plan, "HANG_NS", 400_000_000)
    stuck = parse("lab-128m", "w1-zijlstra", Options((*small, "machine.file.latency_ns=2000000000")))  # the first page of text does not come
    found = ending(stuck, stuck.settings)
    assert found.how == qemu.HANG
    assert 400_000_000 <= found.report["elapsed_ns"] < 1_500_000_000


def test_missing_programs_are_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match="apt-get install apt"):
        find()
    with pytest.raises(LabError, match="no such file; allowed: a bzImage"):
        find(tmp_path / "vmlinuz", tmp_path)
    with pytest.raises(LabError, match="both or none"):
        find(tmp_path / "vmlinuz")


def test_a_module_that_is_not_there_is_named(tmp_path: Path) -> None:
    from lab.image import order

    with pytest.raises(LabError, match=r"no null-blk\.ko"):
        list(order(Kernel(tmp_path, tmp_path, "6.1.0", "")))
    for name, needs in (("null_blk", b"configfs"), ("brd", b""), ("dm-mod", b""), ("configfs", b"")):
        (tmp_path / f"{name}.ko").write_bytes(b"\0depends=" + needs + b"\0")
    assert [path.name for path, _ in order(Kernel(tmp_path, tmp_path, "6.1.0", ""))] == ["configfs.ko", "null_blk.ko", "brd.ko", "dm-mod.ko"]


def test_the_archive_is_what_a_kernel_unpacks() -> None:
    packed = archive([("dev", 0o040755, b""), ("init", 0o100755, b"abcde")])
    assert packed.startswith(b"070701")
    assert len(packed) % 4 == 0
    assert packed.count(b"070701") == 3
    assert b"init\0" in packed
    assert b"abcde\0\0\0" in packed
    assert b"TRAILER!!!" in packed


@pytest.mark.parametrize(
    ("sets", "line"),
    [
        (("vm.nothing=1",), "--set vm.nothing: unknown tunable"),
        (("vm.swappiness=300",), "--set vm.swappiness: 300; allowed: 0 to 200"),
        (("swappiness=3",), "allowed: vm.SYSCTL=NUMBER"),
        (("machine.cpus=3",), "machine.cpus: 3; allowed: 1 to 2"),
        (("machine.swap.seek_ns=5",), "seek_ns 0"),
    ],
)
def test_what_cannot_be_run_is_one_line(sets: tuple[str, ...], line: str) -> None:
    from sweep.errors import HighwaterError

    with pytest.raises(HighwaterError, match=line):
        parse("lab-128m", "w1-zijlstra", Options(sets)).check()
