"""A job's name depends on its content alone, and no path can smuggle anything in."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.errors import LaunchError
from cluster.job import MAX_SWEEP_BYTES, Job, load_job

DUEL = Job(Path("configs/sweeps/duel.yaml"), "name: duel\n")


def test_the_same_content_has_the_same_name_wherever_it_lies() -> None:
    assert DUEL.name == Job(Path("elsewhere/duel.yaml"), "name: duel\n").name
    assert DUEL.name != Job(DUEL.path, "name: duel2\n").name
    assert DUEL.name != Job(DUEL.path, DUEL.text, ("--quiet",)).name
    assert DUEL.name.rpartition("-")[0] == Job(DUEL.path, DUEL.text, attempt=2).name.rpartition("-")[0]


@given(st.text(st.characters(blacklist_categories=["Cc", "Cs"], blacklist_characters="/"), min_size=1))
def test_a_name_is_a_dns_label_whatever_the_file_is_called(stem: str) -> None:
    name = Job(Path("x") / f"{stem}.yaml", "", attempt=9999).name
    assert re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", name)
    assert len(name) <= 47


def test_a_file_that_looks_like_an_option_is_still_a_file() -> None:
    assert DUEL.command("-rf.yaml") == ("highwater", "run", "./-rf.yaml", "--address", "auto")


@pytest.mark.parametrize("word", ["a\nb", "a\x00b", "\x1b[2J"])
def test_control_characters_are_refused(word: str) -> None:
    with pytest.raises(LaunchError, match="no control characters"):
        Job(Path(word), "")
    with pytest.raises(LaunchError, match="no control characters"):
        Job(DUEL.path, "", (word,))


def test_a_file_that_cannot_be_a_sweep_is_one_line(tmp_path: Path) -> None:
    sweep = tmp_path / "sweep.yaml"
    with pytest.raises(LaunchError, match=r"sweep\.yaml: No such file"):
        load_job(sweep)
    sweep.write_bytes(b"name: \xff\n")
    with pytest.raises(LaunchError, match=r"not UTF-8 text .* at byte 6"):
        load_job(sweep)
    sweep.write_bytes(b"#" * (MAX_SWEEP_BYTES + 1))
    with pytest.raises(LaunchError, match="at most"):
        load_job(sweep)
    sweep.write_text("name: duel\n")
    assert load_job(sweep, attempt=3).name == Job(sweep, "name: duel\n", attempt=3).name
