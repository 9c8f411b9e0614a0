"""A large min_free_kbytes: dangerous because the simulated machine dies of it, not because a rule says so."""

from __future__ import annotations

from sweep.compare import compare
from sweep.library import config_file
from sweep.scenario import load_scenario
from sweep.sysctl import problem


def test_beyond_a_tenth_of_ram_a_full_node_dies_and_before_it_slows_down() -> None:
    scenario = load_scenario(config_file("min-free", "scenario"), ("seeds=2",))
    found = {result.row.name: result for result in compare(scenario.only(["node default", "node 0.4 %", "node 10 %", "node 15 %"]))}
    assert [found[name].count("killed") for name in ("node default", "node 0.4 %", "node 10 %", "node 15 %")] == [0, 0, 0, 2]
    slower = found["node 10 %"].ratio("throughput")
    assert slower is not None
    assert slower < 0.95


def test_no_rule_in_code_forbids_it() -> None:
    for share in (0.05, 0.1, 0.4, 0.9):
        assert problem("min_free_kbytes", int(share * (1 << 20)), "6.12", 1 << 20) == ""
