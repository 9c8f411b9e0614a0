"""A report of one policy says what its search found, why, and what vendors' settings do, in place of a map; every report has cards."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from core import Machine, policies
from sweep.board import boards
from sweep.cards import cards
from sweep.errors import ConfigError
from sweep.fields import build
from sweep.gains import gain_summary, gains
from sweep.graded import graded
from sweep.library import load_named
from sweep.maps import build_map
from sweep.report import write_report
from sweep.results import Results, load_results
from sweep.verdict import labels
from tests import tinysweep
from tests.planted import Plan, Truth, planted, same

AXES = {"anon_share": [0.2, 0.5, 0.8], "w_alloc_milli": [0]}
BASELINE = {"source": "a page", "role": "servers", "ram_mib": 1}


def better_where_anonymous(cell, _policy, tuned):
    return Truth(speed=60_000 if tuned and cell["anon_share"] >= 0.5 else 50_000)


def alone(plan: Plan = better_where_anonymous, noise: float = 0.01) -> Results:
    """A sweep of one policy."""
    found = planted(plan, axes=AXES, policies=["flusher_only", "inline"], noise=noise)
    trials, replicates = (table[table["policy"] == "flusher_only"].reset_index(drop=True) for table in (found.trials, found.replicates))
    return replace(found, trials=trials, replicates=replicates, config={**found.config, "compare": None, "policies": ["flusher_only"]})


def with_published() -> Results:
    """Trial 1 is what a vendor publishes: a third slower where most is anonymous, the same elsewhere."""
    found = alone(same, noise=0.001)
    machine = build(Machine, load_named("machine", "pc-2007-128m", Path("x.yaml"))[0])
    policy = policies.load("flusher_only")
    trials = found.trials.drop(columns=[name for name in found.trials if str(name).startswith("param:")])
    settings = [policy.resolve(machine, {}), policy.resolve(machine, {"swappiness": 1}), policy.resolve(machine, {"dirty_ratio": 30})]
    for name in settings[0]:
        trials[f"param:{name}"] = pd.array([settings[trial][name] for trial in trials["trial"]], dtype="Int64")
    replicates = pd.concat([found.replicates] + [_more(found.replicates, n) for n in range(2, 8)])
    slow = (replicates["trial"] == 1) & (replicates["cell"] == 2) & (replicates["phase"] == "search")
    replicates.loc[slow, "throughput"] *= 2 / 3
    baselines = {"swap-late": BASELINE | {"values": {"swappiness": 1}}, "huge": BASELINE | {"ram_mib": 4096, "values": {"swappiness": 2}}}
    config = {**found.config, "compare": None, "baselines": baselines, "search": {**found.config["search"], "baselines": ["swap-late", "huge"]}}
    return replace(found, trials=trials, replicates=replicates.reset_index(drop=True), config=config)


def _more(replicates: pd.DataFrame, number: int) -> pd.DataFrame:
    """The first search replicates once more, as number ``number``, on streams of their own."""
    copied = replicates[(replicates["phase"] == "search") & (replicates["replicate"] == 0)].copy()
    copied["replicate"] = number
    copied["stream_digest"] = copied["stream_digest"] + f"-{number}"
    copied["throughput"] *= 1 + 0.0002 * number * (1 + copied["trial"] % 2)
    return copied


def test_what_the_search_found_is_judged_cell_by_cell() -> None:
    found = gains(alone())
    assert [one.verdict.finding for one in found if one.verdict] == ["tie", "win", "win"]
    assert found[1].changed
    assert gain_summary(found).startswith(
        "The best that the search found is better than the kernel's defaults in 2 of 3 cells and worse in 0; 1 tie, 0 undecided"
    )


def test_where_the_defaults_are_the_best_nothing_is_claimed() -> None:
    results = alone()
    trials = results.trials.copy()
    trials["is_best"] = trials["is_default"]
    found = gains(replace(results, trials=trials))
    assert [one.verdict for one in found] == [None] * 3
    assert "in 3 nothing better than the defaults was found" in gain_summary(found)


def test_a_published_setting_is_judged_by_the_trials_that_have_its_values() -> None:
    found = {(one.setting, one.label): one for one in graded(with_published())}
    assert len(found) == 6
    lost = found["swap-late", "anon_share=0.8 w_alloc_milli=0"]
    assert lost.verdict is not None
    assert lost.verdict.finding == "loss"
    assert lost.verdict.effect is not None
    assert lost.verdict.effect.value == pytest.approx(-1 / 3, abs=0.01)
    assert found["swap-late", "anon_share=0.2 w_alloc_milli=0"].verdict.finding == "tie"
    assert found["huge", "anon_share=0.2 w_alloc_milli=0"].why_not == "is for 4096 MiB of RAM and more"
    (board,) = boards(list(found.values()))
    assert board.cells == (("anon_share=0.2",), ("anon_share=0.5",), ("anon_share=0.8",))
    assert board.sentence == "What vendors publish, 3 times a setting in one of 3 cells: 0 better than the kernel's defaults, 1 worse, 2 ties, 0 undecided."


def test_the_report_of_one_policy_has_all_but_a_map(tmp_path) -> None:
    """Planted runs cannot be simulated again: it is written without time lines, and no cell is a link."""
    text = write_report(with_published(), tmp_path).read_text(encoding="utf-8")
    for section in ("published", "gains", "recommend", "pareto"):
        assert f'id="{section}"' in text
        assert f'href="#{section}"' in text
    for section in ("map", "plane", "why"):
        assert f'id="{section}"' not in text
    assert 'href="#why-' not in text
    assert "A click on a cell" not in text
    assert "Not run: is for 4096 MiB of RAM and more." in text
    assert "highwater report planted" in text
    assert not re.search(r"""(src|href)=["'](?!#)""", text.replace("xlink:href", "href"))


def test_each_cell_of_the_gains_is_one_click_from_its_time_lines(tmp_path: Path) -> None:
    results = load_results(tinysweep.alone(tmp_path))
    text = write_report(results, tmp_path, explained=40, figures=tmp_path / "figures").read_text(encoding="utf-8")
    table = text[text.index('id="gains"') : text.index('id="why"')]
    judged = [one.verdict.cell for one in gains(results) if one.verdict]
    assert judged == [0, 1], "light has nothing better than the defaults"
    assert re.findall(r'<a href="#(why-[\w-]+)">([^<]+)</a>', table) == [(f"why-search-{cell}", label) for cell, label in labels(results)[:2]]
    assert '<th scope="row">light</th>' in table
    assert "A click on a cell opens its time lines." in table
    identifiers = re.findall(r'\bid="([^"]+)"', text)
    assert len(identifiers) == len(set(identifiers))
    assert [name for name in identifiers if name.startswith("why-")] == ["why-search-1", "why-search-0"], "the largest win first"
    assert text.count('<a href="#gains">Back to what the search found</a>') == 2
    assert 'href="#map"' not in text
    assert "tuned settings better: throughput +" in text
    assert "Unlike the defaults, dirty_ratio = " in text
    assert "<code>highwater why alone 1</code>" in text
    assert "the best settings that the search found and under the kernel" in text
    names = {path.name for path in (tmp_path / "figures").glob("why-*")}
    assert names == {f"why-search-{cell}-inline-{side}.{kind}" for cell in (0, 1) for side in ("best", "defaults") for kind in ("svg", "png")}
    few = write_report(results, tmp_path, explained=1).read_text(encoding="utf-8")
    assert "Cells without time lines here: 1. Any of them: highwater why alone CELL." in few
    assert few.count('<a href="#why-search-') == 1


def test_a_map_of_one_policy_is_refused_with_a_way_out() -> None:
    with pytest.raises(ConfigError, match="flusher_only; allowed: two or more for a map; of one: highwater report, recommend"):
        build_map(alone())


def test_a_report_has_a_card_for_each_machine_under_today_s_policy() -> None:
    found, left = cards(planted(better_where_anonymous, axes=AXES))
    assert [words for words, _ in found] == ["flusher_only, 128 MiB, files on hdd, swap hdd"]
    assert "highwater recommend planted --policy flusher_only" in found[0][1]
    assert left == ""
