"""dirty_bytes and dirty_background_bytes: one of a pair holds, and it is the limit whatever else is dirtyable."""

from __future__ import annotations

import pytest

from core import Builder, Device, Machine, Outcome, Streams, policies, simulate
from core.operations import FILE_WRITE
from core.pairs import BYTES, in_force, written
from core.policy import MOST_BYTES
from core.units import KIB_PER_PAGE, PAGE_BYTES, SECOND

DISK = Device("disk", 8, 8, 100_000)
MACHINE = Machine("small", ram_mib=32, cpus=1, swap_mib=0, swap=DISK, file=DISK, kernel_pages=500)
FLUSHER = policies.load("flusher_only")
MIB = 1 << 20


def writer() -> Streams:
    """Somebody writes files as fast as he may, for 8 s."""
    builder = Builder()
    file = builder.file(64 << 10)
    builder.task(5_000).run(FILE_WRITE, file.first, file.pages)
    return builder.build(8 * SECOND)


def run(**params: int) -> Outcome:
    return simulate(MACHINE, FLUSHER, params, writer(), audited=True)


def plateau(outcome: Outcome) -> int:
    return int(outcome.nr_dirty + outcome.nr_writeback) * PAGE_BYTES


def test_one_of_a_pair_holds_and_the_other_is_0() -> None:
    values = FLUSHER.resolve(MACHINE, {})
    assert {name: values[name] for name in BYTES} == dict.fromkeys(BYTES, 0)
    values = FLUSHER.resolve(MACHINE, {"dirty_bytes": MIB})
    assert (values["dirty_ratio"], values["dirty_bytes"], values["dirty_background_ratio"], values["dirty_background_bytes"]) == (0, MIB, 10, 0)
    assert FLUSHER.resolve(MACHINE, values) == values, "a complete setting is a setting"
    assert {name for name in in_force(values) if name.startswith("dirty")} == {"dirty_bytes", "dirty_background_ratio"}
    assert written(values, {"dirty_ratio": 30}) == values | {"dirty_ratio": 30, "dirty_bytes": 0}
    assert written(FLUSHER.resolve(MACHINE, {}), {"dirty_background_bytes": 1}) == FLUSHER.resolve(MACHINE, {"dirty_background_bytes": 1})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"dirty_bytes": MIB, "dirty_ratio": 20}, "params.dirty_bytes: 1048576 beside dirty_ratio = 20; allowed: one of them"),
        ({"dirty_background_bytes": 9, "dirty_background_ratio": 1}, "params.dirty_background_bytes: 9 beside dirty_background_ratio = 1; allowed: one"),
        ({"dirty_bytes": 2 * PAGE_BYTES - 1}, r"params.dirty_bytes: 8191; allowed: 0 \(dirty_ratio holds\), or at least 8192"),
        ({"dirty_bytes": -1}, f"params.dirty_bytes: -1; allowed: 0 to {MOST_BYTES}"),
        ({"dirty_ratio": 0}, "params.dirty_ratio: 0; allowed: 2 to 100"),
        ({"dirty_ratio": 0, "dirty_background_bytes": MIB}, "params.dirty_ratio: 0; allowed: 2 to 100"),
    ],
)
def test_what_the_kernel_would_not_hold_is_refused(params: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FLUSHER.resolve(MACHINE, params)


def test_linux_2_6_23_has_no_such_key() -> None:
    """They came with 2.6.29."""
    for name in BYTES:
        with pytest.raises(ValueError, match=f"params.{name}: unknown tunable of policy inline"):
            policies.load("inline").resolve(MACHINE, {name: MIB})


@pytest.mark.compiled  # seconds of simulated writing: minutes when interpreted
def test_bytes_that_are_the_ratio_do_what_the_ratio_does() -> None:
    by_ratio, by_bytes = run(dirty_ratio=20), run(dirty_bytes=5 * MIB, dirty_background_bytes=5 * MIB // 2)
    assert abs(plateau(by_bytes) - plateau(by_ratio)) < MIB, (plateau(by_bytes), plateau(by_ratio))


@pytest.mark.compiled  # seconds of simulated writing: minutes when interpreted
def test_the_plateau_follows_the_bytes() -> None:
    for limit in (MIB, 4 * MIB, 12 * MIB):
        found = plateau(run(dirty_bytes=limit, dirty_background_bytes=limit // 2))
        assert 0.7 * limit < found <= limit + 64 * PAGE_BYTES, (limit, found)


@pytest.mark.compiled  # seconds of simulated writing: minutes when interpreted
def test_a_background_limit_that_is_not_below_the_limit_is_half_of_it() -> None:
    """domain_dirty_limits(), whichever of the two is in bytes."""
    half = run(dirty_bytes=4 * MIB, dirty_background_bytes=2 * MIB)
    assert run(dirty_bytes=4 * MIB, dirty_background_bytes=MOST_BYTES).digest == half.digest
    assert run(dirty_bytes=4 * MIB, dirty_background_ratio=99).digest == half.digest


@pytest.mark.compiled  # seconds of simulated writing: minutes when interpreted
def test_bytes_are_rounded_up_to_a_page() -> None:
    assert run(dirty_bytes=4 * MIB - PAGE_BYTES + 1, dirty_background_bytes=2 * MIB).digest == run(dirty_bytes=4 * MIB, dirty_background_bytes=2 * MIB).digest
    assert run(dirty_bytes=4 * MIB - PAGE_BYTES).digest != run(dirty_bytes=4 * MIB).digest
    assert MIB == 1024 // KIB_PER_PAGE * PAGE_BYTES
