"""Published settings beside the answer, on the same streams; and the choice of what is worth a retest in several cells."""

from __future__ import annotations

import math
from dataclasses import replace

from sweep.advise import beside_text
from sweep.arms import Arm
from sweep.baselines import Baseline
from sweep.candidates import Candidates, Params
from sweep.card import card
from sweep.published import CAPTURED, captured, families
from sweep.recommend import recommend
from sweep.recommendation import Recommendation
from sweep.results import Results
from sweep.shortlist import pool, shortlist
from sweep.sysctl import parse
from tests.planted import Truth, planted

OURS = {
    "slow": Baseline(source="a wiki", role="nobody", values={"swappiness": 1}),
    "large": Baseline(source="a wiki", role="large machines", ram_mib=4096, values={"swappiness": 2}),
    "bytes": Baseline(source="a wiki", role="all", values={"dirty_bytes": 13_421_773, "no_such_key": 1}),
    "deadly": Baseline(source="a wiki", role="all", values={"min_free_kbytes": 60_000}),
}


def arm(cell: int, policy: str, params: Params, n: int = 60) -> Arm:
    values = dict(params)
    speed = 50_000.0 * (0.5 if values["swappiness"] == 1 else 1.0) * (1.4 if 1448 < values["min_free_kbytes"] < 5000 else 1.0)
    dies = values["min_free_kbytes"] > 50_000
    return Arm(cell, policy, -1, params, tuple(range(n)), ("s",) * n, (dies,) * n, tuple(speed * (1 + 0.001 * (i % 5)) for i in range(n)))


def sweep() -> Results:
    return planted(lambda _c, _p, tuned: Truth(speed=60_000 if tuned else 50_000), axes={}, points=["node"])


def graded() -> Recommendation:
    return recommend(sweep(), cell="node", oom_bound=0.06, retest=arm, published=OURS)


def test_they_are_graded_on_the_same_streams_as_the_answer() -> None:
    found = graded()
    by_name = {one.name: one for one in found.published}
    assert found.beside is not None
    own, default = found.beside
    assert own is not None
    assert own.evidence[0].n == default.evidence[0].n == by_name["slow"].evidence[0].n == 60
    assert str(own.effect).startswith("+40 %")
    assert by_name["slow"].remark == "slower in node"
    assert (by_name["deadly"].deaths, by_name["deadly"].upper) == ("60/60", 1.0)
    assert by_name["deadly"].remark == "more OOMs in node"
    assert by_name["large"].why_not == "is for 4096 MiB of RAM and more"
    assert dict(by_name["bytes"].params) == {"dirty_bytes": 13_421_773}
    assert by_name["bytes"].left_out == "vm.no_such_key: not simulated for kernels of 6.12"
    assert by_name["deadly"].held is not None
    assert default.held is not None
    assert by_name["deadly"].held.high > 10 * default.held.high


def test_card_and_terminal_show_them_and_the_terminal_stays_a_sysctl_file() -> None:
    found = graded()
    text = card(sweep(), found)
    for words in ("### Published settings on this machine", "kernel default", "not run: is for 4096 MiB of RAM and more", "a wiki; for nobody"):
        assert words in text, words
    assert parse(found.text + beside_text(found)) == parse(found.text)
    assert "deadly" in beside_text(found)


def test_the_families_that_people_ask_about_are_in_the_catalogue() -> None:
    from pathlib import Path

    from sweep.baselines import load_baselines

    names = set(families(load_baselines(Path("sweep.yaml"))))
    for prefix in ("tuned-", "suse-", "redhat-", "aws-", "ceph-", "pop-os", "openshift-"):
        assert any(name.startswith(prefix) for name in names), prefix


def test_what_was_captured_becomes_a_baseline_with_one_key_of_a_pair() -> None:
    found = captured({"dirty_ratio": 0, "dirty_bytes": 1 << 28, "dirty_background_bytes": 0, "swappiness": 10})
    assert found[CAPTURED].values == {"dirty_bytes": 1 << 28, "swappiness": 10}
    assert captured({}) == {}


def cells_apart() -> Results:
    """Two cells with tuned bests that are bad for each other."""
    results = planted(lambda _c, _p, tuned: Truth(speed=60_000 if tuned else 50_000), axes={"anon_share": [0.2, 0.8]})
    trials = results.trials.copy()
    trials.loc[trials["is_best"] & (trials["cell"] == 0), "param:min_free_kbytes"] = 8 * 1448
    trials.loc[trials["is_best"] & (trials["cell"] == 1), "param:min_free_kbytes"] = 1448
    return replace(results, trials=trials)


def peaks(cell: int, policy: str, params: Params, n: int = 60) -> Arm:
    """Fastest at 16 times the default in one cell and at the default's double in the other; half-way helps both."""
    distance = math.log2(dict(params)["min_free_kbytes"] / 1448)
    gain = {0: 0.1 * distance, 1: 0.2 - 0.1 * abs(distance - 1.5)}[cell] - 0.05 * (dict(params)["dirty_ratio"] != 20)
    speed = 50_000 * math.exp(gain)
    return Arm(cell, policy, -1, params, tuple(range(n)), ("s",) * n, (False,) * n, tuple(speed * (1 + 0.001 * (i % 5)) for i in range(n)))


def test_a_setting_between_two_tuned_bests_can_win_for_both() -> None:
    results = cells_apart()
    candidates = Candidates(results, "flusher_only", peaks)
    tried = pool(candidates, [0, 1], candidates.defaults(0))
    assert len(tried) == len(set(tried))
    short = shortlist(candidates, [0, 1], tried, lambda c, p, q: peaks(c, p, q, 4), 4, True)
    found = recommend(results, retest=peaks, tryout=lambda c, p, q: peaks(c, p, q, 4), oom_bound=0.1)
    assert not found.keep_default
    assert tuple((change.name, change.value) for change in found.changes) in short
    assert "dirty_ratio" not in {change.name for change in found.changes}, "what only costs is left out"
    assert all(e.effect is not None and e.effect.low > 0 for e in found.evidence)
