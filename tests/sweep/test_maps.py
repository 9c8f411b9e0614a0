"""Maps: every cell has its place, whichever axes are drawn; rankings name the best policy without picking first."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sweep.errors import ConfigError
from sweep.maps import build_map, layout
from sweep.ranking import standings
from tests.planted import Truth, planted

THREE = {"anon_share": [0.2, 0.8], "w_alloc_milli": [0, 1000], "device": ["disk", "flash", "zram"]}


def test_first_two_axes_are_drawn_and_points_listed() -> None:
    found = layout(planted(points=("w1", "sqlite")))
    assert (found.x.name, found.y.name) == ("anon_share", "w_alloc_milli")
    assert [facet.rows for facet in found.facets] == [((0, 2, 4), (1, 3, 5))]
    assert found.points == (6, 7)


def test_other_axes_become_facets_and_no_cell_is_lost_or_drawn_twice() -> None:
    found = layout(planted(axes=THREE), ["device", "anon_share"])
    assert [facet.title for facet in found.facets] == ["w_alloc_milli = 0", "w_alloc_milli = 1000"]
    assert [found.x.text(i) for i in range(3)] == ["disk", "flash", "zram"]
    drawn = [cell for facet in found.facets for row in facet.rows for cell in row]
    assert sorted(drawn) == list(range(12))


def test_one_axis_gives_one_row_and_none_gives_only_points() -> None:
    one = layout(planted(axes={"ram_mib": [64, 128]}))
    assert one.facets[0].rows == ((0, 1),)
    assert (one.y.name, one.x.title) == ("", "ram_mib (MiB)")
    none = layout(planted(axes={}, points=("w1",)))
    assert none.facets == ()
    assert none.points == (0,)


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        (["ram"], "axes: ram; allowed: anon_share, w_alloc_milli"),
        (["anon_share", "anon_share"], "allowed: one or two different axes"),
    ],
)
def test_wrong_axes_are_named(axes: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        layout(planted(), axes)


def test_a_map_follows_the_sweep_file_unless_told_otherwise() -> None:
    results = planted()
    assert (build_map(results).challenger, build_map(results).baseline) == ("postponed", "inline")
    other = build_map(results, "flusher_only", "postponed")
    assert {v.challenger for v in other.verdicts["tuned"].values()} == {"flusher_only"}
    with pytest.raises(ConfigError, match="inline against itself; allowed: two policies"):
        build_map(results, "inline", "inline")


def test_provenance_says_how_to_get_it_again() -> None:
    found = build_map(planted()).provenance
    assert (found.sweep, found.seed, found.n_confirm, found.n_trials) == ("planted", 2007, 8, 54)
    assert "highwater run planted.yaml" in found.command
    assert "numpy" in found.versions


def test_ranking_finds_the_best_the_beaten_and_the_dead() -> None:
    def plan(_cell: Mapping[str, object], policy: str, _tuned: bool) -> Truth:
        return {"inline": Truth(), "postponed": Truth(oom=1.0), "flusher_only": Truth(speed=60_000)}[policy]

    first = {s.policy: s for s in standings(planted(plan), "tuned") if s.cell == 0}
    assert {policy: s.place for policy, s in first.items()} == {
        "inline": "beaten",
        "postponed": "fails",
        "flusher_only": "best",
    }
    assert first["inline"].beaten_by == ("flusher_only",)
    assert first["inline"].relative == pytest.approx(-1 / 6, abs=0.02)
    assert first["flusher_only"].relative == 0.0


def test_equal_policies_share_the_first_place() -> None:
    assert {s.place for s in standings(planted(noise=0.05), "tuned")} == {"shared"}
