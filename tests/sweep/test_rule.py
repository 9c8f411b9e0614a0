"""Rules over machines: stated where the safe regions carry them, refused where they do not."""

from __future__ import annotations

import re

import pytest

from sweep.errors import ConfigError
from sweep.rule import Safe, Tier, fitted, rules, statement
from tests.planted import planted


def safe(ram: int, low: int, high: int, devices: str = "ssd") -> Safe:
    return Safe(Tier(ram, devices), low, (low + high) // 2, high)


def test_a_value_that_is_safe_everywhere_needs_no_rule() -> None:
    assert statement([safe(512, 20, 400), safe(1024, 100, 900), safe(4096, 50, 300)]) == "no rule is needed: 100 to 300 is safe on all of them"


def test_a_power_of_ram_is_found_and_its_interval_holds_the_exponent() -> None:
    regions = [safe(ram, round(90 * (ram / 1024) ** 0.5), round(110 * (ram / 1024) ** 0.5)) for ram in (128, 512, 2048, 8192)]
    fit = fitted(regions)
    assert fit is not None
    assert fit.low <= 0.5 <= fit.high
    assert fit.factor == pytest.approx(99.5, rel=0.02)
    assert re.fullmatch(r"= 9\d\.\d x \(RAM / 1 GiB\)\^0\.50, exponent 0\.50 \[0\.\d\d, 0\.5\d\]; inside 4 of 4 safe regions", statement(regions))


def test_regions_without_a_trend_give_no_rule() -> None:
    regions = [safe(512, 10, 20), safe(1024, 100, 200), safe(2048, 10, 20), safe(4096, 100, 200)]
    assert statement(regions).startswith("no rule: the safe regions do not meet and have no trend with RAM (exponent ")


def test_devices_may_be_what_decides() -> None:
    regions = [safe(512, 10, 20, "hdd"), safe(1024, 12, 25, "hdd"), safe(512, 100, 200, "ssd")]
    assert statement(regions) == "it depends on the devices: 12 to 20 with hdd; 100 to 200 with ssd (one machine alone)"


def test_one_machine_and_two_sizes_are_not_enough() -> None:
    assert statement([safe(512, 10, 20)]).startswith("no rule: one machine alone sets it, 15 on 512 MiB")
    assert "fewer than 3 sizes" in statement([safe(512, 10, 20), safe(1024, 100, 200)])


def test_a_sweep_of_one_machine_is_refused() -> None:
    from sweep.advise import Wish
    from sweep.retest import Bench

    with pytest.raises(ConfigError, match="--rule: sweep planted: all cells are of one machine"):
        list(rules(planted(), Wish(), Bench()))
