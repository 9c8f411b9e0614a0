"""What docs/findings.md says in words holds in its tables: the answers of "Who was right" and of the published settings, cell by cell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from benchmarks.study import tables

LAUNDRY = tables.rows("laundry.csv")
DEFAULTS = tables.rows("defaults.csv")
Row = dict[str, str]


def axis(row: Row, name: str) -> float:
    found = re.search(rf"\b{name}=([\d.]+)", row["label"])
    assert found, row["label"]
    return float(found[1])


def cells(map_: str, policy: str, at: str, where: Callable[[Row], bool] = lambda _: True) -> list[Row]:
    return [r for r in LAUNDRY if (r["map"], r["policy"], r["at"]) == (f"laundry-{map_}", policy, at) and where(r)]


def findings(rows: list[Row]) -> Counter[str]:
    return Counter(row["verdict"] for row in rows)


def published(setting: str, verdict: str) -> set[tuple[str, str]]:
    return {
        (r["map"].removeprefix("defaults-"), r["label"].replace(" duration_s=6", "")) for r in DEFAULTS if (r["setting"], r["verdict"]) == (setting, verdict)
    }


def test_postponed_wins_as_posted_in_two_cells_of_the_smallest_reserve_and_nowhere_else() -> None:
    won = [row for row in LAUNDRY if row["policy"] == "postponed" and row["verdict"] == "win"]
    assert {(row["map"], row["at"], axis(row, "min_free_kbytes")) for row in won} == {("laundry-limits", "default", 362.0)}
    assert len(won) == 2


def test_postponed_dies_where_all_is_anonymous_and_in_one_other_cell() -> None:
    dying = [r for r in LAUNDRY if r["policy"] == "postponed" and r["at"] == "default" and 2 * int(r["oom"]) >= int(r["n"])]
    other = [r for r in dying if r["map"] != "laundry-memory" or axis(r, "anon_share") < 1]
    assert len(dying) == 6
    assert [(axis(r, "anon_tasks"), axis(r, "disk_mb_s"), 2 * int(r["oom"]) == int(r["n"])) for r in other] == [(8.0, 600.0, True)]
    assert all(int(r["oom"]) <= 2 for r in cells("memory", "postponed", "default", lambda r: axis(r, "anon_share") == 0.9))
    assert set(findings(cells("memory", "postponed", "default", lambda r: axis(r, "anon_share") == 0.9))) == {"loss", "undecided"}
    assert set(findings(cells("allocators", "postponed", "default"))) == {"loss", "undecided"}


def test_recursion_and_the_reserve_repair_what_there_is_to_repair() -> None:
    expensive = cells("memory", "recursive", "default", lambda r: axis(r, "anon_share") > 0.5 and axis(r, "w_alloc_milli") >= 1000)
    assert findings(expensive) == {"win": 11, "undecided": 1}
    assert findings(cells("memory", "recursive", "default"))["loss"] == 0
    assert sum(findings(cells(m, "strict_reserve", "default"))["loss"] for m in ("memory", "limits", "allocators")) == 1
    apart = [r for m in ("memory", "limits", "allocators") for r in cells(m, "strict_reserve", "tuned") if r["verdict"] in ("win", "loss")]
    assert len(apart) == 1
    for policy in ("recursive", "strict_reserve", "way_forward", "preallocated"):
        assert findings(cells("memory", policy, "tuned"))["win"] == 0
    for policy in ("recursive", "strict_reserve", "preallocated"):
        assert findings(cells("limits", policy, "tuned")) == {"undecided": 25}


def test_the_other_proposals() -> None:
    assert findings(cells("allocators", "way_forward", "default", lambda r: axis(r, "anon_tasks") >= 4))["loss"] == 0
    dear = cells("memory", "way_forward", "default", lambda r: axis(r, "anon_share") > 0.5 and axis(r, "w_alloc_milli") >= 2000)
    assert set(findings(dear)) == {"win"}
    assert set(findings(cells("memory", "way_forward", "default", lambda r: axis(r, "w_alloc_milli") == 0))) <= {"loss", "tie", "undecided"}
    for map_ in ("memory", "allocators"):
        lost = cells(map_, "way_forward", "tuned")
        assert findings(lost)["loss"] > len(lost) / 2
    assert set(findings(cells("limits", "handoff", "default"))) == {"loss", "undecided"}
    few = cells("allocators", "clean_floor", "default", lambda r: axis(r, "anon_tasks") <= 2)
    assert (findings(few)["loss"], len(few)) == (4, 10)
    assert findings(cells("allocators", "preallocated", "tuned"))["loss"] > 25 / 2
    assert set(findings(cells("memory", "laundry_queue", "default", lambda r: axis(r, "anon_share") == 0.4))) == {"loss"}
    for at in ("default", "tuned"):
        for map_ in ("memory", "limits", "allocators"):
            every = cells(map_, "postponed", at)
            assert findings(every)["undecided"] < len(every) / 2


def test_who_is_beaten_by_nobody_most_often() -> None:
    def unbeaten(map_: str, at: str) -> str:
        found = Counter(r["policy"] for r in LAUNDRY if (r["map"], r["at"]) == (f"laundry-{map_}", at) and r["place"] in ("best", "shared"))
        return found.most_common(1)[0][0]

    assert unbeaten("memory", "tuned") == unbeaten("limits", "tuned") == "clean_floor"
    assert unbeaten("limits", "default") == "laundry_queue"


def test_the_device_decides_and_not_the_vendor() -> None:
    nvme = {("nvme", "load=simoop ram_mib=256"), ("nvme", "load=simoop ram_mib=1024"), ("nvme", "load=w8-streaming-writers ram_mib=256")}
    disk = ("hdd", "load=simoop ram_mib=256")
    for setting in ("tuned-throughput-performance", "tuned-postgresql", "netflix", "pop-os"):
        assert nvme <= published(setting, "win")
        assert disk in published(setting, "loss")
    for setting in ("tuned-latency-performance", "redhat-db"):
        assert disk in published(setting, "tie")
    assert disk in published("tuned-virtual-guest", "undecided")


def test_what_costs_is_named_completely() -> None:
    edge = ("noswap", "pods_ram=0.8 ram_mib=256")
    server = {("8g-nvme", "service_ram=0.7"), ("8g-nvme", "service_ram=0.9")}
    assert {(m, c.split(" service_mib")[0]) for m, c in published("wsf-200", "loss")} == {edge, ("nvme", "load=simoop ram_mib=256"), *server}
    small = {(m, c) for m, c in published("aws-ena-1", "loss") if not m.startswith("8g")}
    assert small == {("nvme", "load=simoop ram_mib=256")}
    killed = {(r["setting"], r["label"].replace(" duration_s=6", "")) for r in DEFAULTS if int(r["oom"]) > int(r["oom_default"])}
    assert ("gpfs", edge[1]) in killed
    assert {setting for setting, _ in killed} == {"gpfs", "thp-default"}


def test_figures_in_milliseconds_stand_in_a_table() -> None:
    page = tables.PAGE.read_text(encoding="utf-8")
    blocks = " ".join(match[0] for match in tables.BLOCK.finditer(page))
    quoted = re.findall(r"(\d+\.\d\d)(?= ms| instead)|instead of (\d+\.\d\d)", tables.BLOCK.sub("", page))
    assert quoted
    assert not [one or other for one, other in quoted if (one or other) not in blocks]
