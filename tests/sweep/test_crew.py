"""The crew: its tasks touch what their roles say, as often, as fast and in the order that they say."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import Device, Machine, Streams, gfp
from core.arrivals import BURST, PACKETS, SERVER_DOWN, SERVER_UP, SLAB_BURST
from core.operations import ALLOC, DISCARD, EXIT, FILE_READ, FILE_WRITE, FREE, FSYNC, JUMP, READ, RECEIVE, SLEEP, THINK, WRITE
from core.region import ANON, EXEC, MAPPED
from core.units import MS, SECOND
from sweep import workloads
from tests.sweep.words import literals, operations, pages, touched

DISK = Device("disk", 60, 60, 100_000, 10_000_000)
PC = Machine("pc", 16, 4, 64, DISK, DISK)
TEXT = 4  # pages


def crew(role: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"kind": "crew", "text_mib": TEXT / 256, "roles": {"it": {"memory": "anon", **role}}, **more}


def compiled(role: dict[str, Any], seed: int = 1, **more: Any) -> Streams:
    return workloads.compile_streams(workloads.load(crew(role, **more), Path("x.yaml")), PC, seed)


def own(streams: Streams, task: int = 0) -> tuple[list[int], list[int]]:
    """Codes and pages of what a task does to its memory, text left out; page 0 is the first that is not text."""
    codes, where = touched(streams, task)
    mine = where >= TEXT
    return codes[mine].tolist(), (where[mine] - TEXT).tolist()


def test_a_seed_is_one_stream_and_another_is_another() -> None:
    role = {"size_mib": 1, "access": "zipf", "write_share": 0.5, "receive": 3, "tasks": 2}
    packets = {"p": {"per_s": 10_000}}
    digests = [compiled(role, seed, packets=packets).digest for seed in (1, 1, 2, 3)]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_a_role_of_its_own_draws_the_same_beside_another() -> None:
    alone = workloads.load(crew({"size_mib": 1, "access": "random"}), Path("x.yaml"))
    mapping = crew({"size_mib": 1, "access": "random"})
    mapping["roles"]["other"] = {"memory": "file", "size_mib": 1, "tasks": 3}
    both = workloads.load(mapping, Path("x.yaml"))
    first, second = (workloads.compile_streams(workload, PC, 7) for workload in (alone, both))
    assert own(first) == own(second)


@pytest.mark.parametrize(
    ("role", "tasks", "size"),
    [
        ({"size_mib": 2}, 1, 512),
        ({"size_ram": 1.5, "tasks": 3}, 3, 24 * 256),
        ({"size_mib": 2, "tasks_per_cpu": 8}, 32, 512),
        ({"size_mib": 2, "tasks_per_cpu": 0.2}, 1, 512),
        ({"size_mib": 2, "tasks": 5, "shared": True}, 5, 512),
        ({"size_mib": 0.01, "tasks": 5}, 3, 3),
    ],
)
def test_sizes_and_tasks_are_the_role_s(role: dict[str, Any], tasks: int, size: int) -> None:
    streams = compiled(role)
    assert streams.n_tasks == tasks
    assert pages(streams, ANON, ANON) == size
    assert pages(streams, EXEC, EXEC) == TEXT
    seen = [set(own(streams, task)[1]) for task in range(tasks)]
    assert set().union(*seen) == set(range(size))
    assert sum(map(len, seen)) == (tasks * size if role.get("shared") else size)


def test_a_role_without_tasks_is_left_out_and_nobody_at_all_is_refused() -> None:
    both = crew({"size_mib": 1})
    both["roles"]["none"] = {"memory": "file", "size_mib": 1, "tasks": 0}
    assert workloads.compile_streams(workloads.load(both, Path("x.yaml")), PC, 1).n_tasks == 1
    with pytest.raises(ValueError, match=r"^roles: it; allowed: a role with tasks"):
        compiled({"size_mib": 1, "tasks": 0})


@pytest.mark.parametrize(("memory", "read", "write"), [("anon", READ, WRITE), ("file", FILE_READ, FILE_WRITE), ("mapped", READ, WRITE)])
def test_memory_decides_how_it_is_touched(memory: str, read: int, write: int) -> None:
    streams = compiled({"memory": memory, "size_mib": 4, "access": "random", "write_share": 0.25})
    codes, where = own(streams)
    assert sorted(where) == list(range(1024))
    assert where != sorted(where)
    assert set(codes) == {read, write}
    assert 0.2 < codes.count(write) / len(codes) < 0.3
    assert pages(streams, ANON | MAPPED | EXEC, {"anon": ANON | MAPPED, "file": 0, "mapped": MAPPED}[memory]) == 1024


def test_linear_is_from_end_to_end_and_sharers_begin_anywhere() -> None:
    assert own(compiled({"size_mib": 1}))[1] == list(range(256))
    shared = compiled({"size_mib": 1, "tasks": 6, "shared": True})
    orders = [own(shared, task)[1] for task in range(6)]
    for order in orders:
        assert order == [*range(order[0], 256), *range(order[0])]
    assert len({order[0] for order in orders}) > 2


def test_a_block_is_touched_in_a_row() -> None:
    order = own(compiled({"memory": "file", "size_mib": 4, "access": "random", "block_kib": 64}))[1]
    blocks = np.array(order).reshape(-1, 16)
    assert (np.diff(blocks, axis=1) == 1).all()
    assert sorted(blocks[:, 0]) == list(range(0, 1024, 16))


def test_hot_pages_take_their_share_and_change_with_the_phase() -> None:
    role = {"size_mib": 4, "access": "hot", "hot_share": 0.1, "hot_touches": 0.9, "lap_mib": 80, "phases": 2}
    halves = np.array_split(np.array(own(compiled(role))[1]), 2)
    hot = []
    for half in halves:
        count = np.bincount(half, minlength=1024)
        most = np.argsort(count)[::-1][:102]
        assert 0.88 < count[most].sum() / len(half) < 0.92
        hot.append(set(most.tolist()))
    assert len(hot[0] & hot[1]) < 40


def test_zipf_favours_few() -> None:
    count = np.sort(np.bincount(own(compiled({"size_mib": 4, "access": "zipf", "zipf": 1.0, "lap_mib": 80}))[1], minlength=1024))[::-1]
    assert 0.3 < count[:10].sum() / count.sum() < 0.45


def test_memory_is_filled_before_it_is_read() -> None:
    codes, where = own(compiled({"size_mib": 1, "fill": True}))
    assert (codes, where) == ([WRITE] * 256 + [READ] * 256, [*range(256), *range(256)])


def test_laps_end_or_never() -> None:
    assert [code for code, *_ in operations(compiled({"size_mib": 1, "laps": 3}), 0)].count(JUMP) == 0
    assert len(own(compiled({"size_mib": 1, "laps": 3}))[1]) == 768
    loop = operations(compiled({"size_mib": 1, "fill": True, "discard": True, "write_share": 1}), 0)
    assert [code for code, *_ in loop[-3:]] == [DISCARD, JUMP, EXIT]
    assert loop[-3][1:3] == (TEXT, 256)


def test_a_burst_ends_with_a_sync_of_what_it_wrote_and_a_pause() -> None:
    role = {"memory": "file", "size_mib": 0.25, "write_share": 1, "burst_kib": 8, "fsync": True, "pause_ms": 2, "think_us": 30, "jitter": 0}
    found = operations(compiled(role), 0)
    assert [(page - TEXT, literal) for code, page, literal, _ in found if code == FSYNC] == [(first, 2) for first in range(0, 64, 2)]
    assert [literal for code, _, literal, _ in found if code == SLEEP] == [2 * MS] * 32
    assert [literal for code, _, literal, _ in found if code == THINK][1:] == [30_000] * 32


def test_a_burst_at_random_syncs_the_file() -> None:
    role = {"memory": "file", "size_mib": 0.25, "access": "random", "write_share": 1, "burst_kib": 64, "fsync": True}
    assert [(page - TEXT, literal) for code, page, literal, _ in operations(compiled(role), 0) if code == FSYNC] == [(0, 64)] * 4


def test_kernel_pages_are_held_for_a_burst() -> None:
    role = {"memory": "none", "kernel_pages": 7, "gfp": "nofs", "pause_ms": 10}
    found = [(code, literal, inner) for code, _, literal, inner in operations(compiled(role), 0) if code in (ALLOC, FREE, SLEEP)]
    assert found[0] == (ALLOC, 7, gfp.NOFS)
    assert [code for code, *_ in found] == [ALLOC, FREE, SLEEP] * 64
    assert all(5 * MS <= literal <= 15 * MS for code, literal, _ in found if code == SLEEP)


def test_a_rate_is_kept_and_cpu_time_is_what_it_says() -> None:
    rated = compiled({"memory": "file", "size_mib": 16, "mb_s": 50})
    assert sum(literals(rated, 0, SLEEP)) == pytest.approx(16 * 2**20 / 50e6 * SECOND, rel=0.05)
    assert rated.op_ns.tolist() == [1000]
    free = compiled({"memory": "file", "size_mib": 16, "op_ns": 3000, "jitter": 0.4})
    total = 4096 * int(free.op_ns[0]) + sum(literals(free, 0, THINK)[1:])
    assert total == pytest.approx(4096 * 3000, rel=0.05)
    assert free.op_ns.tolist() == [1800]


def test_packets_are_taken_after_each_block() -> None:
    streams = compiled({"size_mib": 1, "block_kib": 64, "receive": 90})
    assert literals(streams, 0, RECEIVE) == [90] * 16


def arrived(**more: Any) -> np.ndarray:
    return compiled({"size_mib": 1, "receive": 64}, duration_s=10, **more).arrivals


def test_packets_come_at_their_rate_between_their_times() -> None:
    rows = arrived(packets={"flood": {"per_s": 20_000, "from_s": 2, "to_s": 7, "queue_kib": 512}})
    assert (rows[:, 1] == PACKETS).all()
    assert rows[:, 2].sum() == pytest.approx(100_000, rel=0.05)
    assert rows[0, 0] >= 2 * SECOND
    assert rows[-1, 0] < 7 * SECOND
    assert (rows[:, 3] == 128).all()
    assert len(set(np.diff(rows[:, 0]).tolist())) > 100


def test_packets_come_in_bursts() -> None:
    rows = arrived(packets={"halo": {"per_s": 64_000, "on_ms": 10, "off_ms": 40, "from_s": 1}})
    assert ((rows[:, 0] - SECOND) % (50 * MS) < 10 * MS).all()
    assert rows[:, 2].sum() == pytest.approx(9 / 5 * 64_000, rel=0.05)


def test_bursts_and_outages_come_when_they_should() -> None:
    rows = arrived(
        bursts={"timer": {"pages": 3000, "every_s": 2, "hold_ms": 5, "from_s": 1}},
        slab_bursts={"test": {"pages": 300, "every_s": 3, "to_s": 6.5}},
        outages={"swap": {"device": "swap", "from_s": 4, "to_s": 6}, "file": {"device": "file", "from_s": 5}},
    )
    of = {kind: rows[rows[:, 1] == kind] for kind in (BURST, SLAB_BURST, SERVER_DOWN, SERVER_UP)}
    assert len(of[BURST]) == 5
    assert (np.diff(of[BURST][:, 0]) == 2 * SECOND).all()
    assert of[BURST][0, 2:].tolist() == [3000, 5 * MS]
    assert SECOND <= of[BURST][0, 0] <= 1.2 * SECOND
    assert of[SLAB_BURST][:, 2:].tolist() == [[300, 0]] * 3
    assert of[SERVER_DOWN].tolist() == [[4 * SECOND, SERVER_DOWN, 0, 0], [5 * SECOND, SERVER_DOWN, 1, 0]]
    assert of[SERVER_UP].tolist() == [[6 * SECOND, SERVER_UP, 0, 0]]


def test_what_begins_after_the_end_does_not_come() -> None:
    assert len(arrived(packets={"late": {"per_s": 1000, "from_s": 11}}, bursts={"late": {"pages": 1, "every_s": 1, "from_s": 12}})) == 0


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (crew({"siz": 1}), "roles.it.siz: unknown key; allowed: access, block_kib"),
        (crew({}), "roles.it: memory: anon; allowed: with one of size_mib and size_ram"),
        (crew({"size_mib": 1, "size_ram": 1}), "roles.it: memory: anon; allowed: with one of size_mib and size_ram"),
        (crew({"memory": "none"}), "roles.it: pause_ms: 0; allowed: > 0, or think_us > 0"),
        (crew({"memory": "none", "size_mib": 1, "pause_ms": 1}), "roles.it: memory: none; allowed: with one of"),
        (crew({"size_mib": 1, "tasks": 1, "tasks_per_cpu": 1}), "roles.it: tasks: given beside tasks_per_cpu"),
        (crew({"size_mib": 1, "fsync": True}), "roles.it: fsync: true; allowed: false, for memory is anon"),
        (crew({"size_mib": 1, "gfp": "highuser"}), "roles.it.gfp: highuser; allowed: kernel, nofs"),
        (crew({"size_mib": 1}, roles={"A b": {}}), "roles.A b: A b; allowed: text matching"),
        (crew({"size_mib": 1}, roles={}), "roles: {}; allowed: at least 1 entries"),
        (crew({"size_mib": 1}, packets={"p": {"per_s": 10}}), "packets: no role receives them; allowed: "),
        (crew({"size_mib": 1}, bursts={"b": {"pages": 1}}), "bursts.b.every_s: missing"),
        (crew({"size_mib": 1}, outages={"o": {"device": "swap", "from_s": 2, "to_s": 1}}), "outages.o: to_s: 1.0; allowed: > from_s = 2"),
    ],
)
def test_a_mistake_is_one_line_with_what_is_allowed(mapping: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        workloads.load(mapping, Path("x.yaml"))
    assert str(caught.value).startswith(message), str(caught.value)
    assert "\n" not in str(caught.value)
