"""The judgement: ranks, errors, verdicts, and the committed results against their bars."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.outcome import Outcome
from lab import bars, campaign, fidelity, page, results
from lab.cache import LabError
from lab.validating import beside

FILE = campaign.campaign_file("validation")
ROW = next(iter(results.load(campaign.RESULTS / "calibration.csv").values()))


def compared(name: str, guest: dict[str, int], sim: dict[str, int]) -> fidelity.Compared:
    blank = dict.fromkeys(Outcome.fields(), 0) | {"elapsed_ns": 1_000_000_000}
    return fidelity.Compared(replace(ROW, point=name, metrics={**dict.fromkeys(ROW.metrics, 0), "elapsed_ns": 1_000_000_000, **guest}), blank | sim)


def test_ranks_with_ties() -> None:
    assert fidelity.rank_correlation([(1, 10), (2, 20), (3, 30)]) == pytest.approx(1)
    assert fidelity.rank_correlation([(1, 3), (2, 2), (3, 1)]) == pytest.approx(-1)
    assert fidelity.rank_correlation([(1, 1), (2, 2), (2, 3), (4, 4)]) == pytest.approx(0.9487, abs=1e-4)
    assert fidelity.rank_correlation([(1, 1), (2, 1)]) == 0


def test_errors_verdicts_and_times() -> None:
    lives = compared("a-00", {"ops_done": 1000, "pgscan_kswapd": 2000}, {"ops_done": 1200, "pgscan_kswapd": 1000})
    killed = compared("a-01", {"ops_done": 500, "oom_kills": 1, "time_to_first_oom_ns": 10**9}, {"ops_done": 500})
    both = compared(
        "a-02", {"ops_done": 100, "deadlock": 1, "time_to_first_oom_ns": 10**9}, {"ops_done": 50, "oom_kills": 1, "time_to_first_oom_ns": 2 * 10**9}
    )
    found = fidelity.Fidelity("validation", (lives, killed, both), 0)
    assert lives.error("operations done") == pytest.approx(0.2)
    assert lives.error("scanned") == pytest.approx(-0.5)
    assert lives.error("swapped in") is None
    assert found.confusion == {(False, False): 1, (True, False): 1, (False, True): 0, (True, True): 1}
    assert found.oom_right == pytest.approx(2 / 3)
    assert found.oom_times == [("a-02", 1.0, 2.0)]
    assert found.worst(1) == [both]


def test_a_figure_worse_than_its_bar_is_named(tmp_path: Path) -> None:
    figures = {"median error: written": 0.3, "right OOM verdicts": 0.96}
    path = tmp_path / "bars.yaml"
    bars.record("one", figures, path)
    bars.record("other", {"right OOM verdicts": 0.5}, path)
    limits = bars.load_bars("one", path)
    assert bars.load_bars("other", path) == {"right OOM verdicts": 0.48}
    assert bars.load_bars("nobody's", path) == {}
    assert list(fidelity.broken(figures, limits)) == []
    assert list(fidelity.broken({"median error: written": 0.33, "right OOM verdicts": 0.9}, limits)) == [
        "median error: written: 0.330; bar: 0.320",
        "right OOM verdicts: 0.900; bar: 0.940",
    ]
    bars.record("one", {"median error: written": 0.35, "right OOM verdicts": 0.98}, path)
    assert bars.load_bars("one", path) == {"median error: written": 0.32, "right OOM verdicts": 0.96}, "none is loosened"


def test_calibration_and_validation_share_no_point() -> None:
    known = {}
    for name in ("calibration", "validation", "two-cpus"):
        path = campaign.campaign_file(name)
        known[name] = {point.config_hash for point in campaign.points(campaign.load_campaign(path), path)}
    assert not known["calibration"] & known["validation"]
    assert not known["calibration"] & known["two-cpus"]
    assert len(known["calibration"]) >= 20
    assert len(known["two-cpus"]) >= 12
    assert len(known["validation"]) >= 100


def test_results_of_another_setting_are_refused() -> None:
    point = next(campaign.points(campaign.load_campaign(FILE), FILE))
    with pytest.raises(LabError, match="another machine, workload or setting"):
        fidelity.compare(point, ROW)


@pytest.mark.compiled
@pytest.mark.slow
@pytest.mark.parametrize("name", ["validation", "two-cpus"])
def test_the_simulator_is_no_further_from_the_kernel_than_its_bars(name: str) -> None:
    found = fidelity.judge(campaign.campaign_file(name))
    limits = bars.load_bars(name)
    assert set(limits) == set(found.figures), "every figure has its bar"
    assert list(fidelity.broken(found.figures, limits)) == []


def test_a_campaign_with_a_title_has_a_section_of_its_own_and_bars_of_its_own() -> None:
    each = compared("crowd2-00", {"ops_done": 1000}, {"ops_done": 1500})
    main = fidelity.Fidelity("validation", (each,), 0)
    text = "\n".join(page.lines(main, [fidelity.Fidelity("two-cpus", (each,), 2, "Two CPUs")]))
    own = text.partition("\n## Two CPUs\n")[2].partition("\n## Where they disagree")[0]
    assert "| median error: operations done | 0.500 | 0.20 **missed** |" in own
    assert "### The 5 worst points" in own
    assert "2 points of the campaign have not been measured" in own
    assert [file.stem for file in beside("validation")] == ["two-cpus"]
    assert set(bars.load_bars("two-cpus")) != set()


def test_a_workload_with_figures_of_its_own() -> None:
    """The median of all points would not show it."""
    points = [compared(f"zipf256-{n:02}", {"ops_done": 1000}, {"ops_done": 1000}) for n in range(9)]
    points.append(compared("writebytes128-00", {"ops_done": 1000, "nr_dirty": 1000}, {"ops_done": 500, "nr_dirty": 4000}))
    figures = fidelity.Fidelity("validation", tuple(points), 0).figures
    assert figures["median error: operations done"] == 0
    assert figures["median error: operations done of writebytes128"] == pytest.approx(0.5)
    assert figures["median error: dirty pages at the end of writebytes128"] == pytest.approx(3)
    assert "median error: written of writebytes128" not in figures, "nothing was written"
